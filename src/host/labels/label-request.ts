/** What a label request's record holds, event by event, and how it stands: plain data, told from its events alone. */
import type { RequestEvent } from "../../lineage-store/label-requests.js";
import { type Answer, agreementOf, type LabelAgreement, type PointAnswers, settle } from "./answers.js";
import type { Strategy } from "./strategies.js";
import type { Draw } from "./weighed-draw.js";

/** Of the events' layout: raised when a newer mendline could not read an older one's. */
export const requestFormat = 1;

export type FeatureValue = number | string | null;

export interface LabelPoint {
  /** The same row of another request has another one: labels cannot end up in the wrong request. */
  readonly pointId: string;
  /** In the order of `LabelQuestion.features`. */
  readonly values: readonly FeatureValue[];
  readonly score: number;
  /** Drawn for the gate: it may judge. The others may only choose. */
  readonly random: boolean;
  /** How it was drawn, which tells what it counts; null: picked. Absent in records of earlier versions: from all rows alike, or picked. */
  readonly draw?: Draw | null;
  /** Hash of the values: the same row is not asked about twice. */
  readonly content: string;
  /** What the deployed model says of it; absent where it was not run. */
  readonly predicted?: PointPrediction;
}

export interface PointPrediction {
  /** A class index, or a number. */
  readonly label: number;
  /** The class's probability; null for a number. */
  readonly share: number | null;
}

/** The first event: what is asked. */
export interface LabelQuestion {
  readonly format: number;
  /** Id; name and version for people. */
  readonly model: string;
  readonly name: string;
  readonly version: string;
  /** The repair run that wants the labels; null where there was none. */
  readonly run: string | null;
  readonly kind: "classification" | "regression";
  readonly label: string;
  /** By class index; null in a regression. */
  readonly classes: readonly string[] | null;
  readonly features: readonly string[];
  readonly strategy: Strategy;
  readonly seed: number;
  /** Whose disagreement counted, the deployed model first. */
  readonly committee: readonly string[];
  readonly pool: { readonly label: string; readonly rows: number };
  readonly points: readonly LabelPoint[];
  /** Labels that would decide, as far as the run could tell; null where it could not. */
  readonly budget: LabelBudget | null;
  readonly expiresMs: number | null;
}

export interface LabelBudget {
  /** Labelled points for the gate, and for the selection slice. */
  readonly random: number;
  readonly chosen: number;
  /** Why so many. */
  readonly reason: string;
}

/** Where answers came from. */
export interface AnswerSource {
  readonly kind: "csv" | "ndjson" | "label-studio" | "webhook" | "terminal";
  /** The file's name. */
  readonly name: string | null;
  readonly sha256: string | null;
}

export interface LabelledEvent {
  readonly source: AnswerSource;
  readonly answers: readonly Answer[];
}

export interface RetractedEvent {
  readonly pointId: string;
  readonly annotator: string;
  /** A labelling tool's own id of the answer; absent: the person's newest. */
  readonly annotation?: string;
}

export interface EndedEvent {
  readonly reason: string;
}

/** One round: labels went into a repair. */
export interface RefinedEvent {
  readonly run: string;
  readonly outcome: string;
  readonly reason: string;
  /** Labelled points that went to the selection slice and to the gate. */
  readonly chosen: number;
  readonly random: number;
  /** Why no more labels are wanted; null or absent: they are. */
  readonly stop?: "decided" | "budget-spent" | "no-disagreement" | null;
}

export type RequestState = "open" | "partly-labelled" | "closed" | "cancelled" | "expired";

export interface LabelRequest {
  readonly id: string;
  readonly state: RequestState;
  readonly question: LabelQuestion;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** By point, in the order of the question. */
  readonly answers: ReadonlyMap<string, PointAnswers>;
  readonly agreement: LabelAgreement;
  readonly rounds: readonly RefinedEvent[];
  /** What a writer must have seen. */
  readonly eventCount: number;
}

/** @param events  of one request, all of them */
export function requestFrom(id: string, events: readonly RequestEvent[], nowMs: number): LabelRequest {
  const question = events[0]!.data as unknown as LabelQuestion;
  const answers = settle(question, events);
  return {
    id,
    state: stateOf(question, events, answers, nowMs),
    question,
    createdMs: events[0]!.atMs,
    updatedMs: events.at(-1)!.atMs,
    answers,
    agreement: agreementOf(answers),
    rounds: events
      .filter(({ event }) => event === "refined")
      .map(({ data }) => data as unknown as RefinedEvent),
    eventCount: events.length,
  };
}

function stateOf(
  { expiresMs }: LabelQuestion,
  events: readonly RequestEvent[],
  answers: ReadonlyMap<string, PointAnswers>,
  nowMs: number,
): RequestState {
  if (events.some(({ event }) => event === "cancelled")) return "cancelled";
  const answered = [...answers.values()].filter(({ standing }) => standing.length > 0).length;
  if (answered === answers.size || events.some(({ event }) => event === "closed")) return "closed";
  if (expiresMs !== null && nowMs >= expiresMs) return "expired";
  return answered === 0 ? "open" : "partly-labelled";
}
