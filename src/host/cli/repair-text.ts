/** A repair told in short lines: drift, ancestor, scale, gate, control, outcome. */
import type {
  BatchNormReport,
  CompatibilityReport,
  ControlReport,
  CurvePoint,
  GateReport,
  KnownLabels,
  PassedOver,
  RepairOutcome,
  RepairReport,
  RungReport,
} from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { sortedFeatures } from "./drift-text.js";
import { differenceFigure, figure, intervalText, pValueFigure, shortId, timeText } from "./figures.js";
import { requestLine } from "./labels-text.js";
import { factsText, nameText, paint, type Style } from "./table.js";

const outcomeStyles: Readonly<Record<RepairOutcome, Style>> = {
  published: "green",
  "on-trial": "yellow",
  "no-drift": "green",
  rejected: "red",
  "not-proven": "yellow",
  "needs-labels": "yellow",
  "no-healthy-ancestor": "red",
};

const driftedListedMax = 8;
const othersListedMax = 8;
const barLength = 30;

export function repairText(report: RepairReport): string {
  const facts: [string, string][] = [["live data", driftLine(report)]];
  const add = (term: string, value: string | null) => {
    if (value !== null) facts.push([term, value]);
  };
  add(
    "passed over",
    report.passedOver.length === 0 ? null : report.passedOver.map(passedOverLine).join("\n"),
  );
  add("ancestor", ancestorLine(report));
  add("others", otherLines(report));
  add("weights", report.compatibility === null ? null : weightsLine(report.compatibility));
  add("batch norm", report.batchNorm === null ? null : batchNormLine(report.batchNorm, report.repaired));
  add("scale", scaleLines(report));
  add("numbers", rungLines(report));
  add("gate", report.gate === null ? null : gateLines(report.gate));
  add("control", report.control === null ? null : controlLine(report.control));
  add("known labels", report.knownLabels === null ? null : knownLine(report.knownLabels));
  add("outcome", outcomeLine(report));
  add("labels", labelsLine(report));
  add("trial", trialLine(report));
  add("model", report.model === null ? null : `${nameText(labelOf(report.model))} ${report.model.id}`);
  add("file", report.path === null ? null : visibleText(report.path));
  add("run", report.run);
  return factsText(facts);
}

const dayMs = 86_400_000;

function knownLine({ requests, selection, gate, stale, labelAgeMs, fromMs, toMs }: KnownLabels): string {
  const days = Math.round(labelAgeMs / dayMs);
  const parts: string[] = [];
  if (fromMs !== null && toMs !== null) {
    parts.push(
      `${formatCount(selection)} to choose the scale and ${formatCount(gate)} for the gate, of ${formatPlural(requests.length, "earlier request")}, given from ${timeText(fromMs)} to ${timeText(toMs)}`,
    );
  }
  if (stale > 0) parts.push(`${formatCount(stale)} left out, older than ${formatPlural(days, "day")}`);
  return parts.join("; ");
}

function driftLine({ drift }: RepairReport): string {
  const features = sortedFeatures(drift);
  const drifted = features.filter(([, { verdict }]) => verdict === "drift");
  const start = `${drift.verdict}: ${formatCount(drifted.length)} of ${formatPlural(features.length, "feature")} on ${formatPlural(drift.rows.current, "row")}`;
  if (drifted.length === 0) return start;
  const named = drifted
    .slice(0, driftedListedMax)
    .map(
      ([name, { psi }]) =>
        `${nameText(name)} (PSI ${figure(psi.value)}, p ${pValueFigure(psi.pValueAtThreshold)})`,
    );
  const more = drifted.length - named.length;
  return `${start}: ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function passedOverLine({ label, distance, reason }: PassedOver): string {
  return `${nameText(label)}, ${away(distance)}: ${visibleText(reason)}`;
}

function ancestorLine({ ancestor }: RepairReport): string | null {
  if (ancestor === null) return null;
  const { label, distance, totalPsi } = ancestor;
  return `${nameText(label)}, ${away(distance)}; PSI of all features ${totalPsi === null ? "not known" : figure(totalPsi)}`;
}

/** Ancestors behind the chosen one. */
function otherLines({ ancestors }: RepairReport): string | null {
  const from = ancestors.findIndex(({ reason }) => reason === null);
  const others = from < 0 ? [] : ancestors.slice(from + 1);
  if (others.length === 0) return null;
  const lines = others.slice(0, othersListedMax).map(({ label, distance, totalPsi, reason }) => {
    const psi = totalPsi === null ? "" : `, PSI ${figure(totalPsi)}`;
    return `${nameText(label)}, ${away(distance)}${psi}: ${visibleText(reason ?? "")}`;
  });
  const more = others.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}

function weightsLine({
  cosine,
  tensorCount,
  renamedCount,
  frozenCount,
  copiedCount,
}: CompatibilityReport): string {
  const parts = [`${formatPlural(tensorCount, "tensor")}, cosine ${figure(cosine)}`];
  if (renamedCount > 0) parts.push(`${formatCount(renamedCount)} matched by their place in the graph`);
  if (frozenCount > 0) parts.push(`${formatCount(frozenCount)} left as they are`);
  if (copiedCount > 0) parts.push(`${formatCount(copiedCount)} no floats: copied`);
  return parts.join("; ");
}

const rungNames: Readonly<Record<RungReport["rung"], string>> = {
  single: "one scale",
  ramp: "a scale that goes with the depth",
  groups: "a scale for each group of layers",
  combination: "a weight for each ancestor",
};

/** Rungs that were looked at beyond the single scale. */
function rungLines({ rungs, repaired }: RepairReport): string | null {
  const lines = rungs.slice(1).map(({ rung, numbers, gain, standardError, pays, reason }) => {
    const start = `${rungNames[rung]} (${numbers})`;
    if (gain === null || standardError === null) return `${start}: not tried, ${visibleText(reason ?? "")}`;
    const gains = `gains ${differenceFigure(gain)} with an error of ${figure(standardError)} on rows that did not choose`;
    return `${start}: ${gains}, ${pays ? "which pays" : "which does not pay"}`;
  });
  const plain = repaired?.kind === "recalibrated" ? repaired.of : repaired;
  if (plain?.kind === "ramp") lines.push(`from ${figure(plain.first)} to ${figure(plain.last)}`);
  if (plain?.kind === "groups") lines.push(plain.scales.map(figure).join(", "));
  if (plain?.kind === "combination") {
    lines.push(
      plain.terms.map(({ ancestor, weight }) => `${figure(weight)} of ${ancestor.slice(0, 12)}`).join(", "),
    );
  }
  return lines.length === 0 ? null : lines.join("\n");
}

function batchNormLine(
  { layers, recalibrated, rows, reason }: BatchNormReport,
  repaired: RepairReport["repaired"],
): string {
  const start = layers === 0 ? "" : `${formatPlural(layers, "layer")}, `;
  if (reason !== null) return `${start}not recalibrated: ${visibleText(reason)}`;
  const measured = `the statistics of ${formatCount(recalibrated)} measured on ${formatPlural(rows, "live row")}`;
  const isTaken = repaired?.kind === "recalibrated";
  return `${start}${measured}; ${isTaken ? "the candidate has them" : "the candidate is better without"}`;
}

function away(distance: number): string {
  return `${formatPlural(distance, "derivation")} away`;
}

function scaleLines({ scale, curve, barrier }: RepairReport): string | null {
  if (curve.length === 0) return scale === null ? null : figure(scale);
  const chosen = scale === null ? "no single one" : figure(scale);
  const end = barrier === null ? "" : `; barrier ${figure(barrier)}`;
  return [`${chosen} (0 keeps, 1 rolls back)${end}`, ...curveLines(curve, scale)].join("\n");
}

/** Bars from the lowest loss to the highest: the shape is what matters. */
function curveLines(curve: readonly CurvePoint[], chosen: number | null): string[] {
  const losses = curve.map(({ loss }) => loss).filter(Number.isFinite);
  const lowest = Math.min(...losses);
  const span = Math.max(...losses) - lowest;
  return curve.map(({ scale, loss }) => {
    const share = span > 0 && Number.isFinite(loss) ? (loss - lowest) / span : 0;
    const bar = "#".repeat(1 + Math.round(share * (barLength - 1)));
    const mark = scale === chosen ? "  <- chosen" : "";
    return `${figure(scale)}  loss ${figure(loss)}  ${bar}${mark}`;
  });
}

function gateLines(gate: GateReport): string {
  const { metric, rows, keep, rollback, repaired, againstRollback, rivals, detectable } = gate;
  const against = (name: string, { difference, interval }: GateReport["againstRollback"]) =>
    `repaired - ${name} ${differenceFigure(difference)} ${interval === null ? "(no interval: one loss for all rows)" : intervalText(interval)}`;
  const lines = [
    `${metric} on ${formatPlural(rows, "row")}: keep ${figure(keep)}, roll back ${figure(rollback)}, repaired ${figure(repaired)}`,
    against("keep", gate),
    against("roll back", againstRollback),
    ...rivals.map((rival) => against(visibleText(rival.name), rival)),
  ];
  if (detectable !== null) {
    lines.push(
      `with ${formatPlural(rows, "gate row")} a difference below ${figure(detectable)} cannot be told`,
    );
  }
  if (gate.rowsNeeded !== null) lines.push(`about ${formatCount(gate.rowsNeeded)} would tell this one`);
  if (gate.tries > 1) {
    const percent = Number((100 * gate.confidence).toPrecision(4));
    lines.push(`try ${formatCount(gate.tries)} on these rows: intervals are at ${percent} %`);
  }
  return lines.join("\n");
}

function controlLine(control: ControlReport): string {
  const { metric, rows, keep, repaired, margin, upperBound, passed } = control;
  const bound = upperBound === null ? "" : `, at most ${differenceFigure(upperBound)} at 95 %`;
  const verdict = passed ? paint("passed", "green") : paint("failed", "red");
  return `${metric} on ${formatPlural(rows, "row")}: keep ${figure(keep)}, repaired ${figure(repaired)}, ${verdict} (margin ${figure(margin)}${bound})`;
}

/** What can be done where labels are missing. */
function labelsLine({ outcome, gate, labelRequest, run, drifted, dryRun }: RepairReport): string | null {
  if (labelRequest !== null) return `mendline labels annotate ${labelRequest}`;
  if (dryRun || (outcome !== "not-proven" && outcome !== "needs-labels")) return null;
  const needed = gate?.rowsNeeded ?? null;
  const model = shortId(drifted);
  if (gate === null || needed === null)
    return `mendline labels request ${model} --run ${run} --pool DATA --count COUNT`;
  const missing = Math.max(1, Math.ceil(needed - gate.rows));
  return `about ${formatCount(missing)} more at the gate decide this at 80 %: ${requestLine(model, run, missing)}`;
}

function trialLine({ outcome }: RepairReport): string | null {
  return outcome === "on-trial"
    ? "the alias moves when labels show the candidate to be better: mendline trial ALIAS --live DATA --labelled DATA"
    : null;
}

function outcomeLine({ outcome, reason, dryRun }: RepairReport): string {
  const said = dryRun && outcome === "published" ? "would be published" : outcome;
  const start = paint(said, outcomeStyles[outcome]);
  return `${start}${dryRun ? " (dry run)" : ""}: ${visibleText(reason)}`;
}

function labelOf({ name, version }: { name: string; version: string }): string {
  return `${name}@${version}`;
}
