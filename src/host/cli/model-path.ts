/** `mendline model path` and `mendline model common`: how models are related. */
import type { Command } from "commander";
import type { ModelPath, NamedModel, SharedModel } from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import type { CommandContext } from "./context.js";
import { shortId } from "./figures.js";
import { pairsText } from "./model-facts.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { nameText, tableText } from "./table.js";
import { parseList, parseText } from "./values.js";
import { withStore } from "./workspace.js";

type Flags = OutputOptions & StoreOptions;

export function addModelPathCommands(parent: Command, context: CommandContext): void {
  const path = parent
    .command("path")
    .description("Show the shortest way from one model to another: up to a common ancestor, and down.")
    .argument("<from>", refHelp, parseText)
    .argument("<to>", "the same", parseText);
  addOutputOption(addStoreOption(path)).action(async (from: string, to: string, flags: Flags) => {
    const found = await withStore(context, flags, ({ engine, signal }) => engine.path(from, to, { signal }));
    await print({ json: found, text: () => pathText(found) }, flags);
  });

  const common = parent
    .command("common")
    .description("List the lowest ancestors that models have in common, nearest first.")
    .argument("<refs...>", `2 to 16 models: ${refHelp}`, parseList);
  addOutputOption(addStoreOption(common)).action(async (refs: readonly string[], flags: Flags) => {
    const shared = await withStore(context, flags, ({ engine, signal }) =>
      engine.commonAncestors(refs, { signal }),
    );
    await print({ json: shared, text: () => commonText(shared, refs) }, flags);
  });
}

function labelText({ name, version }: NamedModel): string {
  return nameText(`${name}@${version}`);
}

/** One line a model; arrows show which way its derivation points. */
function pathText(path: ModelPath | null): string {
  if (path === null) return "the two have no common ancestor";
  const lines = path.models.map((model, index) => {
    const mark = model.id === path.commonAncestor.id && path.steps.length > 0 ? "  common ancestor" : "";
    const label = `${labelText(model)}  ${shortId(model.id)}${mark}`;
    const step = path.steps[index];
    if (step === undefined) return label;
    const { transformation, parameters } = step.derivation;
    const details = pairsText(parameters);
    const arrow = step.towards === "parent" ? "↑" : "↓";
    return `${label}\n  ${arrow} ${nameText(transformation + (details === "" ? "" : `: ${details}`))}`;
  });
  return `${formatPlural(path.steps.length, "derivation")}\n${lines.join("\n")}`;
}

function commonText(shared: readonly SharedModel[], refs: readonly string[]): string {
  if (shared.length === 0) return "they have no common ancestor";
  return tableText(
    [
      { title: "model" },
      { title: "id" },
      ...refs.map((ref) => ({ title: `from ${nameText(ref)}`, isNumber: true })),
    ],
    shared.map((model) => [
      `${model.name}@${model.version}`,
      shortId(model.id),
      ...model.distances.map((distance) => formatCount(distance)),
    ]),
  );
}
