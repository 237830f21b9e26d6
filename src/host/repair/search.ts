/** The search for the best candidate on the selection slice: a scale, then more numbers where they pay, and what stands beside. */
import { MendlineError } from "../../errors.js";
import { type CandidateSpec, keyOf, nameOf, plainOf, scaleOf } from "./candidate-spec.js";
import type { Candidates } from "./candidates.js";
import type { Evaluation, Evaluations } from "./evaluations.js";
import { chosenName } from "./gate-choice.js";
import { climb } from "./ladder.js";
import type { ChosenAncestor } from "./report.js";
import type { RepairControls, RepairPlan } from "./request.js";
import { say } from "./request.js";
import type { ChosenStep, SearchedStep } from "./run-steps.js";
import { searchScale } from "./scale-search.js";

export interface SearchOptions {
  readonly plan: Pick<RepairPlan, "scales">;
  readonly candidates: Pick<Candidates, "specAt" | "layers" | "canRecalibrate">;
  readonly evaluations: Pick<Evaluations, "folds" | "judge">;
  readonly labelCount: number;
  readonly chosen: Pick<ChosenStep, "companions" | "rival"> & {
    readonly ancestor: Pick<ChosenAncestor, "id">;
  };
  readonly controls: RepairControls;
}

export async function searchCandidate(options: SearchOptions): Promise<SearchedStep> {
  const { plan, candidates, evaluations, chosen, controls } = options;
  const ancestor = chosen.ancestor.id;
  const judged = new Map<number, Evaluation>();
  const judge = judgeOf(options);
  const search = await searchScale(
    async (scale) => {
      const evaluation = await judge(candidates.specAt(ancestor, scale));
      judged.set(scale, evaluation);
      return evaluation.loss;
    },
    {
      ...(controls.signal && { signal: controls.signal }),
      onEvaluated: ({ scale, loss }, done, total) =>
        say(controls, "scale", `scale ${scale}: loss ${loss}`, done, total),
    },
  );
  const best = judged.get(search.scale)!;
  const { scale, barrier, isBarred, curve } = search;
  const climbed = await climb(isBarred ? [judged.get(0)!, judged.get(1)!] : [...judged.values()], best, {
    evaluations: { folds: evaluations.folds, judge },
    ancestor,
    layers: await candidates.layers(ancestor),
    labelCount: options.labelCount,
    // Behind a barrier there is nothing to vary: the weights are not in one valley.
    highest: isBarred ? "single" : plan.scales,
    companions: isBarred ? [] : chosen.companions.map(({ id }) => id),
    onJudged: (spec, loss) => say(controls, "scale", `${nameOf(spec)}: loss ${loss}`),
  });
  const rivals = await judgeRivals(options);
  const labelled = await asJudged(climbed.finalist, options);
  const { finalist, others } = finalistOf(labelled, climbed.crossValidated, rivals);
  return {
    scale,
    barrier,
    isBarred,
    curve,
    rungs: climbed.rungs,
    finalist: finalist.candidate,
    loss: finalist.loss,
    others: others
      .filter(({ candidate }) => keyOf(candidate) !== keyOf(finalist.candidate))
      .filter(
        ({ candidate }) =>
          candidate.kind === "recalibrated" ||
          (candidate.kind !== "keep" && scaleOf(candidate, ancestor) !== 1),
      ),
  };
}

/** Between keep and the ancestor running statistics are of no model: what is judged there has its own, wherever they can be measured. */
function judgeOf({ candidates, evaluations }: SearchOptions): (spec: CandidateSpec) => Promise<Evaluation> {
  return async (spec) => {
    const asked = recalibratedOf(spec, candidates);
    const evaluation = await evaluations.judge(asked);
    // The search goes over scales, whatever they are made into.
    return asked === spec ? evaluation : { ...evaluation, candidate: spec };
  };
}

function recalibratedOf(spec: CandidateSpec, { canRecalibrate }: SearchOptions["candidates"]): CandidateSpec {
  const plain = plainOf(spec);
  const isBlend = plain.kind !== "keep" && plain.kind !== "ancestor";
  return canRecalibrate && isBlend ? { kind: "recalibrated", of: plain } : spec;
}

/** The better of the candidate with statistics of its own and with those that the blend leaves. */
async function asJudged(found: Evaluation, { candidates, evaluations }: SearchOptions): Promise<Evaluation> {
  const asked = recalibratedOf(found.candidate, candidates);
  if (asked === found.candidate) return found;
  const recalibrated = await evaluations.judge(asked);
  const plain = await evaluations.judge(found.candidate);
  return plain.loss < recalibrated.loss ? plain : recalibrated;
}

interface NamedEvaluation extends Evaluation {
  readonly name: string;
}

const noRival: ReadonlySet<string> = new Set([
  "MENDLINE_REPAIR_VALIDATOR",
  "MENDLINE_REPAIR_LABELS",
  "MENDLINE_STORE_DROPPED",
]);

/** Candidates that no label chose. */
async function judgeRivals(options: SearchOptions): Promise<NamedEvaluation[]> {
  const { candidates, evaluations } = options;
  const rivals = await judgeLowestDrift(options);
  if (!candidates.canRecalibrate) return rivals;
  const recalibrated = await evaluations.judge({ kind: "recalibrated", of: { kind: "keep" } });
  return [...rivals, { ...recalibrated, name: "the deployed model, recalibrated" }];
}

async function judgeLowestDrift({ evaluations, chosen }: SearchOptions): Promise<NamedEvaluation[]> {
  if (chosen.rival === null) return [];
  const candidate: CandidateSpec = { kind: "ancestor", id: chosen.rival.id };
  try {
    const evaluation = await evaluations.judge(candidate);
    return [{ ...evaluation, name: `the lowest-drift ancestor ${chosen.rival.label}` }];
  } catch (thrown) {
    // Its graph may give other outputs, or its parameters may be gone: it is no rival then.
    if (thrown instanceof MendlineError && noRival.has(thrown.code)) return [];
    throw thrown;
  }
}

/** A rival takes the place of what labels chose when it is better than that is on rows that did not choose. */
function finalistOf(
  searched: Evaluation,
  crossValidated: number | null,
  rivals: readonly NamedEvaluation[],
): { readonly finalist: Evaluation; readonly others: readonly NamedEvaluation[] } {
  const blend = { ...searched, name: chosenName };
  const expected = Math.max(searched.loss, crossValidated ?? searched.loss);
  const best = rivals.reduce<NamedEvaluation | null>(
    (lowest, rival) => (rival.loss < (lowest?.loss ?? expected) ? rival : lowest),
    null,
  );
  return { finalist: best ?? searched, others: [blend, ...rivals] };
}
