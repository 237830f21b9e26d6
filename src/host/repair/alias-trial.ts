/**
 * A trial (trial.ts) of an alias: kept in the store at its looks, and what it decides is done in the same commit that says so.
 *
 *     shadow, canary   the alias serves the incumbent   better: it moves to the candidate
 *     guard            the alias serves the candidate   worse: it goes back to the incumbent, the very bytes
 *
 * A trial that is begun again for the same two models and period goes on from the last state that was kept, as it was begun. Rows that an
 * application told since are lost; data that `observe` took is counted once, whole or not at all. A repair's shadow trial ends its run:
 * better is `published`, worse is `rejected`, neither is `not-proven`. An alias that was moved by somebody else meanwhile is left alone,
 * and the trial with it.
 */
import { MendlineError } from "../../errors.js";
import { trialsPendingMax } from "../../limits.js";
import type { AliasEntry } from "../../lineage-store/refs.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Transaction } from "../../lineage-store/transaction.js";
import { type Deployment, deploy } from "../deployment/deployments.js";
import { cardOfRun } from "./card.js";
import type { RepairContext } from "./context.js";
import { openTrial } from "./open-trials.js";
import type { RepairOutcome } from "./report.js";
import { RunLog } from "./run-log.js";
import { reportOf } from "./run-report.js";
import type { EndStep } from "./run-steps.js";
import { newTrial, Trial, type TrialOptions, type TrialPair, type TrialState } from "./trial.js";
import { lookAtRows, type TrialRows } from "./trial-rows.js";

export interface TrialRequest extends TrialOptions {
  /** Content id; left out: the trial that is open goes on, else the alias's model is tried against the one before it (guard). */
  readonly candidate?: string;
}

export interface TrialHooks {
  readonly onDeployed: (deployment: Deployment) => void;
  readonly onEnded: (alias: string, state: TrialState) => void;
  readonly onFailure: (thrown: unknown) => void;
}

/** What a repair's run comes to with its shadow trial. */
const outcomes: Readonly<Record<Exclude<TrialState["verdict"], "open">, RepairOutcome>> = {
  better: "published",
  worse: "rejected",
  undecided: "not-proven",
};

export class AliasTrial {
  readonly alias: string;
  readonly #context: RepairContext;
  readonly #trial: Trial;
  readonly #hooks: TrialHooks;
  #writing: Promise<void> = Promise.resolve();
  #pending = 0;

  private constructor(context: RepairContext, alias: string, trial: Trial, hooks: TrialHooks) {
    this.#context = context;
    this.alias = alias;
    this.#trial = trial;
    this.#hooks = hooks;
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN  no such alias, or no model before its present one */
  static async begin(
    context: RepairContext,
    alias: string,
    request: TrialRequest,
    hooks: TrialHooks,
  ): Promise<AliasTrial> {
    const { store } = context;
    const { candidate, ...options } = request;
    const entry = await store.alias(alias);
    if (entry === null)
      throw new MendlineError("MENDLINE_STORE_UNKNOWN", `there is no alias "${alias}" to try for`);
    const kept = await openTrial(store, alias);
    const pair = pairOf(entry, candidate, kept);
    const isSame = kept !== null && isSamePair(kept, pair);
    const trial = new Trial(isSame ? kept : newTrial(pair, options));
    if (kept !== null && !isSame)
      await new AliasTrial(context, alias, new Trial(kept), hooks).end(
        "another trial of the alias began, or it moved",
      );
    if (!isSame) await store.commit((tx) => tx.appendTrial(alias, trial.state));
    return new AliasTrial(context, alias, trial, hooks);
  }

  get state(): TrialState {
    return this.#trial.state;
  }

  get isGuard(): boolean {
    return this.state.period === "after";
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
    this.#trial.lost(reason);
    this.#keep();
  }

  /**
   * Runs both models on rows. When it resolves the rows are counted, durably, and what they decide is done; when it throws none is.
   * A trial that has ended counts nothing more. See trial-rows.ts for what it throws.
   */
  async observe(rows: TrialRows): Promise<TrialState> {
    if (!this.#trial.isOpen) return this.state;
    const found = await lookAtRows(this.#context, this.#trial, rows);
    const { drift, fault, answers, incumbentLosses, candidateLosses, digests } = found;
    const before = this.state;
    // From here to the write nothing waits: other rows are counted before, or behind.
    this.#trial.answered(answers);
    this.#trial.counted(digests);
    incumbentLosses.forEach((loss, row) => void this.#trial.judged(loss, candidateLosses[row]!));
    if (fault !== null) this.#trial.lost(fault);
    if (drift !== undefined) this.#trial.looked(drift);
    await this.#write().catch((thrown: unknown) => {
      this.#trial.restore(before);
      throw thrown;
    });
    return this.state;
  }

  /** Ends it by hand: the alias stays where it is. */
  async end(reason = "it was ended by hand"): Promise<TrialState> {
    this.#trial.end(reason);
    await this.#write();
    return this.state;
  }

  settled(): Promise<void> {
    return this.#writing;
  }

  #keep(): void {
    // Looks come at twice as many rows each: only a store that has come to a stand has several to write.
    if (this.#trial.isOpen && this.#pending >= trialsPendingMax) return;
    this.#pending++;
    void this.#write()
      .catch((thrown: unknown) => this.#hooks.onFailure(thrown))
      .finally(() => this.#pending--);
  }

  /** In turn; what was written before does not fail what comes behind. */
  #write(): Promise<void> {
    const { state } = this.#trial;
    const turn = this.#writing.then(() => this.#writeNow(state));
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  async #writeNow(state: TrialState): Promise<void> {
    const target = this.#targetOf(state);
    const log = state.run === null || this.isGuard ? null : await RunLog.reopen(this.#store, state.run);
    if (target !== null) this.#hooks.onDeployed(await this.#move(target, state, log));
    else {
      const end = log === null || state.verdict === "open" ? null : await this.#endOf(state);
      await this.#store.commit((tx) => {
        tx.appendTrial(this.alias, state);
        if (end !== null) log!.appendIn(tx, end.outcome, end);
      });
    }
    if (state.verdict !== "open") this.#hooks.onEnded(this.alias, state);
  }

  get #store(): LineageStore {
    return this.#context.store;
  }

  /** Where the alias goes; null: it stays. */
  #targetOf({ verdict, incumbent, candidate }: TrialState): string | null {
    if (verdict === "better" && !this.isGuard) return candidate;
    return verdict === "worse" && this.isGuard ? incumbent : null;
  }

  async #move(id: string, state: TrialState, log: RunLog | null): Promise<Deployment> {
    const end = log === null ? null : await this.#endOf(state);
    return deploy(this.#store, {
      alias: this.alias,
      id,
      dir: log?.started.plan.dir ?? null,
      reason: `${this.isGuard ? "rollback" : "trial"}: ${state.reason ?? ""}`,
      run: log?.id ?? null,
      ...(log !== null && { card: await cardOfRun(this.#store, log, reportOf(log, end!)) }),
      expectedId: id === state.candidate ? state.incumbent : state.candidate,
      alongside: (tx: Transaction, path: string | null) => {
        tx.appendTrial(this.alias, state);
        if (end !== null) log!.appendIn(tx, end.outcome, { ...end, path });
      },
    });
  }

  async #endOf({ candidate, verdict, reason }: TrialState): Promise<EndStep> {
    const { id, name, version } = await this.#store.get(candidate);
    const outcome = outcomes[verdict as keyof typeof outcomes];
    return { outcome, reason: `on trial: ${reason ?? ""}`, model: { id, name, version }, path: null };
  }
}

function pairOf(entry: AliasEntry, candidate: string | undefined, kept: TrialState | null): TrialPair {
  const isKept = kept !== null && entry.id === (kept.period === "before" ? kept.incumbent : kept.candidate);
  if (isKept && (candidate === undefined || candidate === kept.candidate)) return kept;
  if (candidate !== undefined && candidate !== entry.id)
    return { period: "before", incumbent: entry.id, candidate, run: null };
  if (entry.previous !== null && entry.previous !== entry.id)
    return { period: "after", incumbent: entry.previous, candidate: entry.id, run: null };
  const problem = `alias "${entry.alias}" has served one model only: there is none to try it against`;
  throw new MendlineError("MENDLINE_STORE_UNKNOWN", problem);
}

function isSamePair(left: TrialPair, right: TrialPair): boolean {
  return (
    left.period === right.period && left.incumbent === right.incumbent && left.candidate === right.candidate
  );
}
