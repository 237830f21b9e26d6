/**
 * A trial (trial.ts) of an alias: kept in the store at its looks, and what it decides is done in the same commit that says so.
 *
 *     shadow, canary   the alias serves the incumbent   better: it moves to the candidate
 *     guard            the alias serves the candidate   worse: it goes back to the incumbent, the very bytes
 *
 * A trial that is begun again for the same two models and period goes on from the last look that was kept; rows since then are lost. An alias that
 * was moved by somebody else meanwhile is left alone, and the trial with it.
 */
import { MendlineError } from "../../errors.js";
import { trialsPendingMax } from "../../limits.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { type Deployment, deploy } from "../deployment/deployments.js";
import { Trial, type TrialOptions, type TrialState } from "./trial.js";

export interface TrialRequest extends TrialOptions {
  /** Content id; left out: the alias's model is tried against the one before it (guard). */
  readonly candidate?: string;
}

export interface TrialHooks {
  readonly onDeployed: (deployment: Deployment) => void;
  readonly onEnded: (alias: string, state: TrialState) => void;
  readonly onFailure: (thrown: unknown) => void;
}

export class AliasTrial {
  readonly alias: string;
  readonly isGuard: boolean;
  readonly #store: LineageStore;
  readonly #trial: Trial;
  readonly #hooks: TrialHooks;
  #writing: Promise<void> = Promise.resolve();
  #pending = 0;

  private constructor(store: LineageStore, alias: string, isGuard: boolean, trial: Trial, hooks: TrialHooks) {
    this.#store = store;
    this.alias = alias;
    this.isGuard = isGuard;
    this.#trial = trial;
    this.#hooks = hooks;
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN  no such alias, or no model before its present one */
  static async begin(
    store: LineageStore,
    alias: string,
    request: TrialRequest,
    hooks: TrialHooks,
  ): Promise<AliasTrial> {
    const { candidate, ...options } = request;
    const entry = await store.alias(alias);
    if (entry === null)
      throw new MendlineError("MENDLINE_STORE_UNKNOWN", `there is no alias "${alias}" to try for`);
    const isGuard = candidate === undefined || candidate === entry.id;
    const incumbent = isGuard ? entry.previous : entry.id;
    if (incumbent === null || (isGuard && incumbent === entry.id)) {
      const problem = `alias "${alias}" has served one model only: there is none to try it against`;
      throw new MendlineError("MENDLINE_STORE_UNKNOWN", problem);
    }
    const pair = {
      period: isGuard ? ("after" as const) : ("before" as const),
      incumbent,
      candidate: isGuard ? entry.id : candidate,
    };
    const kept = (await store.lastTrial(alias)) as TrialState | null;
    const isSame =
      kept?.verdict === "open" &&
      kept.period === pair.period &&
      kept.incumbent === pair.incumbent &&
      kept.candidate === pair.candidate;
    const trial = new Trial(pair, options, isSame ? kept : undefined);
    if (!isSame) await store.commit((tx) => tx.appendTrial(alias, trial.state));
    return new AliasTrial(store, alias, isGuard, trial, hooks);
  }

  get state(): TrialState {
    return this.#trial.state;
  }

  /** See `Trial.route`. */
  route(key: string): "incumbent" | "candidate" {
    return this.#trial.route(key);
  }

  /** See `Trial.predicted`. */
  predicted(incumbent: number | ArrayLike<number>, candidate: number | ArrayLike<number>): void {
    this.#trial.predicted(incumbent, candidate);
  }

  /** See `Trial.judged`. What it decides is done behind it: `settled` waits, the engine's `error` tells what failed. */
  judged(incumbentLoss: number, candidateLoss: number): void {
    if (this.#trial.judged(incumbentLoss, candidateLoss)) this.#keep();
  }

  /** The candidate's monitor raised the alarm. */
  drifted(reason: string): void {
    if (!this.#trial.isOpen) return;
    this.#trial.drifted(reason);
    this.#keep();
  }

  settled(): Promise<void> {
    return this.#writing;
  }

  #keep(): void {
    const { state } = this.#trial;
    // Looks come at twice as many rows each: only a store that has come to a stand has several to write.
    if (state.verdict === "open" && this.#pending >= trialsPendingMax) return;
    this.#pending++;
    this.#writing = this.#writing
      .then(() => this.#write(state))
      .catch((thrown: unknown) => this.#hooks.onFailure(thrown));
  }

  async #write(state: TrialState): Promise<void> {
    try {
      const target = this.#targetOf(state);
      if (target === null) await this.#store.commit((tx) => tx.appendTrial(this.alias, state));
      else this.#hooks.onDeployed(await this.#move(target, state));
    } finally {
      this.#pending--;
    }
    if (state.verdict !== "open") this.#hooks.onEnded(this.alias, state);
  }

  /** Where the alias goes; null: it stays. */
  #targetOf({ verdict, incumbent, candidate }: TrialState): string | null {
    if (verdict === "better" && !this.isGuard) return candidate;
    return verdict === "worse" && this.isGuard ? incumbent : null;
  }

  #move(id: string, state: TrialState): Promise<Deployment> {
    return deploy(this.#store, {
      alias: this.alias,
      id,
      reason: `${this.isGuard ? "rollback" : "trial"}: ${state.reason ?? ""}`,
      expectedId: id === state.candidate ? state.incumbent : state.candidate,
      alongside: (tx) => tx.appendTrial(this.alias, state),
    });
  }
}
