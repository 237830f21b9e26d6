/** `mendline runs`: repair runs and how far each came; one run step by step. */
import type { Command } from "commander";
import { MendlineError } from "../../errors.js";
import type { RepairRun, RepairRunDetails } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { shortId, timeText } from "./figures.js";
import { checkTarget, writeWhole } from "./files.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { repairText } from "./repair-text.js";
import { factsText, nameText, paint, type Style, tableText } from "./table.js";
import { parseText, parseWhole } from "./values.js";
import { withStore } from "./workspace.js";

interface RunsFlags extends OutputOptions, StoreOptions {
  readonly limit: number;
  readonly card?: string;
}

const limitDefault = 20;
const limitMax = 100_000;

const states: Readonly<Record<RepairRun["state"], Style | null>> = {
  running: null,
  ended: null,
  "on-trial": "yellow",
  interrupted: "red",
  failed: "red",
  cancelled: "yellow",
};

export function addRunsCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("runs")
    .description("List repair runs, newest first; or tell one step by step.")
    .argument("[run]", "id of a run", parseText)
    .option("--limit <count>", "runs listed", parseWhole(1, limitMax), limitDefault)
    .option("--card <file>", "write the run's model card, Markdown with YAML front matter", parseText);
  addOutputOption(addStoreOption(command)).action(async (run: string | undefined, flags: RunsFlags) => {
    const { card } = flags;
    if (run === undefined) {
      if (card !== undefined) throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "--card needs a run");
      const runs = await withStore(context, flags, async ({ engine }) => {
        const found: RepairRun[] = [];
        for await (const one of engine.runs({ limit: flags.limit })) found.push(one);
        return found;
      });
      await print({ json: runs, text: () => runsText(runs) }, flags);
      return;
    }
    if (card !== undefined) await checkTarget(card);
    const details = await withStore(context, flags, async ({ engine }) => {
      const found = await engine.run(run);
      if (card !== undefined) await writeWhole(card, await engine.repairCard(found.run));
      return found;
    });
    await print({ json: details, text: () => detailsText(details) }, flags);
  });
}

function runsText(runs: readonly RepairRun[]): string {
  if (runs.length === 0) return "no repair runs";
  return tableText(
    [
      { title: "run" },
      { title: "state" },
      { title: "last step" },
      { title: "alias" },
      { title: "model" },
      { title: "began" },
      { title: "last" },
    ],
    runs.map((run) => [
      run.run,
      stateCell(run),
      run.step === "dry-run" ? `dry-run, ${run.outcome}` : run.step,
      run.alias ?? "-",
      run.model === null ? "-" : shortId(run.model),
      timeText(run.startedMs),
      timeText(run.updatedMs),
    ]),
  );
}

function stateCell({ state }: RepairRun): string | { text: string; style: Style } {
  const style = states[state];
  return style === null ? state : { text: state, style };
}

/** @returns what can be done about it, or null */
export function adviceFor({ state, run, model, alias }: RepairRun): string | null {
  if (state === "on-trial") return `mendline trial ${alias} --live DATA --labelled DATA`;
  if (state === "ended" || state === "running" || model === null) return null;
  return `mendline resume ${run}`;
}

function detailsText(details: RepairRunDetails): string {
  const { run, state, step, alias, model, steps, report, story } = details;
  const facts: [string, string][] = [
    ["run", run],
    ["state", `${state}, at ${step}`],
    ["alias", alias === null ? "none" : nameText(alias)],
    ["model", model ?? "not known"],
  ];
  const advice = adviceFor(details);
  if (advice !== null) facts.push(["go on with", advice]);
  const table = tableText(
    [{ title: "step" }, { title: "at" }],
    inARow(steps).map(({ step, count, atMs }) => [
      count === 1 ? step : `${step}, ${count} times`,
      timeText(atMs),
    ]),
  );
  const parts = [factsText(facts), table];
  if (report !== null) parts.push(repairText(report));
  // One run alone is told already.
  if (story.length > 1) parts.push(storyText(story));
  return parts.join("\n\n");
}

function storyText(story: RepairRunDetails["story"]): string {
  const lines = story.map((event) => {
    const at = timeText(event.atMs);
    if (event.kind === "request") {
      const { request, points, labelled, annotators, state } = event;
      return `${at}  asked    ${request}: ${labelled} of ${formatPlural(points, "point")} labelled by ${formatPlural(annotators, "person", "people")}, ${state}`;
    }
    const { run, outcome, reason, labels } = event;
    const what = labels === null ? "repair" : "refined";
    const began =
      labels === null
        ? ""
        : `with ${labels.chosen} chosen and ${labels.random} random points of ${labels.request}, `;
    return `${at}  ${what.padEnd(7)}  ${run}: ${began}${outcome ?? "no end yet"}${reason === null ? "" : `: ${visibleText(reason)}`}`;
  });
  return [paint("story", "bold"), ...lines].join("\n");
}

/** The same step again and again, as candidates are judged, in one line: with the last one's time. */
function inARow(steps: RepairRunDetails["steps"]): { step: string; count: number; atMs: number }[] {
  const lines: { step: string; count: number; atMs: number }[] = [];
  for (const { step, atMs } of steps) {
    const last = lines.at(-1);
    const count = last?.step === step ? lines.pop()!.count + 1 : 1;
    lines.push({ step, count, atMs });
  }
  return lines;
}
