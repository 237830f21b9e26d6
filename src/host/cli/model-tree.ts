/** `mendline model tree`: the lineage as a tree on the terminal, and as a page. */
import type { Command } from "commander";
import type { DerivationRecord, Engine, ModelRecord, Transformation, Verdict } from "../../index.js";
import { type LineageGraph, lineagePage, lineageText, type TextPart } from "../pages/lineage-page.js";
import { clipText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { checkTarget, writeWhole } from "./files.js";
import { aliasesByModel, pairsText } from "./model-facts.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { paint, type Style } from "./table.js";
import { parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface TreeFlags extends OutputOptions, StoreOptions {
  readonly html?: string;
  readonly ascii?: boolean;
}

interface Tree {
  readonly nodes: readonly TreeNode[];
  readonly edges: readonly TreeEdge[];
}

interface TreeNode extends Pick<ModelRecord, "id" | "name" | "version" | "createdMs" | "metrics"> {
  readonly aliases: readonly string[];
  /** Of the last window that a monitor has closed for it; null where there is none. */
  readonly verdict: Verdict | null;
}

type TreeEdge = Pick<
  DerivationRecord,
  "parent" | "child" | "transformation" | "parameters" | "metrics" | "createdMs"
>;

const notes = `
A model's weightiest line goes straight on below it, its other children branch off. One of several parents hangs below the newest of
them; the others name it. Marks: an alias stands for it (deployed), what its monitor saw last (healthy, drifted), made by a repair
(repaired). Of the metrics the two that the most models have are told.`;

export function addModelTreeCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("tree")
    .description("Draw the lineage: all of it, or a model with its ancestors and descendants.")
    .argument("[ref]", refHelp, parseText)
    .option("--html <file>", "write it as a page, too", parseText)
    .option("--ascii", "draw with ASCII only (default: where the terminal's locale is not UTF-8)")
    .addHelpText("after", notes);
  addOutputOption(addStoreOption(command)).action(async (ref: string | undefined, flags: TreeFlags) => {
    if (flags.html !== undefined) await checkTarget(flags.html);
    const tree = await withStore(context, flags, (workspace) => readTree(workspace, ref));
    if (flags.html !== undefined) {
      const title = ref === undefined ? "Lineage" : `Lineage of ${ref}`;
      await writeWhole(flags.html, lineagePage(drawnGraph(tree), title));
    }
    await print({ json: tree, text: () => treeText(tree, flags) }, flags);
  });
}

function treeText(tree: Tree, { ascii }: TreeFlags): string {
  if (tree.nodes.length === 0) return "no models yet";
  return lineageText(drawnGraph(tree), { isUnicode: !(ascii ?? isPlainTerminal()), paint: painted });
}

/** A terminal whose locale says another encoding than UTF-8; what is piped is for programs, and always UTF-8. */
function isPlainTerminal(): boolean {
  if (process.stdout.isTTY !== true) return false;
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  const locale = LC_ALL || LC_CTYPE || LANG || "";
  return locale !== "" && !/utf-?8/i.test(locale);
}

const markStyles: Readonly<Record<string, Style>> = {
  deployed: "green",
  healthy: "green",
  drifted: "red",
  repaired: "yellow",
};

function painted(text: string, part: TextPart, mark?: string): string {
  if (part === "name") return paint(text, "bold");
  if (part === "mark") return markStyles[mark!] === undefined ? text : paint(text, markStyles[mark!]!);
  return part === "transformation" ? text : paint(text, "dim");
}

async function readTree({ engine, signal }: Workspace, ref: string | undefined): Promise<Tree> {
  const aliases = await aliasesByModel(engine);
  const verdicts = await verdictsByModel(engine);
  const nodes: TreeNode[] = [];
  for await (const { id, name, version, createdMs, metrics } of modelsOf(engine, ref, signal)) {
    const facts = { aliases: aliases.get(id) ?? [], verdict: verdicts.get(id) ?? null };
    nodes.push({ id, name, version, createdMs, metrics, ...facts });
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

async function verdictsByModel(engine: Engine): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  for (const { lastWindow } of (await engine.status()).monitors)
    if (lastWindow !== null) verdicts.set(lastWindow.model, lastWindow.verdict);
  return verdicts;
}

/** All models, or the one with its relatives up and down. */
async function* modelsOf(
  engine: Engine,
  ref: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ModelRecord> {
  if (ref === undefined) {
    yield* engine.store.models({ signal });
    return;
  }
  const model = await engine.model(ref);
  yield model;
  for await (const { id } of engine.ancestors(model.id, { signal })) yield engine.model(id);
  for await (const { id } of engine.descendants(model.id, { signal })) yield engine.model(id);
}

function drawnGraph({ nodes, edges }: Tree): LineageGraph {
  const repaired = new Set(
    edges.filter(({ transformation }) => transformation === "repair").map(({ child }) => child),
  );
  return {
    nodes: nodes.map(({ id, name, version, createdMs, aliases, verdict, metrics }) => ({
      id,
      name,
      version,
      createdMs,
      marks: marksOf(aliases, verdict, repaired.has(id)),
      metrics,
      ...(aliases.length === 0 ? {} : { note: aliases.join(", ") }),
    })),
    edges: edges.map(({ parent, child, transformation, parameters }) => {
      const note = noteOf(transformation, parameters);
      return { parent, child, transformation, ...(note === "" ? {} : { note }) };
    }),
  };
}

/** Aliases are what a person looks for in a drawing: they mark their model, with its folder or without. */
function marksOf(aliases: readonly string[], verdict: Verdict | null, isRepaired: boolean): string[] {
  const marks: string[] = [];
  if (aliases.length > 0) marks.push("deployed");
  if (verdict === "drift") marks.push("drifted");
  if (verdict === "stable") marks.push("healthy");
  if (isRepaired) marks.push("repaired");
  return marks;
}

/** The one parameter that says the most of each kind. */
const tellingParameters: Partial<Record<Transformation, string>> = {
  "fine-tuning": "epochs",
  pruning: "sparsity",
  quantization: "dtype",
  merge: "weights",
  repair: "scale",
};

function noteOf(transformation: Transformation, parameters: DerivationRecord["parameters"]): string {
  const name = tellingParameters[transformation];
  if (name === undefined || !Object.hasOwn(parameters, name)) return "";
  const value = parameters[name]!;
  const shown = typeof value === "number" ? Number(value.toPrecision(4)) : value;
  return clipText(pairsText({ [name]: shown }), 32);
}
