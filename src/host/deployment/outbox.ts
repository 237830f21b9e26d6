/**
 * Tells webhooks of deployments. The outbox is the aliases' own history: what an alias came to serve is durable with the alias, and what a
 * webhook has not been told of it is what no delivery record stands for. So a crash loses no delivery, and may repeat one (webhook-id tells).
 *
 * One message after the other for each webhook. A webhook that is new to an alias is told of what it serves now, not of its past.
 * Answers: 2xx is delivered; 410 and redirects are abandoned at once; anything else is tried again after the times of `webhookRetriesMs`,
 * then abandoned. A process that starts again begins again to count.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.js";
import { webhookRetriesMs } from "../../limits.js";
import type { Delivery } from "../../lineage-store/deliveries.js";
import type { AliasEntry } from "../../lineage-store/refs.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Webhook, WebhookMessage } from "./webhook.js";

export interface OutboxOptions {
  /** Waits before the second attempt, the third, …; after the last the delivery is abandoned. */
  readonly retriesMs?: readonly number[];
  readonly nowMs?: () => number;
  /** A delivery was recorded. */
  readonly onDelivery?: (delivery: Delivery) => void;
  readonly onFailure?: (thrown: unknown) => void;
}

export class Outbox {
  readonly #store: LineageStore;
  readonly #webhooks: readonly Webhook[];
  readonly #options: OutboxOptions;
  readonly #stop = new AbortController();
  /** Of each webhook: the work under way, and whether there is more. */
  readonly #working = new Map<Webhook, Promise<void>>();
  readonly #woken = new Set<Webhook>();

  constructor(store: LineageStore, webhooks: readonly Webhook[], options: OutboxOptions = {}) {
    this.#store = store;
    this.#webhooks = webhooks;
    this.#options = options;
  }

  /** Looks for what is to be told: at the start, and after each deployment. Returns at once. */
  wake(): void {
    for (const webhook of this.#webhooks) {
      this.#woken.add(webhook);
      if (!this.#working.has(webhook)) this.#working.set(webhook, this.#work(webhook));
    }
  }

  /** Resolves when nothing is to be told any more, or all is waiting for a stop. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working.values());
  }

  /** What is under way is broken off; it is told after the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async #work(webhook: Webhook): Promise<void> {
    // Never settles before `wake` has noted it.
    await Promise.resolve();
    try {
      while (this.#woken.delete(webhook) && !this.#isStopped) {
        for (const entry of await this.#pending(webhook.name)) await this.#deliver(webhook, entry);
      }
    } catch (thrown) {
      if (!this.#isStopped) this.#options.onFailure?.(thrown);
    } finally {
      this.#working.delete(webhook);
    }
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Oldest first. */
  async #pending(webhook: string): Promise<AliasEntry[]> {
    const pending: AliasEntry[] = [];
    for await (const { alias } of this.#store.aliases()) {
      const last = await this.#store.lastDelivery(webhook, alias);
      const fresh: AliasEntry[] = [];
      for await (const entry of this.#store.aliasHistory(alias)) {
        if (last !== null && entry.sequence <= last.sequence) break;
        fresh.push(entry);
        if (last === null) break;
      }
      pending.push(...fresh);
    }
    return pending.sort((left, right) => left.atMs - right.atMs || left.sequence - right.sequence);
  }

  async #deliver(webhook: Webhook, entry: AliasEntry): Promise<void> {
    const message = await this.#messageOf(entry);
    const waits = this.#options.retriesMs ?? webhookRetriesMs;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(webhook, message);
      if (this.#isStopped) throw this.#stop.signal.reason;
      const wait = waits[attempt - 1];
      if (result.isFinal || wait === undefined) {
        await this.#record(webhook, entry, attempt, result.problem);
        return;
      }
      await sleep(wait, undefined, { ref: false, signal: this.#stop.signal });
    }
  }

  async #attempt(
    webhook: Webhook,
    message: WebhookMessage,
  ): Promise<{ readonly problem: string | null; readonly isFinal: boolean }> {
    try {
      const nowMs = (this.#options.nowMs ?? Date.now)();
      const { status } = await webhook.send(message, nowMs, this.#stop.signal);
      if (status >= 200 && status < 300) return { problem: null, isFinal: true };
      const isRedirect = status >= 300 && status < 400;
      const problem = `status ${status}${isRedirect ? ", and redirects are not followed" : ""}`;
      return { problem, isFinal: status === 410 || isRedirect };
    } catch (thrown) {
      return { problem: messageOf(thrown), isFinal: false };
    }
  }

  async #record(
    webhook: Webhook,
    entry: AliasEntry,
    attempts: number,
    problem: string | null,
  ): Promise<void> {
    const { alias, sequence } = entry;
    const delivery = { webhook: webhook.name, alias, sequence, attempts, problem };
    await this.#store.commit((tx) => tx.addDelivery(delivery));
    this.#options.onDelivery?.(delivery);
  }

  async #messageOf(entry: AliasEntry): Promise<WebhookMessage> {
    const { alias, sequence, id, atMs, reason, run, previous } = entry;
    const { name, version } = await this.#store.get(id);
    // Twice the same text: not only the id, but the body too is the same at every attempt.
    const body = JSON.stringify({
      type: "model.deployed",
      timestamp: new Date(atMs).toISOString(),
      data: { alias, sequence, id, name, version, previous, reason, run },
    });
    const digest = createHash("sha256")
      .update(JSON.stringify([alias, sequence, id, atMs]))
      .digest("hex");
    return { id: `msg_${digest.slice(0, 32)}`, body };
  }
}
