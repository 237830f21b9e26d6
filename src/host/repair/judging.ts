/** The part of a repair that runs models: from the chosen ancestor to the gate's answer. Every candidate judged is a checkpoint. */
import { rm } from "node:fs/promises";
import type { ModelRecord } from "../../lineage-store/records.js";
import { askGate } from "./ask-gate.js";
import { ancestorsOf, type CandidateSpec } from "./candidate-spec.js";
import { Candidates } from "./candidates.js";
import { validatorFor } from "./choose-validator.js";
import type { RepairContext } from "./context.js";
import { foldsOf } from "./cross-validation.js";
import { Evaluations } from "./evaluations.js";
import { gateHistoryOf } from "./gate-tries.js";
import { cutSlices, type LabelledSlices } from "./labelled-slices.js";
import { parseGoal } from "./metrics.js";
import { Recalibration } from "./recalibration.js";
import type { ChosenAncestor, RepairOutcome } from "./report.js";
import { type RepairControls, type RepairSources, say, taskOf } from "./request.js";
import type { RunLog } from "./run-log.js";
import type { CheckedSlices, ChosenStep, GatedStep, SearchedStep } from "./run-steps.js";
import { searchCandidate } from "./search.js";
import type { Candidate, Validator } from "./validator.js";

export interface Judging {
  readonly context: RepairContext;
  readonly log: RunLog;
  readonly model: ModelRecord;
  readonly chosen: ChosenStep & { readonly ancestor: ChosenAncestor };
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
  const candidates = await Candidates.open(context, model, plan.filter, plan.requantize);
  const validator = await validatorFor(context, model, task, plan);
  const stop = () => void validator.close();
  let recalibration: Recalibration | null = null;
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
    if (!checked.isEnough) return { gated: null, outcome: "needs-labels", reason: tooFewReason(checked) };
    recalibration = await openRecalibration(judging, candidates);
    const { report: batchNorm } = recalibration;
    const searched = await log.once("scale-searched", async () => {
      const { selection } = slices;
      const folds = foldsOf(selection, task.kind, plan.seed);
      const evaluations = new Evaluations({ log, candidates, validator, selection, folds, signal });
      const labelCount = checked.effective?.selection ?? checked.selection;
      const found = await searchCandidate({ ...judging, plan, candidates, evaluations, labelCount });
      return { ...found, batchNorm };
    });
    if (searched.finalist.kind === "keep") {
      return { gated: null, outcome: "rejected", reason: noScaleReason(searched) };
    }
    const gated = await log.once("gated", () => answer(judging, validator, candidates, slices, searched));
    return { gated };
  } finally {
    signal?.removeEventListener("abort", stop);
    await validator.close();
    await recalibration?.close();
  }
}

/** What measures running statistics anew, for these candidates. */
export async function openRecalibration(
  {
    context,
    log,
    model,
    sources,
    controls,
  }: Pick<Judging, "context" | "log" | "model" | "sources" | "controls">,
  candidates: Candidates,
): Promise<Recalibration> {
  const { plan } = log.started;
  const recalibration = await Recalibration.open(context, await candidates.make({ kind: "keep" }), {
    model,
    drifted: candidates.drifted,
    filter: plan.filter,
    features: taskOf(model, plan.label).features,
    live: sources.live,
    signal: controls.signal,
  });
  candidates.recalibrateWith(recalibration);
  return recalibration;
}

async function answer(
  { context, log, model, chosen, controls }: Judging,
  validator: Validator,
  candidates: Candidates,
  slices: LabelledSlices,
  { finalist, others }: SearchedStep,
): Promise<GatedStep> {
  const { plan } = log.started;
  const path = await context.scratch.path(`${log.id}.gate.${model.format}`);
  try {
    // The very file whose parameters would be published: read back, and known by its content.
    const written = await candidates.write(finalist, path);
    say(controls, "gate", `asking the gate about ${written.candidate.name}`);
    const goal = plan.goal === null ? null : parseGoal(plan.goal, taskOf(model, plan.label).kind);
    const history = await gateHistoryOf(context.store, log, { keep: model.id, repaired: written.id });
    const asked = await askGate(
      validator,
      {
        keep: await candidates.make({ kind: "keep" }),
        rollback: await candidates.make({ kind: "ancestor", id: chosen.ancestor.id }),
        repaired: written.candidate,
        others: others.map(({ name, candidate }) => ({ name, make: () => candidates.make(candidate) })),
        before: beforeOf(history.before, candidates, chosen),
      },
      slices,
      {
        metric: plan.metric,
        goal,
        goalText: plan.goal,
        controlMargin: plan.controlMargin,
        controlProof: plan.controlProof,
        history,
        seed: plan.seed,
        signal: controls.signal,
      },
    );
    const { winner, made, ...decided } = asked;
    if (winner === null) return { ...decided, candidate: finalist, repaired: written.id, try: made };
    const candidate: CandidateSpec =
      winner === 0 ? { kind: "ancestor", id: chosen.ancestor.id } : others[winner - 1]!.candidate;
    const { id } = await candidates.write(candidate, path);
    return { ...decided, candidate, repaired: id, try: made };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** What the round before asked about, if this run knows its ancestors and can make it. */
function beforeOf(
  spec: CandidateSpec | null,
  candidates: Candidates,
  { ancestor, companions, rival }: Judging["chosen"],
): (() => Promise<Candidate>) | null {
  if (spec === null || (spec.kind === "recalibrated" && !candidates.canRecalibrate)) return null;
  const known = [ancestor, ...companions, rival].map((one) => one?.id);
  return ancestorsOf(spec).every((id) => known.includes(id)) ? () => candidates.make(spec) : null;
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
