/**
 * Takes Label Studio's webhooks. It signs nothing, so a header of the hook's carries a secret; it gives up after a second and never asks
 * again, so the answer comes at once, and what was missed (turned away, sent while nobody listened, or without a task) comes with the
 * next import of the project's JSON export, which is the poll that reconciles.
 *
 *     401 no secret, or another · 400, 413, 422 a body that cannot be meant · 503 too many wait · 200 durable · 202 taken, not durable yet
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { MendlineError, messageOf } from "../../errors.js";
import {
  webhookAnswerMsMax,
  webhookBodyBytesMax,
  webhookSecretLengthMin,
  webhooksWaitingMax,
} from "../../limits.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { type Answer, answersByKey, type StandingAnswer } from "./answers.js";
import { checkPoints } from "./import-labels.js";
import type { LabelRequest } from "./label-request.js";
import {
  answersOfAnnotation,
  type WebhookAnnotation,
  type WebhookEvent,
  webhookEvent,
} from "./label-studio.js";
import { addAnswers, listRequests, loadRequest } from "./requests.js";

export interface LabelStudioWebhookOptions {
  /** At least 16 characters; during a change of secrets, the new one and the old. */
  readonly secret: string | readonly string[];
  /** The hook's header that carries it; `x-mendline-secret` by default. */
  readonly header?: string;
  /** Told of what failed after it was answered with 202. */
  readonly onFailure?: (thrown: unknown) => void;
}

export interface WebhookCall {
  /** As node:http has them, names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array | string;
}

export interface WebhookOutcome {
  /** Answers that were new, and that were taken back. */
  readonly added: number;
  readonly retracted: number;
  /** Annotations of other tasks in the project, or of other requests' stores. */
  readonly ignored: number;
  /** Annotations that cannot be placed: the next import of the JSON export brings them. */
  readonly unplaced: number;
}

export interface WebhookReply {
  readonly status: number;
  /** To be sent as JSON: an outcome, or a problem (RFC 9457). */
  readonly body: Readonly<Record<string, unknown>>;
}

const headerDefault = "x-mendline-secret";
const source = { kind: "webhook", name: null, sha256: null } as const;
/** Somebody else labels the same request in this moment. */
const conflictsMax = 20;

export class LabelStudioWebhook {
  readonly #store: LineageStore;
  readonly #hashes: readonly Buffer[];
  readonly #header: string;
  readonly #onFailure: (thrown: unknown) => void;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
  constructor(store: LineageStore, options: LabelStudioWebhookOptions) {
    const { secret, header = headerDefault, onFailure = () => undefined } = options;
    const secrets = [secret].flat();
    if (secrets.length === 0 || secrets.some((text) => text.length < webhookSecretLengthMin)) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `a webhook's secret needs ${webhookSecretLengthMin} characters at least`,
      );
    }
    this.#store = store;
    this.#hashes = secrets.map(hashOf);
    this.#header = header.toLowerCase();
    this.#onFailure = onFailure;
  }

  /** Whatever is wrong with the call is in the reply. */
  async take(call: WebhookCall): Promise<WebhookReply> {
    try {
      const done = this.#enqueue(this.#checked(call));
      const outcome = await Promise.race([done, wait(webhookAnswerMsMax, null, { ref: false })]);
      if (outcome !== null) return { status: 200, body: { ...outcome, reconcile: outcome.unplaced > 0 } };
      done.catch((thrown: unknown) => this.#onFailure(thrown));
      return { status: 202, body: { accepted: true } };
    } catch (thrown) {
      return problemOf(thrown);
    }
  }

  /** Resolves when no body waits. */
  async settled(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }

  #checked({ headers, body }: WebhookCall): WebhookEvent {
    this.#checkSecret(headers[this.#header]);
    const byteLength = Buffer.byteLength(body);
    if (byteLength > webhookBodyBytesMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `the body has ${byteLength} bytes, a webhook's ${webhookBodyBytesMax} at most: import the project's JSON export`,
      );
    }
    return webhookEvent(parsed(Buffer.from(body as string).toString("utf8")));
  }

  /** Hashes have one length, and are compared in one time, whatever was sent. */
  #checkSecret(given: string | readonly string[] | undefined): void {
    const sent = hashOf(typeof given === "string" ? given : "");
    let isKnown = false;
    for (const hash of this.#hashes) isKnown = timingSafeEqual(sent, hash) || isKnown;
    if (isKnown) return;
    throw new MendlineError(
      "MENDLINE_SERVICE_UNAUTHORIZED",
      `the header ${this.#header} is missing, or holds another secret: set it in the webhook's headers`,
    );
  }

  /** One after the other, in the order in which they came. */
  #enqueue(event: WebhookEvent): Promise<WebhookOutcome> {
    if (this.#waiting >= webhooksWaitingMax) {
      throw new MendlineError(
        "MENDLINE_TASK_QUEUE_FULL",
        `${this.#waiting} webhooks wait for the store: import the project's JSON export later`,
      );
    }
    this.#waiting += 1;
    const done = this.#last
      .then(() => this.#apply(event))
      .finally(() => {
        this.#waiting -= 1;
      });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #apply(event: WebhookEvent): Promise<WebhookOutcome> {
    const sum = { added: 0, retracted: 0, ignored: 0, unplaced: 0 };
    const byRequest = new Map<string, WebhookAnnotation[]>();
    for (const annotation of event.written) {
      const request = annotation.place?.request ?? (await this.#requestOf(annotation.key));
      if (annotation.isForeign) sum.ignored += 1;
      else if (request === null) sum.unplaced += 1;
      else byRequest.set(request, [...(byRequest.get(request) ?? []), annotation]);
    }
    for (const [id, annotations] of byRequest) {
      const added = await this.#write(id, (request) => ({
        answers: answersIn(annotations, request),
        gone: [],
      }));
      if (added === null) sum.ignored += annotations.length;
      else sum.added += added.added;
    }
    for (const key of event.deleted) {
      const id = await this.#requestOf(key);
      if (id === null) continue;
      const gone = await this.#write(id, ({ answers }) => ({
        answers: [],
        gone: answersByKey(answers, (one) => one === key),
      }));
      sum.retracted += gone?.retracted ?? 0;
    }
    return sum;
  }

  /** The only request in which an annotation of that key stands; null where there is none, or more than one. */
  async #requestOf(key: string | null): Promise<string | null> {
    if (key === null) return null;
    const found: string[] = [];
    for await (const { id, answers } of listRequests(this.#store))
      if (answersByKey(answers, (one) => one === key).length > 0) found.push(id);
    return found.length === 1 ? found[0]! : null;
  }

  /** @returns null where the store has no such request */
  async #write(
    id: string,
    changesOf: (request: LabelRequest) => { answers: Answer[]; gone: StandingAnswer[] },
  ): Promise<{ added: number; retracted: number } | null> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const request = await loadRequest(this.#store, id);
        const { answers, gone } = changesOf(request);
        return await addAnswers(this.#store, request, source, answers, gone);
      } catch (thrown) {
        const { code, details } = thrown as Partial<MendlineError>;
        if (code === "MENDLINE_STORE_UNKNOWN") return null;
        const isRace = code === "MENDLINE_STORE_CONFLICT" && details?.expected !== undefined;
        if (!isRace || conflicts === conflictsMax) throw thrown;
      }
    }
  }
}

/** All that a body says of one request, or nothing. */
function answersIn(annotations: readonly WebhookAnnotation[], request: LabelRequest): Answer[] {
  const answers = annotations.flatMap(({ annotation, key, place }) => {
    // An edit without its task is of the point that the annotation is known to be of.
    const pointId = place?.pointId ?? answersByKey(request.answers, (one) => one === key)[0]?.pointId;
    return pointId === undefined ? [] : answersOfAnnotation(annotation, pointId, request.question);
  });
  checkPoints(answers, request, "webhook");
  return answers;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MendlineError("MENDLINE_DATA_MALFORMED", `the body is no JSON: ${messageOf(cause)}`, { cause });
  }
}

function problemOf(thrown: unknown): WebhookReply {
  if (!(thrown instanceof MendlineError)) throw thrown;
  const { status, code, message: detail } = thrown;
  return { status, body: { status, code, title: "the webhook was not taken", detail } };
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
