/**
 * What an engine tells, and how: a listener that throws keeps nothing else from being told, and a failure that nobody listens for is
 * kept for `close`.
 */
import type { EventEmitter } from "node:events";
import type { Delivery } from "../../lineage-store/deliveries.js";
import type { Deployment } from "../deployment/deployments.js";
import type { ServedModel } from "../deployment/serving.js";
import type { WindowReport } from "../drift/window-report.js";
import type { RepairReport } from "../repair/report.js";
import type { TrialState } from "../repair/trial.js";

export interface EngineEvents {
  /**
   * A monitor closed a window, and its report is durable. Of windows that close faster than the store takes them, only the last 1,000 are
   * kept, and told; the monitor itself tells each at once.
   */
  window: [WindowReport];
  /** It raised the alarm. */
  drift: [WindowReport];
  /** It cleared the alarm. */
  cleared: [WindowReport];
  /** A monitor's state is durable: after a crash it goes on behind so many rows. */
  checkpoint: [{ readonly monitor: string; readonly rows: number }];
  /** A repair came to its end, whatever the outcome. */
  repaired: [RepairReport];
  /** An alias serves another model. */
  deployed: [Deployment];
  /** A webhook was told of a deployment, or will not be (`problem`); durable. */
  delivered: [Delivery];
  /** An alias's model is served in this process (`serve`): changed over, its predecessor still draining. */
  swapped: [{ readonly alias: string } & ServedModel];
  /** A trial came to its end; what it decided is done. */
  tried: [{ readonly alias: string } & TrialState];
  /** An alarm set off no repair, and why. */
  repairSkipped: [{ readonly monitor: string; readonly reason: string }];
  /**
   * Something failed where no caller could be told: writing a window's report, a repair that an alarm set off. With no listener,
   * `close` throws the first.
   */
  error: [Error];
}

export class Announcer {
  readonly #emitter: EventEmitter<EngineEvents>;
  #untold: { readonly thrown: unknown } | null = null;

  constructor(emitter: EventEmitter<EngineEvents>) {
    this.#emitter = emitter;
  }

  /** The first failure that nobody listened for. */
  get untold(): { readonly thrown: unknown } | null {
    return this.#untold;
  }

  tell<E extends keyof EngineEvents>(event: E, ...told: EngineEvents[E]): void {
    try {
      // The emitter's own type of its arguments is resolved only for an event that is known.
      (this.#emitter as EventEmitter).emit(event, ...told);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** `emit` throws an error that nobody listens for, and here that would end the process. */
  fail(thrown: unknown): void {
    try {
      this.#emitter.emit("error", thrown instanceof Error ? thrown : new Error(String(thrown)));
    } catch (untold) {
      this.#untold ??= { thrown: untold };
    }
  }
}
