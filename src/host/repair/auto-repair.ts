/**
 * Repairs that a monitor's alarm sets off. At most one at a time, and none within a cool-down after the last one of the alias ended,
 * whatever its outcome and whichever process ran it: an alarm that no repair can help must not keep a gateway busy.
 */
import { MendlineError, messageOf } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { WindowReport } from "../drift/window-report.js";
import type { RepairAsked } from "./known-labels.js";
import type { RepairReport } from "./report.js";
import { openRunOf } from "./run-claims.js";
import { listRuns } from "./runs.js";

export interface AutoRepairOptions {
  /**
   * What to repair with, asked at each alarm that may start a repair; null leaves the alarm alone. Its data is closed when the repair
   * has ended.
   */
  readonly request: (window: WindowReport) => RepairAsked | null | Promise<RepairAsked | null>;
  /** One hour by default. */
  readonly coolDownMs?: number;
}

export interface AutoRepairHost {
  readonly store: LineageStore;
  repair(request: RepairAsked): Promise<RepairReport>;
  cancelRun(run: string): Promise<unknown>;
  /** Why an alarm set off nothing. */
  onSkipped(reason: string): void;
  onFailure(thrown: unknown): void;
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof MendlineError && thrown.code === "MENDLINE_REPAIR_BUSY";
}

const coolDownMsDefault = 3_600_000;
/** Runs looked through for the alias's last one, newest first. */
const runsLookedThroughMax = 1_000;

export class AutoRepair {
  readonly #options: AutoRepairOptions;
  readonly #host: AutoRepairHost;
  readonly #ending = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: AutoRepairOptions, host: AutoRepairHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Takes an alarm; what comes of it is told to the host. */
  alarm(window: WindowReport): void {
    if (this.#ending.signal.aborted) return;
    if (this.#running !== null) {
      this.#host.onSkipped("a repair is under way");
      return;
    }
    this.#running = this.#answer(window)
      .catch((thrown: unknown) => {
        if (!this.#ending.signal.aborted) this.#host.onFailure(thrown);
      })
      .finally(() => {
        this.#running = null;
      });
  }

  /** Waits for the repair under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Cancels the repair under way; its run can be resumed. */
  async close(): Promise<void> {
    this.#ending.abort(new Error("the engine was closed"));
    await this.#running;
  }

  async #answer(window: WindowReport): Promise<void> {
    const request = await this.#options.request(window);
    if (request === null) return;
    const { live, validation, gate, control, pool, alias, signal } = request;
    try {
      const waitMs = alias === undefined ? 0 : await this.#coolDownLeft(alias);
      if (waitMs > 0) {
        this.#host.onSkipped(`the last repair of ${alias} ended less than the cool-down ago`);
        return;
      }
      const dead = alias === undefined ? null : await openRunOf(this.#host.store, alias);
      // Nobody may be there to resume it, and what it knew is older than this alarm.
      if (dead !== null) await this.#host.cancelRun(dead);
      const ends = [this.#ending.signal, ...(signal === undefined ? [] : [signal])];
      await this.#host.repair({ ...request, signal: AbortSignal.any(ends) }).catch((thrown: unknown) => {
        // Somebody repairs the alias by hand, or the last repair's candidate is on trial.
        if (!isBusy(thrown)) throw thrown;
        this.#host.onSkipped(messageOf(thrown));
      });
    } finally {
      for (const source of [live, validation, gate, control, pool]) await source?.close();
    }
  }

  async #coolDownLeft(alias: string): Promise<number> {
    const { coolDownMs = coolDownMsDefault } = this.#options;
    for await (const run of listRuns(this.#host.store, { limit: runsLookedThroughMax })) {
      if (run.alias !== alias || run.state !== "ended") continue;
      return run.updatedMs + coolDownMs - Date.now();
    }
    return 0;
  }
}
