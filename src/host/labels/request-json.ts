/** A request as it is told to people and programs (CONTRACT, Labels). */
import type { StandingAnswer } from "./answers.js";
import type { FeatureValue, LabelBudget, LabelRequest, RefinedEvent, RequestState } from "./label-request.js";
import { labelText } from "./label-values.js";
import type { Strategy } from "./strategies.js";

export interface LabelRequestSummary {
  readonly id: string;
  readonly state: RequestState;
  /** Id, and name@version. */
  readonly model: string;
  readonly modelName: string;
  readonly run: string | null;
  readonly strategy: Strategy;
  readonly pointCount: number;
  /** Points with a label that counts, and points that were skipped only. */
  readonly labelled: number;
  readonly skipped: number;
  /** Points on which different labels stand. */
  readonly conflicts: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface LabelPointDetails {
  readonly pointId: string;
  readonly features: Readonly<Record<string, FeatureValue>>;
  readonly score: number;
  readonly random: boolean;
  /** What counts, as people write it; null: none. */
  readonly label: string | number | null;
  readonly conflict: boolean;
  readonly answers: readonly (Omit<StandingAnswer, "pointId" | "label"> & {
    readonly label: string | number | null;
  })[];
}

export interface LabelRequestDetails extends LabelRequestSummary {
  readonly kind: "classification" | "regression";
  readonly label: string;
  readonly classes: readonly string[] | null;
  readonly seed: number;
  readonly committee: readonly string[];
  readonly pool: { readonly label: string; readonly rows: number };
  readonly budget: LabelBudget | null;
  readonly expiresMs: number | null;
  readonly agreement: { readonly points: number; readonly share: number | null };
  readonly rounds: readonly RefinedEvent[];
  readonly points: readonly LabelPointDetails[];
}

export function requestSummary(request: LabelRequest): LabelRequestSummary {
  const { id, state, question, answers, agreement, createdMs, updatedMs } = request;
  const all = [...answers.values()];
  return {
    id,
    state,
    model: question.model,
    modelName: `${question.name}@${question.version}`,
    run: question.run,
    strategy: question.strategy,
    pointCount: question.points.length,
    labelled: all.filter(({ label }) => label !== null).length,
    skipped: all.filter(
      ({ standing }) => standing.length > 0 && standing.every(({ label }) => label === null),
    ).length,
    conflicts: agreement.conflicts.length,
    createdMs,
    updatedMs,
  };
}

export function requestDetails(request: LabelRequest): LabelRequestDetails {
  const { question, answers, agreement, rounds } = request;
  const { kind, label, classes, seed, committee, pool, budget, expiresMs, features } = question;
  const told = (value: number | null) =>
    value === null || classes === null ? value : labelText(value, question);
  const points = question.points.map(({ pointId, values, score, random }): LabelPointDetails => {
    const { standing, label: counted, isConflict } = answers.get(pointId)!;
    return {
      pointId,
      features: Object.fromEntries(features.map((name, index) => [name, values[index]!])),
      score,
      random,
      label: told(counted),
      conflict: isConflict,
      answers: standing.map(({ pointId: _, label: given, ...answer }) => ({ ...answer, label: told(given) })),
    };
  });
  return {
    ...requestSummary(request),
    kind,
    label,
    classes,
    seed,
    committee,
    pool,
    budget,
    expiresMs,
    agreement: { points: agreement.points, share: agreement.share },
    rounds,
    points,
  };
}
