/**
 * What follows from a deployment, and what leads to one: webhooks are told, models that are served in this process change over, and trials
 * move an alias or send it back.
 */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Deployment } from "../deployment/deployments.js";
import { Outbox } from "../deployment/outbox.js";
import { type ServeOptions, Serving } from "../deployment/serving.js";
import type { Webhook } from "../deployment/webhook.js";
import type { WindowReport } from "../drift/window-report.js";
import type { AliasTrial } from "../repair/alias-trial.js";
import type { RepairContext } from "../repair/context.js";
import type { TrialOptions } from "../repair/trial.js";
import type { Announcer } from "./announcer.js";

export class Publications {
  readonly #context: RepairContext;
  readonly #store: LineageStore;
  readonly #announcer: Announcer;
  readonly #outbox: Outbox | null;
  readonly #trials = new Set<AliasTrial>();
  readonly #servings = new Set<Serving<unknown>>();
  #alarms: Promise<void> = Promise.resolve();

  constructor(context: RepairContext, webhooks: readonly Webhook[], announcer: Announcer) {
    this.#context = context;
    this.#store = context.store;
    this.#announcer = announcer;
    this.#outbox = webhooks.length === 0 ? null : this.#openOutbox(webhooks);
  }

  /** An alias serves another model: those whom it concerns are told. */
  deployed(deployment: Deployment): void {
    this.#outbox?.wake();
    for (const serving of this.#servings) {
      if (serving.alias !== deployment.alias) continue;
      void this.#swap(serving).catch((thrown: unknown) => this.#announcer.fail(thrown));
    }
    this.#announcer.tell("deployed", deployment);
  }

  /** See `Engine.serve`. */
  async serve<M>(alias: string, options: ServeOptions<M>): Promise<Serving<M>> {
    const serving = new Serving(alias, {
      ...options,
      onFailure: options.onFailure ?? ((thrown) => this.#announcer.fail(thrown)),
    });
    // Before the first model: a deployment meanwhile is not missed.
    this.#servings.add(serving as Serving<unknown>);
    try {
      await this.#swap(serving);
    } catch (thrown) {
      this.#servings.delete(serving as Serving<unknown>);
      throw thrown;
    }
    return serving;
  }

  /** See `Engine.trial`. @param options.candidate  an id */
  async trial(alias: string, options: TrialOptions & { readonly candidate?: string }): Promise<AliasTrial> {
    const { AliasTrial } = await import("../repair/alias-trial.js");
    let begun: AliasTrial | null = null;
    const trial = await AliasTrial.begin(this.#context, alias, options, {
      onDeployed: (deployment) => this.deployed(deployment),
      onEnded: (alias, state) => {
        if (begun !== null) this.#trials.delete(begun);
        this.#announcer.tell("tried", { alias, ...state });
      },
      onFailure: (thrown) => this.#announcer.fail(thrown),
    });
    begun = trial;
    if (trial.state.verdict === "open") this.#trials.add(trial);
    return trial;
  }

  /** A monitor raised the alarm: what is on trial and drifts is sent back, whichever process put it on trial. */
  alarm(monitor: string, window: WindowReport): void {
    const reason = `the candidate drifts: monitor "${monitor}" raised the alarm at window ${window.window.number}`;
    this.#alarms = this.#alarms
      .then(() => this.#sendBack(window.model, reason))
      .catch((thrown: unknown) => this.#announcer.fail(thrown));
  }

  async #sendBack(model: string, reason: string): Promise<void> {
    const { openTrials } = await import("../repair/open-trials.js");
    for await (const { alias, period, candidate } of openTrials(this.#store)) {
      if (period !== "after" || candidate !== model) continue;
      const here = [...this.#trials].find((trial) => trial.isGuard && trial.alias === alias);
      (here ?? (await this.trial(alias, {}))).drifted(reason);
    }
  }

  /** What closes them, in order; each step is to be taken whatever became of those before it. */
  closing(): (() => Promise<void> | undefined)[] {
    return [
      async () => {
        await this.#alarms;
        for (const trial of this.#trials) await trial.settled();
      },
      ...Array.from(this.#servings, (serving) => () => serving.close()),
      () => this.#outbox?.close(),
    ];
  }

  async #swap<M>(serving: Serving<M>): Promise<void> {
    const { alias } = serving;
    const swapped = await serving.swap(async () => {
      const model = await this.#store.get(await this.#store.resolve(alias));
      return { version: model, withFile: (use) => this.#withRestored(model, use) };
    });
    if (swapped !== null) this.#announcer.tell("swapped", { alias, ...swapped });
  }

  async #withRestored<T>(model: ModelRecord, use: (path: string) => Promise<T>): Promise<T> {
    const target = await this.#context.scratch.path(`serving-${randomUUID()}.${model.format}`);
    try {
      return await use(await this.#store.restoreFile(model.id, target));
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  }

  #openOutbox(webhooks: readonly Webhook[]): Outbox {
    const outbox = new Outbox(this.#store, webhooks, {
      onDelivery: (delivery) => this.#announcer.tell("delivered", delivery),
      onFailure: (thrown) => this.#announcer.fail(thrown),
    });
    outbox.wake();
    return outbox;
  }
}
