/** `mendline model tree`: the lineage as a tree on the terminal, and as a page. */
import type { Command } from "commander";
import type { DerivationRecord, Engine, ModelRecord } from "../../index.js";
import { type LineageGraph, lineagePage, lineageText } from "../pages/lineage-drawing.js";
import type { CommandContext } from "./context.js";
import { checkTarget, writeWhole } from "./files.js";
import { aliasesByModel } from "./model-facts.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface TreeFlags extends OutputOptions, StoreOptions {
  readonly html?: string;
}

interface Tree {
  readonly nodes: readonly TreeNode[];
  readonly edges: readonly TreeEdge[];
}

interface TreeNode extends Pick<ModelRecord, "id" | "name" | "version" | "createdMs" | "metrics"> {
  readonly aliases: readonly string[];
}

type TreeEdge = Pick<
  DerivationRecord,
  "parent" | "child" | "transformation" | "parameters" | "metrics" | "createdMs"
>;

export function addModelTreeCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("tree")
    .description("Draw the lineage: all of it, or a model with its ancestors and descendants.")
    .argument("[ref]", refHelp, parseText)
    .option("--html <file>", "write it as a page, too", parseText);
  addOutputOption(addStoreOption(command)).action(async (ref: string | undefined, flags: TreeFlags) => {
    if (flags.html !== undefined) await checkTarget(flags.html);
    const tree = await withStore(context, flags, (workspace) => readTree(workspace, ref));
    if (flags.html !== undefined) {
      const title = ref === undefined ? "Lineage" : `Lineage of ${ref}`;
      await writeWhole(flags.html, lineagePage(drawnGraph(tree), title));
    }
    const text = () => (tree.nodes.length === 0 ? "no models yet" : lineageText(drawnGraph(tree)));
    await print({ json: tree, text }, flags);
  });
}

async function readTree({ engine, signal }: Workspace, ref: string | undefined): Promise<Tree> {
  const aliases = await aliasesByModel(engine);
  const nodes: TreeNode[] = [];
  for await (const { id, name, version, createdMs, metrics } of modelsOf(engine, ref, signal)) {
    nodes.push({ id, name, version, createdMs, metrics, aliases: aliases.get(id) ?? [] });
  }
  const listed = new Set(nodes.map(({ id }) => id));
  const edges: TreeEdge[] = [];
  for (const { id } of nodes) {
    for (const derivation of await engine.store.parents(id)) {
      const { parent, child, transformation, parameters, metrics, createdMs } = derivation;
      if (listed.has(parent)) edges.push({ parent, child, transformation, parameters, metrics, createdMs });
    }
  }
  return { nodes, edges };
}

/** All models, or the one with its relatives up and down. */
async function* modelsOf(
  engine: Engine,
  ref: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ModelRecord> {
  if (ref === undefined) {
    yield* engine.models();
    return;
  }
  const model = await engine.model(ref);
  yield model;
  for await (const { id } of engine.ancestors(model.id, { signal })) yield engine.model(id);
  for await (const { id } of engine.descendants(model.id, { signal })) yield engine.model(id);
}

/** Aliases are what a person looks for in a drawing: they mark their model, with its folder or without. */
function drawnGraph({ nodes, edges }: Tree): LineageGraph {
  return {
    nodes: nodes.map(({ id, name, version, createdMs, aliases }) => ({
      id,
      name,
      version,
      createdMs,
      marks: aliases.length === 0 ? [] : ["deployed"],
      ...(aliases.length === 0 ? {} : { note: aliases.join(", ") }),
    })),
    edges: edges.map(({ parent, child, transformation }) => ({ parent, child, transformation })),
  };
}
