/** A drift report on a terminal: the verdict first, then a line a feature, what needs a look at the top. */
import type { DriftReport, FeatureReport, Verdict } from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { rulesText } from "./drift-rules.js";
import { figure, pValueFigure, shareFigure } from "./figures.js";
import { type Cell, nameText, paint, type Style, type TableColumn, tableText } from "./table.js";

export interface DriftTextOptions {
  readonly reference: string;
  readonly current: string;
  readonly alpha: number;
}

const verdictStyles: Readonly<Record<Verdict, Style>> = {
  drift: "red",
  stable: "green",
  "insufficient-data": "yellow",
};
const verdictOrder: readonly Verdict[] = ["drift", "insufficient-data", "stable"];

export function driftText(report: DriftReport, options: DriftTextOptions): string {
  const { rows, verdict } = report;
  const named = (name: string, count: number) => `${visibleText(name)}, ${formatPlural(count, "row")}`;
  const lines = [
    `${paint(verdict, verdictStyles[verdict])}: ${summaryText(report, options)}`,
    `reference ${named(options.reference, rows.reference)}; current ${named(options.current, rows.current)}`,
    "",
    featureTable(report),
  ];
  const moved = movedLines(report);
  if (moved.length > 0) lines.push("", ...moved);
  const columns = schemaLines(report);
  if (columns.length > 0) lines.push("", ...columns);
  const note = noteText(report);
  if (note !== null) lines.push("", note);
  return lines.join("\n");
}

/** Sentences of the features that need one most; the rest are in the page and in the JSON document. */
const sentencesMax = 20;

function movedLines(report: DriftReport): string[] {
  const drifted = sortedFeatures(report).filter(([, { verdict }]) => verdict === "drift");
  const lines = drifted
    .slice(0, sentencesMax)
    .map(([name, { explanation }]) => `${nameText(name)}: ${visibleText(explanation.sentence)}`);
  const left = drifted.length - lines.length;
  return left > 0 ? [...lines, `and ${formatPlural(left, "feature")} more`] : lines;
}

function summaryText(report: DriftReport, { alpha }: DriftTextOptions): string {
  const all = Object.values(report.features);
  const drifted = all.filter(({ verdict }) => verdict === "drift");
  if (report.rows.current === 0) return "there are no current rows";
  const watched = drifted.filter(({ votes }) => !votes).length;
  const note = watched === 0 ? "" : `, ${formatCount(watched)} of them only watched`;
  return `${formatCount(drifted.length)} of ${formatPlural(all.length, "feature")} drifted${note} (${rulesText(report, alpha)})`;
}

/** Drifted ones first, then by PSI; ties by name. */
export function sortedFeatures(report: DriftReport): [name: string, feature: FeatureReport][] {
  return Object.entries(report.features).sort(
    ([leftName, left], [rightName, right]) =>
      verdictOrder.indexOf(left.verdict) - verdictOrder.indexOf(right.verdict) ||
      right.psi.value - left.psi.value ||
      (leftName < rightName ? -1 : 1),
  );
}

function featureTable(report: DriftReport): string {
  const thresholds = new Set(Object.values(report.features).map(({ psi }) => psi.threshold));
  const threshold = thresholds.size === 1 ? [...thresholds][0] : "threshold";
  const columns: TableColumn[] = [
    { title: "feature" },
    { title: "verdict" },
    { title: "PSI", isNumber: true },
    { title: `p(PSI > ${threshold})`, isNumber: true },
    { title: "KS", isNumber: true },
    { title: "KL", isNumber: true },
    { title: "missing now", isNumber: true },
  ];
  return tableText(
    columns,
    sortedFeatures(report).map(([name, { verdict, votes, psi, ks, kl, missing }]): Cell[] => [
      nameText(name),
      { text: votes ? verdict : `${verdict} (watched)`, style: verdictStyles[verdict] },
      figure(psi.value),
      pValueFigure(psi.pValueAtThreshold),
      ksText(ks),
      figure(kl.value),
      shareFigure(missing.current),
    ]),
  );
}

/** Both ends where the distance is only bounded. */
function ksText(ks: FeatureReport["ks"]): string {
  if (ks === null) return "-";
  const [lower, upper] = [figure(ks.lower), figure(ks.upper)];
  return lower === upper ? lower : `${lower} .. ${upper}`;
}

const namesMax = 12;

function schemaLines({ schema }: DriftReport): string[] {
  if (schema === undefined) return [];
  const list = (texts: readonly string[]) =>
    [
      ...texts.slice(0, namesMax),
      ...(texts.length > namesMax ? [`${formatCount(texts.length - namesMax)} more`] : []),
    ].join(", ");
  const { added, gone, changed } = schema;
  const turned = changed.map(
    ({ feature, reference, current }) => `${nameText(feature)} (${reference}, now ${current})`,
  );
  return [
    ...(gone.length > 0 ? [`columns gone, counted as missing: ${list(gone.map(nameText))}`] : []),
    ...(added.length > 0 ? [`columns that the reference does not have: ${list(added.map(nameText))}`] : []),
    ...(turned.length > 0 ? [`columns of another type: ${list(turned)}`] : []),
  ];
}

function noteText({ features, rows }: DriftReport): string | null {
  const unsure = Object.values(features).filter(({ verdict }) => verdict === "insufficient-data");
  if (unsure.length === 0 || rows.current === 0) return null;
  const least = Math.max(...unsure.map(({ psi }) => psi.detectable));
  return `insufficient-data: with so few rows chance alone exceeds the threshold; a PSI of ${figure(least)} or more could be told from noise.`;
}
