/**
 * Reports of closed windows on their way to where they are kept: in order, one write at a time, several reports in a write when they
 * come faster than the disk takes them. Of each monitor no more wait than are kept at all (`monitorReportsMax`).
 */
import { monitorReportsMax } from "../../limits.js";
import type { WindowReport } from "./window-report.js";

/** Reports in one write: bounds what a write holds in memory, and pays for its sync. */
const reportsPerWriteMax = 64;

export class WindowLog {
  readonly #write: (monitor: string, windows: readonly WindowReport[]) => Promise<void>;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #waiting = new Map<string, WindowReport[]>();
  #writing: Promise<void> | null = null;

  /**
   * @param write      keeps windows of one monitor, oldest first
   * @param onFailure  told what `write` threw; the windows of that write are lost. Must not throw
   */
  constructor(
    write: (monitor: string, windows: readonly WindowReport[]) => Promise<void>,
    onFailure: (thrown: unknown) => void,
  ) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  add(monitor: string, window: WindowReport): void {
    const waiting = this.#waiting.get(monitor) ?? [];
    waiting.push(window);
    // Once written, it would be dropped for newer ones.
    if (waiting.length > monitorReportsMax) waiting.shift();
    this.#waiting.set(monitor, waiting);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything added is written, or has failed. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (const [monitor, waiting] of this.#waiting) {
      const windows = waiting.splice(0, reportsPerWriteMax);
      // Behind the other monitors, so that none waits for ever.
      this.#waiting.delete(monitor);
      if (waiting.length > 0) this.#waiting.set(monitor, waiting);
      try {
        await this.#write(monitor, windows);
      } catch (thrown) {
        this.#onFailure(thrown);
      }
    }
    this.#writing = null;
  }
}
