/**
 * The model card of a repair: what was put together from what, and what showed it to be better. Of a published model it begins as the
 * Hugging Face Hub's cards do; of any other run with the run's own metadata. Written from the record alone: the same run, the same card.
 */
import { MendlineError } from "../../errors.js";
import { huggingFaceCards, markdownText } from "../../lineage-store/export/huggingface.js";
import { ExportScope } from "../../lineage-store/export/scope.js";
import { yamlText } from "../../lineage-store/export/yaml.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { nameOf } from "./candidate-spec.js";
import type { RepairInput, RepairInputs } from "./inputs.js";
import type { ControlReport, CurvePoint, GateReport, RepairReport } from "./report.js";
import { RunLog } from "./run-log.js";
import { reportOf } from "./run-report.js";
import { isDecided } from "./run-steps.js";

/**
 * Markdown with YAML front matter.
 *
 * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such run; MENDLINE_ARGUMENT_INVALID  it has come to no end
 */
export async function repairCard(store: LineageStore, run: string): Promise<string> {
  const log = await RunLog.reopen(store, run);
  if (!isDecided(log.state)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `${run} has come to no end, its last step is "${log.state}": \`mendline resume ${run}\` goes on with it`,
    );
  }
  return cardOfRun(store, log, reportOf(log));
}

/** Of a run that is about to be published too: the model and its derivation are in the store, the end is not recorded yet. */
export async function cardOfRun(store: LineageStore, log: RunLog, report: RepairReport): Promise<string> {
  const { plan, inputs } = log.started;
  const drifted = await store.get(plan.model);
  const parts = [
    await headOf(store, report),
    section("Repair", [
      `Run \`${report.run}\`${report.dryRun ? ", a dry run" : ""}: **${report.outcome}**. ${markdownText(report.reason)}`,
    ]),
    section("Made from", [await parentTable(store, [drifted.id, ...ancestorIds(report)]), madeLine(report)]),
    section("Live data", driftLines(report)),
    section("Scale", curveLines(report.curve, report.barrier)),
    section("Gate", report.gate === null ? [] : gateLines(report.gate)),
    section("Control", report.control === null ? [] : controlLines(report.control)),
    section("Data", [inputTable(inputs)]),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

async function headOf(store: LineageStore, { model, run, outcome }: RepairReport): Promise<string> {
  if (model === null) return `---\n${yamlText({ tags: ["mendline"], mendline: { run, outcome } })}---\n`;
  let card = "";
  for await (const text of huggingFaceCards(new ExportScope(store, model.id))) card += text;
  return card;
}

function section(title: string, paragraphs: readonly string[]): string {
  return paragraphs.length === 0 ? "" : `## ${title}\n\n${paragraphs.join("\n\n")}\n`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

function ancestorIds({ ancestor, repaired }: RepairReport): string[] {
  const combined = repaired?.kind === "combination" ? repaired.terms.map((term) => term.ancestor) : [];
  return [...new Set([...(ancestor === null ? [] : [ancestor.id]), ...combined])];
}

async function parentTable(store: LineageStore, ids: readonly string[]): Promise<string> {
  const rows: string[][] = [];
  for (const [index, id] of ids.entries()) {
    const { name, version, fileHash } = await store.get(id);
    const role = index === 0 ? "drifted" : "ancestor";
    rows.push([role, markdownText(`${name}@${version}`), `\`${id}\``, `\`${fileHash}\``]);
  }
  return table(["part", "model", "sha256 of its parameters", "sha256 of its file"], rows);
}

function madeLine({ repaired, scale }: RepairReport): string {
  if (repaired === null) return "No blend was judged.";
  const of = scale === null ? "" : ` (scale ${figure(scale)}: 0 keeps, 1 rolls back)`;
  return `repaired = drifted + scale (ancestor - drifted): ${markdownText(nameOf(repaired))}${of}.`;
}

function driftLines({ drift }: RepairReport): string[] {
  const { reference, current } = drift.rows;
  const rows = Object.entries(drift.features).map(([name, { verdict, psi }]) => [
    markdownText(name),
    verdict,
    figure(psi.value),
    figure(psi.pValueAtThreshold),
  ]);
  return [
    `Verdict: ${drift.verdict}, ${current} rows against a reference of ${reference}.`,
    table(["feature", "verdict", "PSI", "p at threshold"], rows),
  ];
}

function curveLines(curve: readonly CurvePoint[], barrier: number | null): string[] {
  if (curve.length === 0) return [];
  const rows = curve.map(({ scale, loss }) => [figure(scale), figure(loss)]);
  const told = barrier === null ? "not known" : figure(barrier);
  return [`Loss on the selection slice; barrier ${told}.`, table(["scale", "loss"], rows)];
}

function gateLines(gate: GateReport): string[] {
  const rivals = [
    { name: "keep", value: gate.keep, difference: gate.difference, interval: gate.interval },
    { name: "roll back", value: gate.rollback, ...gate.againstRollback },
    ...gate.rivals,
  ];
  const rows = rivals.map(({ name, value, difference, interval }) => [
    markdownText(name),
    figure(value),
    figure(difference),
    interval === null ? "not known" : interval.map(figure).join(" to "),
  ]);
  return [
    `${gate.metric} ${figure(gate.repaired)} on ${gate.rows} rows that did not choose; intervals at ${figure(100 * gate.confidence)} %, rows asked ${gate.tries === 1 ? "once" : `${gate.tries} times`}.`,
    table(["against", gate.metric, "repaired less it", "interval"], rows),
  ];
}

function controlLines({ metric, keep, repaired, margin, rows, passed }: ControlReport): string[] {
  return [
    `${metric} on ${rows} rows of the old regime: keep ${figure(keep)}, repaired ${figure(repaired)}, margin ${figure(margin)}: ${passed ? "passed" : "not passed"}.`,
  ];
}

function inputTable(inputs: RepairInputs): string {
  const { live, validation, gate, control } = inputs;
  // A record's keys are sorted, those of a run under way are not: the same card for both.
  const rows = Object.entries({ live, validation, gate, control })
    .filter((entry): entry is [string, RepairInput] => entry[1] !== null)
    .map(([use, { label, rows: count, digest }]) => [
      use,
      markdownText(label),
      String(count),
      `\`${digest}\``,
    ]);
  return table(["use", "data", "rows", "digest of its columns"], rows);
}

function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}
