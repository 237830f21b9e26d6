/**
 * A monitor on its way to where it is kept. Reports of closed windows, in order, and with them the state that comes after them, are kept
 * in one write; a window is reported when that is done, so that what was reported is never lost. Between windows the state is kept every
 * `flushMs`, or every `flushRows` rows: of what was observed since then nothing is kept.
 *
 * One write at a time. What cannot be written stays, and is tried again with what comes next.
 */
import { monitorReportsMax } from "../../limits.js";
import type { DriftMonitor } from "./monitor.js";
import type { KeptReservoir } from "./reservoir-state.js";
import type { SetAside } from "./window.js";
import type { WindowReport } from "./window-report.js";

/** Reports in one write: bounds what a write holds in memory, and pays for its sync. */
const reportsPerWriteMax = 64;
const flushMsDefault = 60_000;

export interface KeptState {
  readonly bytes: Uint8Array;
  /** The reservoir of the same moment; null where none is kept. */
  readonly reservoir: KeptReservoir | null;
  /** Rows that it stands for, and what else can be told of it without reading it. */
  readonly rows: number;
  readonly setAside: SetAside;
  readonly alarmSince: number | null;
}

export interface MonitorLogOptions {
  /** Keeps windows, oldest first, and the state after them; all or none. Without a state, more windows come. */
  readonly write: (windows: readonly WindowReport[], state: KeptState | null) => Promise<void>;
  /** Told of what was written. Must not throw, as the next. */
  readonly onWritten: (windows: readonly WindowReport[], state: KeptState | null) => void;
  readonly onFailure: (thrown: unknown) => void;
  /** A minute by default: each write is an entry of the journal, which is never cut. */
  readonly flushMs?: number | undefined;
  /** No limit by default. */
  readonly flushRows?: number | undefined;
  /** The last window that was reported before the state that the monitor goes on from was kept; -1: none. */
  readonly reportedThrough?: number;
}

interface Part {
  readonly windows: readonly WindowReport[];
  readonly state: KeptState | null;
}

export class MonitorLog {
  readonly #monitor: DriftMonitor;
  readonly #options: MonitorLogOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: WindowReport[] = [];
  #rowsKept: number;
  #writing: Promise<void> | null = null;

  constructor(monitor: DriftMonitor, options: MonitorLogOptions) {
    this.#monitor = monitor;
    this.#options = options;
    this.#rowsKept = monitor.start.rows;
    const { flushMs = flushMsDefault, flushRows = Number.POSITIVE_INFINITY, reportedThrough = -1 } = options;
    monitor.on("window", (window) => {
      if (window.window.number > reportedThrough) this.#add(window);
    });
    monitor.on("counted", (rows) => {
      if (rows - this.#rowsKept >= flushRows) this.#begin();
    });
    this.#timer = setInterval(() => {
      if (monitor.rowsObserved !== this.#rowsKept) this.#begin();
    }, flushMs);
    this.#timer.unref();
  }

  /** Keeps the state as it is now. Resolves when all that closed before is reported, or could not be. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#waiting.length > 0 || this.#monitor.rowsObserved !== this.#rowsKept) this.#begin();
    await this.#writing;
  }

  /** The same for a monitor that is closed: nothing follows. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #add(window: WindowReport): void {
    this.#waiting.push(window);
    // Once written, it would be dropped for newer ones.
    if (this.#waiting.length > monitorReportsMax) this.#waiting.shift();
    this.#begin();
  }

  #begin(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    do {
      const { windows, state } = await this.#part();
      try {
        await this.#options.write(windows, state);
      } catch (thrown) {
        this.#waiting.unshift(...windows);
        this.#options.onFailure(thrown);
        return;
      }
      if (state !== null) this.#rowsKept = state.rows;
      this.#options.onWritten(windows, state);
    } while (this.#waiting.length > 0);
  }

  /** Windows and the state that comes right after them: they are taken at one moment, in which the monitor counts and reports nothing. */
  #part(): Promise<Part> {
    return new Promise((resolve) => {
      this.#monitor.whenQuiet(() => {
        // First, for it counts what is gathered, which may close windows.
        const state = this.#state();
        const windows = this.#waiting.splice(0, reportsPerWriteMax);
        resolve({ windows, state: this.#waiting.length === 0 ? state : null });
      });
    });
  }

  #state(): KeptState | null {
    try {
      const bytes = this.#monitor.checkpoint();
      if (bytes === null) return null;
      const { rowsObserved: rows, setAside, alarmSince, keptReservoir: reservoir } = this.#monitor;
      return { bytes, rows, setAside, alarmSince, reservoir };
    } catch (thrown) {
      this.#options.onFailure(thrown);
      return null;
    }
  }
}
