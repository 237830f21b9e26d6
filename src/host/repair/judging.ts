/** The part of a repair that runs models: from the chosen ancestor to the gate's answer. Every scale judged is a checkpoint. */
import { rm } from "node:fs/promises";
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { askGate } from "./ask-gate.js";
import { Candidates, specAt } from "./candidates.js";
import { validatorFor } from "./choose-validator.js";
import type { RepairContext } from "./context.js";
import { gateTryOf } from "./gate-tries.js";
import { cutSlices, type LabelledSlices } from "./labelled-slices.js";
import { parseGoal } from "./metrics.js";
import type { RepairOutcome } from "./report.js";
import { type RepairControls, type RepairProgress, type RepairSources, taskOf } from "./request.js";
import type { RunLog } from "./run-log.js";
import type { CheckedSlices, GatedStep, SearchedStep } from "./run-steps.js";
import { searchScale } from "./scale-search.js";
import type { Validator } from "./validator.js";

export interface Judging {
  readonly context: RepairContext;
  readonly log: RunLog;
  readonly model: ModelRecord;
  /** Id of the ancestor. */
  readonly ancestor: string;
  readonly sources: RepairSources;
  readonly controls: RepairControls;
}

/** What comes of it: the gate's answer, or why the gate was not asked. */
export type Judged =
  | { readonly gated: GatedStep }
  | { readonly gated: null; readonly outcome: RepairOutcome; readonly reason: string };

/** @throws MendlineError MENDLINE_REPAIR_*, MENDLINE_DATA_*, MENDLINE_TASK_ABORTED */
export async function judgeCandidates(judging: Judging): Promise<Judged> {
  const { context, log, model, controls, sources } = judging;
  const { plan } = log.started;
  const { signal } = controls;
  const task = taskOf(model, plan.label);
  const candidates = await Candidates.open(context, model);
  const validator = await validatorFor(context, model, task, plan);
  const stop = () => void validator.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const baseline = await candidates.make({ kind: "keep" });
    const slices = await cutSlices(context, sources, validator, baseline, {
      task,
      weight: plan.weight,
      seed: plan.seed,
      signal,
    });
    const checked = await log.once("checked", async () => slices.checked);
    if (!checked.isEnough) {
      return {
        gated: null,
        outcome: "needs-labels",
        reason: tooFewReason(checked),
      };
    }
    const search = await log.once("scale-searched", () =>
      searchScales(judging, validator, candidates, slices),
    );
    if (search.scale === 0) return { gated: null, outcome: "rejected", reason: noScaleReason(search) };
    return { gated: await log.once("gated", () => answer(judging, validator, candidates, slices, search)) };
  } finally {
    signal?.removeEventListener("abort", stop);
    await validator.close();
  }
}

async function searchScales(
  judging: Judging,
  validator: Validator,
  candidates: Candidates,
  slices: LabelledSlices,
): Promise<SearchedStep> {
  const { log, ancestor, controls } = judging;
  const { signal } = controls;
  const known = new Map(log.all("scale-judged").map(({ scale, loss }) => [scale, loss]));
  const judge = async (scale: number): Promise<number> => {
    const before = known.get(scale);
    if (before !== undefined) return before;
    const candidate = await candidates.make(specAt(ancestor, scale));
    const loss = finiteOr(await lossOf(() => validator.evaluate(candidate, slices.selection, { signal })));
    await log.append("scale-judged", { scale, loss });
    return loss;
  };
  const { scale, barrier, isBarred, curve } = await searchScale(judge, {
    ...(signal && { signal }),
    onEvaluated: (point, done, total) =>
      say(controls, "scale", `scale ${point.scale}: loss ${point.loss}`, done, total),
  });
  return { scale, barrier, isBarred, curve };
}

/** Infinity for weights whose blend is not finite: far enough beyond the ancestor, narrow types overflow. */
async function lossOf(evaluate: () => Promise<{ readonly meanLoss: number }>): Promise<number> {
  try {
    return (await evaluate()).meanLoss;
  } catch (thrown) {
    const isOverflow = thrown instanceof MendlineError && thrown.code === "MENDLINE_REPAIR_INCOMPATIBLE";
    if (isOverflow) return Number.POSITIVE_INFINITY;
    throw thrown;
  }
}

function finiteOr(loss: number): number {
  return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY;
}

async function answer(
  { context, log, model, ancestor, controls }: Judging,
  validator: Validator,
  candidates: Candidates,
  slices: LabelledSlices,
  { scale }: SearchedStep,
): Promise<GatedStep> {
  const { plan } = log.started;
  say(controls, "gate", `asking the gate about scale ${scale}`);
  const path = await context.scratch.path(`${log.id}.gate.${model.format}`);
  try {
    // The very file whose parameters would be published: read back, and known by its content.
    const written = await candidates.write(specAt(ancestor, scale), path);
    const goal = plan.goal === null ? null : parseGoal(plan.goal, taskOf(model, plan.label).kind);
    const made = await gateTryOf(context.store, log, { keep: model.id, repaired: written.id });
    const asked = await askGate(
      validator,
      {
        keep: await candidates.make({ kind: "keep" }),
        rollback: await candidates.make({ kind: "ancestor", id: ancestor }),
        repaired: written.candidate,
        others: [],
      },
      slices,
      {
        metric: plan.metric,
        goal,
        goalText: plan.goal,
        controlMargin: plan.controlMargin,
        controlProof: plan.controlProof,
        tries: made.number,
        seed: plan.seed,
        signal: controls.signal,
      },
    );
    return { ...asked, repaired: written.id, try: made };
  } finally {
    await rm(path, { force: true });
  }
}

function tooFewReason({ selection, gate, effective, rowsMin }: CheckedSlices): string {
  const rows = `${selection} rows to choose the scale and ${gate} for the gate`;
  const weighed =
    effective === null
      ? ""
      : `, whose weights leave as much as ${Math.floor(effective.selection)} and ${Math.floor(effective.gate)},`;
  return `${rows}${weighed} are too few: ${rowsMin} each are needed`;
}

function noScaleReason({ isBarred }: SearchedStep): string {
  return isBarred
    ? "a loss barrier lies between the two, and keeping is better than rolling back"
    : "no scale is better than keeping";
}

export function say(
  { onProgress }: RepairControls,
  step: RepairProgress["step"],
  message: string,
  done?: number,
  total?: number,
): void {
  onProgress?.({ step, message, ...(done !== undefined && { done, total: total! }) });
}
