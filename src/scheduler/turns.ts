/**
 * The event loop's turns in long work on the gateway's thread: whoever works asks after each bounded step, and waits a turn when
 * `inlineTurnMsMax` has passed since the last one. So nothing waits longer than that and one step.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { inlineTurnMsMax } from "../limits.js";

export class Turns {
  readonly #lengthMs: number;
  #endsMs: number;

  constructor(lengthMs: number = inlineTurnMsMax) {
    this.#lengthMs = lengthMs;
    this.#endsMs = performance.now() + lengthMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endsMs;
  }

  /** Goes through all steps, with turns between them. */
  async through<T>(steps: Generator<void, T>): Promise<T> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      if (this.isOver) await this.next();
    }
  }

  /** Lets everything run that is ready. */
  async next(): Promise<void> {
    await nextTurn();
    this.#endsMs = performance.now() + this.#lengthMs;
  }
}
