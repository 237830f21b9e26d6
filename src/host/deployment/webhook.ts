/**
 * Webhooks as standard-webhooks has them: headers webhook-id, webhook-timestamp (seconds) and webhook-signature, which is
 * "v1," + base64(HMAC-SHA256(key, id + "." + timestamp + "." + body)); secrets are "whsec_" + base64 of 24 to 64 bytes.
 * Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
 */
import { createHmac } from "node:crypto";
import type { LookupFunction } from "node:net";
import { MendlineError } from "../../errors.js";
import { webhookTimeoutMs } from "../../limits.js";
import { checkHost, publicLookup } from "./addresses.js";
import { type Answer, post } from "./post.js";

export interface WebhookTarget {
  /** What its deliveries are recorded under: the URL may change, and holds what others must not read. */
  readonly name: string;
  /** https; http only with `allowPrivate`. */
  readonly url: string;
  /** `whsec_…`; during a change of secrets, the new one and the old. */
  readonly secret: string | readonly string[];
  /** Lets it be sent to loopback, private and link-local addresses. */
  readonly allowPrivate?: boolean;
}

export interface WebhookMessage {
  /** The same for every attempt: receivers tell repetitions by it. */
  readonly id: string;
  readonly body: string;
}

const prefix = "whsec_";

/** A target that was checked. */
export class Webhook {
  readonly name: string;
  readonly #url: URL;
  readonly #keys: readonly Buffer[];
  readonly #lookup: LookupFunction | undefined;

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
  constructor({ name, url, secret, allowPrivate = false }: WebhookTarget, lookup = publicLookup()) {
    if (name === "") throw invalid("a webhook needs a name");
    this.name = name;
    this.#url = urlOf(name, url, allowPrivate);
    this.#keys = [secret].flat().map((text) => keyOf(name, text));
    if (this.#keys.length === 0) throw invalid(`webhook "${name}" has no secret`);
    this.#lookup = allowPrivate ? undefined : lookup;
  }

  /** @throws MendlineError MENDLINE_DEPLOY_FAILED  the address is refused; else what the network says */
  async send({ id, body }: WebhookMessage, nowMs: number, signal?: AbortSignal): Promise<Answer> {
    if (this.#lookup !== undefined) checkHost(this.#url);
    const timestamp = String(Math.floor(nowMs / 1000));
    const signatures = this.#keys.map((key) => signatureOf(key, id, timestamp, body));
    return post({
      url: this.#url,
      body,
      headers: {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures.join(" "),
      },
      timeoutMs: webhookTimeoutMs,
      ...(this.#lookup !== undefined && { lookup: this.#lookup }),
      ...(signal !== undefined && { signal }),
    });
  }
}

export function signatureOf(key: Buffer, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function urlOf(name: string, text: string, allowPrivate: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["https:", "http:"].includes(url.protocol))
    throw invalid(`webhook "${name}" needs an https URL`);
  if (url.protocol === "http:" && !allowPrivate)
    throw invalid(`webhook "${name}": http is for private addresses only (allowPrivate); use https`);
  if (url.username !== "" || url.password !== "")
    throw invalid(`webhook "${name}": its URL holds a user or a password; the signature stands for them`);
  return url;
}

/** The secret itself stays out of messages. */
function keyOf(name: string, secret: string): Buffer {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : "";
  const key = Buffer.from(text, "base64");
  const isWhole = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && key.length >= 24 && key.length <= 64;
  if (isWhole) return key;
  throw invalid(`the secret of webhook "${name}" must be "${prefix}" and the base64 of 24 to 64 bytes`);
}

function invalid(problem: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", problem);
}
