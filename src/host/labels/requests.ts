/** Label requests in the store: what was acknowledged is on the disk, and nothing that was is ever written over. */
import { createHash, randomUUID } from "node:crypto";
import { MendlineError } from "../../errors.js";
import { labelEventsMax } from "../../limits.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { type Answer, newAnswers, type StandingAnswer } from "./answers.js";
import {
  type AnswerSource,
  type EndedEvent,
  type LabelledEvent,
  type LabelQuestion,
  type LabelRequest,
  type RefinedEvent,
  type RetractedEvent,
  requestFormat,
  requestFrom,
} from "./label-request.js";

export function newRequestId(): string {
  return `labels-${randomUUID()}`;
}

/** @param row  of the pool */
export function pointIdOf(request: string, row: number): string {
  // Begins with a letter: no tool takes it for a number.
  return `p${createHash("sha256").update(`${request} ${row}`).digest("hex").slice(0, 16)}`;
}

export async function createRequest(
  store: LineageStore,
  id: string,
  question: LabelQuestion,
): Promise<LabelRequest> {
  await store.commit((tx) => tx.appendRequest(id, "requested", question, 0));
  return loadRequest(store, id);
}

/** @throws MendlineError MENDLINE_STORE_UNKNOWN  no such request; MENDLINE_STORE_VERSION  a later mendline's */
export async function loadRequest(store: LineageStore, id: string): Promise<LabelRequest> {
  const events = await store.labelRequest(id);
  const { format } = events[0]!.data as unknown as LabelQuestion;
  if (format === requestFormat) return requestFrom(id, events, Date.now());
  throw new MendlineError(
    "MENDLINE_STORE_VERSION",
    `${id} was recorded in format ${format} of label requests, this mendline has ${requestFormat}: use a later one`,
    { details: { request: id, format, supported: requestFormat } },
  );
}

/** Newest first. */
export async function* listRequests(store: LineageStore): AsyncGenerator<LabelRequest> {
  for await (const id of store.listLabelRequests()) yield loadRequest(store, id);
}

export interface AddedAnswers {
  readonly request: LabelRequest;
  /** Of the answers given; the others were there already. */
  readonly added: number;
  /** Answers that were taken back. */
  readonly retracted: number;
}

/**
 * Adds what is new of the answers, and takes others back: all or none. Twice the same adds nothing.
 *
 * @param answers  about points of this request (import-labels.ts checks)
 * @param gone  answers that stand, and are not there any more where they came from
 * @throws MendlineError MENDLINE_STORE_CONFLICT  it is cancelled, or somebody else wrote meanwhile
 */
export async function addAnswers(
  store: LineageStore,
  request: LabelRequest,
  source: AnswerSource,
  answers: readonly Answer[],
  gone: readonly StandingAnswer[] = [],
): Promise<AddedAnswers> {
  const fresh = newAnswers(request.answers, answers);
  if (fresh.length + gone.length === 0) return { request, added: 0, retracted: 0 };
  refuseCancelled(request);
  const events: [string, unknown][] = gone.map(({ pointId, annotator, annotation }) => [
    "retracted",
    { pointId, annotator, annotation: annotation! } satisfies RetractedEvent,
  ]);
  if (fresh.length > 0) events.push(["labelled", { source, answers: fresh } satisfies LabelledEvent]);
  return {
    request: await append(store, request, events),
    added: fresh.length,
    retracted: gone.length,
  };
}

/** Takes back a person's newest answer on a point; it stays in the record. */
export function retract(
  store: LineageStore,
  request: LabelRequest,
  retracted: RetractedEvent,
): Promise<LabelRequest> {
  return append(store, request, [["retracted", retracted]]);
}

/** `closed`: enough labels came, `cancelled`: none are wanted any more. */
export function endRequest(
  store: LineageStore,
  request: LabelRequest,
  state: "closed" | "cancelled",
  reason: string,
): Promise<LabelRequest> {
  refuseCancelled(request);
  const event: EndedEvent = { reason };
  return append(store, request, [[state, event]]);
}

export function addRound(
  store: LineageStore,
  request: LabelRequest,
  round: RefinedEvent,
): Promise<LabelRequest> {
  return append(store, request, [["refined", round]]);
}

/** All of them or none, behind what the request is known to hold. */
async function append(
  store: LineageStore,
  { id, eventCount }: LabelRequest,
  events: readonly (readonly [event: string, data: unknown])[],
): Promise<LabelRequest> {
  if (eventCount + events.length > labelEventsMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${id} would have ${eventCount + events.length} events, and one request has ${labelEventsMax} at most: make a new one`,
      { details: { request: id, events: eventCount, eventsMax: labelEventsMax } },
    );
  }
  await store.commit((tx) => {
    for (const [place, [event, data]] of events.entries())
      tx.appendRequest(id, event, data, eventCount + place);
  });
  return loadRequest(store, id);
}

function refuseCancelled({ id, state }: LabelRequest): void {
  if (state !== "cancelled") return;
  throw new MendlineError(
    "MENDLINE_STORE_CONFLICT",
    `${id} was cancelled and takes no labels: make a new request with \`mendline labels request\``,
    { details: { request: id } },
  );
}
