/**
 * What people answered. Answers are only ever added: a different answer of the same person stands beside the first, as a conflict for
 * people to see, unless he took the first back, or a labelling tool says that it is the same annotation, edited.
 */
import type { RequestEvent } from "../../lineage-store/label-requests.js";
import type { LabelledEvent, LabelQuestion, RetractedEvent } from "./label-request.js";

export interface Answer {
  readonly pointId: string;
  readonly annotator: string;
  /** A class index, or a number; null: skipped. */
  readonly label: number | null;
  /** The labelling tool's own id of it: with the same one, a later answer is an edit. */
  readonly annotation: string | null;
  /** When it was last edited there: an older edit that comes later changes nothing. Absent: the tool does not say. */
  readonly updatedMs?: number;
}

export interface StandingAnswer extends Answer {
  readonly atMs: number;
  readonly source: LabelledEvent["source"];
}

export interface PointAnswers {
  /** In the order in which they came. */
  readonly standing: readonly StandingAnswer[];
  /** What counts; null: no label, only skips, or as many for one as for another. */
  readonly label: number | null;
  /** Different labels stand. */
  readonly isConflict: boolean;
}

export interface LabelAgreement {
  /** Points with labels of two or more people. */
  readonly points: number;
  /** Share of pairs of such labels that are equal; null where there are none. */
  readonly share: number | null;
  /** Points on which different labels stand. */
  readonly conflicts: readonly string[];
}

/** @param events  the question first */
export function settle(
  { points, kind }: LabelQuestion,
  events: readonly RequestEvent[],
): Map<string, PointAnswers> {
  const standing = new Map<string, StandingAnswer[]>(points.map(({ pointId }) => [pointId, []]));
  for (const { event, data, atMs } of events) {
    if (event === "labelled") {
      const { answers, source } = data as unknown as LabelledEvent;
      for (const answer of answers) addAnswer(standing.get(answer.pointId)!, { ...answer, atMs, source });
    } else if (event === "retracted") {
      takeBack(standing, data as unknown as RetractedEvent);
    }
  }
  return new Map(Array.from(standing, ([pointId, answers]) => [pointId, settled(answers, kind)]));
}

/** Those of the answers that would change anything: what is said again is left out. */
export function newAnswers(
  current: ReadonlyMap<string, PointAnswers>,
  answers: readonly Answer[],
): readonly Answer[] {
  const standing = new Map<string, Answer[]>();
  return answers.filter((answer) => {
    let ofPoint = standing.get(answer.pointId);
    if (ofPoint === undefined) {
      ofPoint = [...current.get(answer.pointId)!.standing];
      standing.set(answer.pointId, ofPoint);
    }
    return addAnswer(ofPoint, answer);
  });
}

/** Standing answers that a labelling tool knows by these keys. */
export function answersByKey(
  answers: ReadonlyMap<string, PointAnswers>,
  isMeant: (annotation: string) => boolean,
): StandingAnswer[] {
  return Array.from(answers.values()).flatMap(({ standing }) =>
    standing.filter(({ annotation }) => annotation !== null && isMeant(annotation)),
  );
}

/** @returns whether anything changed */
function addAnswer<T extends Answer>(standing: T[], answer: T): boolean {
  const own = standing.filter(({ annotator }) => annotator === answer.annotator);
  const edited = own.find(({ annotation }) => annotation !== null && annotation === answer.annotation);
  if (edited !== undefined) {
    const isOlder = (answer.updatedMs ?? Infinity) < (edited.updatedMs ?? -Infinity);
    if (edited.label === answer.label || isOlder) return false;
    standing[standing.indexOf(edited)] = answer;
    return true;
  }
  if (own.some(({ label }) => label === answer.label)) return false;
  // Who labelled a point has not skipped it, in whatever order the two arrive.
  if (answer.label === null && own.length > 0) return false;
  const skip = own.find(({ label }) => label === null);
  if (skip === undefined) standing.push(answer);
  else standing[standing.indexOf(skip)] = answer;
  return true;
}

/** The annotation, or the newest answer of the person on the point. */
function takeBack(
  standing: ReadonlyMap<string, StandingAnswer[]>,
  { pointId, annotator, annotation }: RetractedEvent,
): void {
  const answers = standing.get(pointId)!;
  const at = answers.findLastIndex((answer) =>
    annotation === undefined ? answer.annotator === annotator : answer.annotation === annotation,
  );
  if (at >= 0) answers.splice(at, 1);
}

function settled(standing: readonly StandingAnswer[], kind: LabelQuestion["kind"]): PointAnswers {
  const labels = standing.flatMap(({ label }) => (label === null ? [] : [label]));
  const label = kind === "classification" ? majorityOf(labels) : medianOf(labels);
  return { standing, label, isConflict: new Set(labels).size > 1 };
}

/** What more than half say; null where nothing is. */
function majorityOf(labels: readonly number[]): number | null {
  const found = labels.find((label) => 2 * labels.filter((one) => one === label).length > labels.length);
  return found ?? null;
}

function medianOf(labels: readonly number[]): number | null {
  if (labels.length === 0) return null;
  const sorted = [...labels].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function agreementOf(answers: ReadonlyMap<string, PointAnswers>): LabelAgreement {
  let points = 0;
  let pairs = 0;
  let equal = 0;
  const conflicts: string[] = [];
  for (const [pointId, { standing, isConflict }] of answers) {
    if (isConflict) conflicts.push(pointId);
    const labels = standing.flatMap(({ label, annotator }) => (label === null ? [] : [{ label, annotator }]));
    const before = pairs;
    labels.forEach((one, index) => {
      for (const other of labels.slice(index + 1)) {
        if (other.annotator === one.annotator) continue;
        pairs += 1;
        if (other.label === one.label) equal += 1;
      }
    });
    if (pairs > before) points += 1;
  }
  return { points, share: pairs === 0 ? null : equal / pairs, conflicts };
}
