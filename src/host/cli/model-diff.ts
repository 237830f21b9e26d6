/** `mendline model diff`: two model versions side by side. */
import type { Command } from "commander";
import type { DataDifference, FeatureDifference, ModelDifference } from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import type { CommandContext } from "./context.js";
import { differenceFigure, figure, shareFigure } from "./figures.js";
import {
  addComputeOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { nameText, tableText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

type DiffFlags = OutputOptions & StoreOptions & ComputeOptions;

/** Tensors listed in the text, those that changed the most; `--json` has them all. */
const tensorsListedMax = 20;
const namesListedMax = 5;

export function addModelDiffCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("diff")
    .description("Compare two models: tensor by tensor, their metrics, and what they were trained on.")
    .argument("<source>", refHelp, parseText)
    .argument("<target>", "the same", parseText)
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (source: string, target: string, flags: DiffFlags) => {
      const difference = await withStore(context, flags, ({ engine, signal }) =>
        engine.difference(source, target, { signal }),
      );
      await print({ json: difference, text: () => differenceText(difference) }, flags);
    },
  );
}

const notes = `
changed: share of a tensor's elements that differ. norm: |target - source| / |source|. cosine: 1 is the same direction, 0 nothing
in common. Tensors of whole numbers have no norm and no cosine.`;

function differenceText(difference: ModelDifference): string {
  const { source, target } = difference;
  const label = ({ name, version }: typeof source) => nameText(`${name}@${version}`);
  return [
    `${label(source)} -> ${label(target)}`,
    tensorsText(difference),
    metricsText(difference),
    dataText(difference.data),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function tensorsText({
  tensors,
  added,
  removed,
  reshaped,
  cosine,
  comparedElements,
}: ModelDifference): string {
  const changed = tensors.filter(({ changedShare }) => changedShare > 0);
  const same = formatPlural(tensors.length - changed.length, "tensor");
  const summary = [
    changed.length === 0
      ? `${same}, all the same`
      : `${formatPlural(changed.length, "tensor")} changed, ${formatCount(tensors.length - changed.length)} the same`,
    comparedElements === 0 ? "" : `cosine ${figure(cosine)} over ${formatPlural(comparedElements, "weight")}`,
  ];
  const lines = [summary.filter((part) => part !== "").join("; ")];
  for (const [what, names] of [
    ["only in the target", added],
    ["only in the source", removed],
    ["of another type or shape", reshaped],
  ] as const) {
    if (names.length === 0) continue;
    const listed = names.slice(0, namesListedMax).map(nameText).join(", ");
    const more = names.length > namesListedMax ? ` and ${names.length - namesListedMax} more` : "";
    lines.push(`${what}: ${listed}${more}`);
  }
  if (changed.length === 0) return lines.join("\n");
  const largest = changed
    .toSorted((one, other) => (other.relativeNorm ?? 0) - (one.relativeNorm ?? 0))
    .slice(0, tensorsListedMax);
  const dash = (value: number | null) => (value === null ? "-" : figure(value));
  const table = tableText(
    [
      { title: "tensor" },
      { title: "elements", isNumber: true },
      { title: "changed", isNumber: true },
      { title: "norm", isNumber: true },
      { title: "cosine", isNumber: true },
    ],
    largest.map((one) => [
      one.name,
      formatCount(one.elementCount),
      shareFigure(one.changedShare),
      dash(one.relativeNorm),
      dash(one.cosine),
    ]),
  );
  const more = changed.length - largest.length;
  const rest =
    more > 0 ? `\nand ${formatPlural(more, "tensor")} more that changed less; --json lists all` : "";
  return `${lines.join("\n")}\n\n${table}${rest}`;
}

function metricsText({ metrics }: ModelDifference): string {
  if (metrics.length === 0) return "";
  const dash = (value: number | null, show = figure) => (value === null ? "-" : show(value));
  return tableText(
    [
      { title: "metric" },
      { title: "source", isNumber: true },
      { title: "target", isNumber: true },
      { title: "difference", isNumber: true },
    ],
    metrics.map(({ name, source, target, difference }) => [
      name,
      dash(source),
      dash(target),
      dash(difference, differenceFigure),
    ]),
  );
}

function dataText({ rows, features, recorded }: DataDifference): string {
  if (rows.source === null && rows.target === null) return "";
  const side = (count: number | null) => (count === null ? "unknown data" : formatPlural(count, "row"));
  const heading = `trained on ${side(rows.source)} -> ${side(rows.target)}${recordedText(recorded)}`;
  const table = tableText(
    [
      { title: "feature" },
      { title: "source", isNumber: true },
      { title: "target", isNumber: true },
      { title: "shift", isNumber: true },
      { title: "PSI then", isNumber: true },
      { title: "missing" },
    ],
    features.map((feature) => [
      feature.name,
      figuresText(feature.source),
      figuresText(feature.target),
      feature.shift === null ? "-" : `${differenceFigure(feature.shift)} sd`,
      psiText(recorded, feature.name),
      missingText(feature),
    ]),
  );
  return `${heading}\n\n${table}`;
}

function recordedText(recorded: DataDifference["recorded"]): string {
  return recorded === null ? "" : `; when it was derived: ${nameText(recorded.verdict)}`;
}

function psiText(recorded: DataDifference["recorded"], name: string): string {
  const found = recorded?.features.find((feature) => feature.name === name);
  if (found === undefined || found.psi === null) return "-";
  return figure(found.psi) + (found.verdict === "drift" ? " drift" : "");
}

function figuresText(figures: FeatureDifference["source"]): string {
  if (figures === null) return "-";
  if (figures.categories !== null) return formatPlural(figures.categories, "category", "categories");
  if (figures.mean === null) return "no values";
  return figures.deviation === null
    ? figure(figures.mean)
    : `${figure(figures.mean)} ± ${figure(figures.deviation)}`;
}

function missingText({ source, target }: FeatureDifference): string {
  const side = (figures: FeatureDifference["source"]) =>
    figures === null ? "-" : shareFigure(figures.missing);
  return (source?.missing ?? 0) === 0 && (target?.missing ?? 0) === 0
    ? ""
    : `${side(source)} -> ${side(target)}`;
}
