/**
 * The drift monitor: the agent beside one deployed model. It counts live data over the merged grids of the model's profile and its
 * ancestors', closes windows, and says when drift has become an alarm. It keeps whole-number counts, and rows only in a reservoir that was
 * asked for.
 */
import { EventEmitter } from "node:events";
import { MendlineError } from "../../errors.js";
import { inlineBytesMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { bytesAsSource } from "../bytes/byte-source.js";
import { arrowSource } from "../columns/arrow.js";
import { isArrowFile, isPackedStream } from "../columns/arrow-bytes.js";
import type { DataSource } from "../columns/column.js";
import type { ColumnBatch } from "../columns/held.js";
import type { Row } from "../columns/rows.js";
import { alignKinds } from "./alignment.js";
import { isSource, LiveIntake, type LiveRows, liveArrowLabel } from "./live-rows.js";
import {
  type MonitorIdentity,
  monitorIdentityOf,
  monitorStateFromBytes,
  monitorStateToBytes,
} from "./monitor-state.js";
import { canonicalJson } from "./profile.js";
import type { ReservoirSettings } from "./reservoir.js";
import { type ReservoirRequest, reservoirSettings } from "./reservoir-settings.js";
import {
  type KeptReservoir,
  reservoirFromBytes,
  reservoirToBytes,
  type StoredReservoir,
} from "./reservoir-state.js";
import { DriftTrigger } from "./trigger.js";
import { type ClosedWindow, checkedWindow, type SetAside, type WindowOptions } from "./window.js";
import { WindowCounter } from "./window-counter.js";
import { type Watched, WindowJudge, type WindowJudgeOptions, type WindowReport } from "./window-report.js";

export interface MonitorOptions extends WindowJudgeOptions {
  readonly window: WindowOptions;
  /** A sample of the newest rows, in these columns, to ask people about; none by default. */
  readonly reservoir?: ReservoirRequest;
}

interface MonitorEvents {
  /** A window closed. */
  window: [WindowReport];
  /** It raised the alarm. */
  drift: [WindowReport];
  /** It cleared the alarm. */
  cleared: [WindowReport];
  /** Rows were counted: so many by now, since the watch began. */
  counted: [number];
  /** Its memory is released: nothing follows. */
  close: [];
}

/** What a monitor begins with. */
export interface MonitorStart {
  /** Rows that were observed before, by the watch that it goes on with. */
  readonly rows: number;
  readonly sinceMs: number;
  /** Why it does not go on from the state that it was given; null where it does, or was given none. */
  readonly anew: string | null;
}

export class DriftMonitor extends EventEmitter<MonitorEvents> {
  readonly model: Watched;
  readonly start: MonitorStart;
  readonly #identity: MonitorIdentity;
  readonly #runtime: Runtime;
  readonly #judge: WindowJudge;
  readonly #counter: WindowCounter;
  readonly #trigger: DriftTrigger;
  readonly #intake: LiveIntake;
  /** Windows that wait for their report: a listener may give rows, and these close more. */
  #closed: ClosedWindow[] = [];
  #isReporting = false;
  #turn: Promise<unknown> = Promise.resolve();
  #turnsLeft = 0;
  #waitingForQuiet: (() => void)[] = [];
  #closing: Promise<void> | null = null;
  #isReleased = false;
  #failure: { readonly thrown: unknown } | null = null;

  /**
   * @param ancestors  at most 16, in the order they are to be reported
   * @param kept       what `checkpoint` gave: the monitor goes on from there, unless it was of another model, or other windows
   * @param keptRows   what `keptReservoir` gave with it, its bytes
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT, MENDLINE_MEMORY_EXHAUSTED
   */
  constructor(
    runtime: Runtime,
    model: Watched,
    ancestors: readonly Watched[],
    options: MonitorOptions,
    kept?: Uint8Array,
    keptRows?: Uint8Array,
  ) {
    super();
    this.#runtime = runtime;
    this.model = model;
    const window = checkedWindow(options.window);
    this.#trigger = new DriftTrigger(options.trigger);
    this.#judge = new WindowJudge(runtime, model, ancestors, options);
    const { features, segments } = this.#judge;
    const timeField =
      window.kind === "time"
        ? features.find(({ field }) => field.name === window.timeColumn)?.field
        : undefined;
    if (timeField?.type === "f32") {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `the time column "${timeField.name}" is watched as f32, which cannot tell times apart: give times in a column of their own`,
      );
    }
    this.#counter = new WindowCounter(runtime, features, {
      window,
      segments,
      onClosed: (closed) => {
        this.#report(closed);
      },
      reservoir: options.reservoir && reservoirSettings(options.reservoir, window, features),
    });
    this.#intake = new LiveIntake(this.#counter);
    this.#identity = {
      ...this.#judge.identity,
      windows: canonicalJson(window),
      counts: canonicalJson(this.#counter.slotCounts),
    };
    this.start = this.#begin(kept, keptRows);
  }

  /** Whether it is closed, or closing: it takes nothing any more. */
  get isClosed(): boolean {
    return this.#closing !== null;
  }

  /** Since the watch began: with those of the state that the monitor went on from. */
  get rowsObserved(): number {
    return this.#counter.rowsObserved;
  }

  /** The number of the window that raised the alarm which stands; null where none stands. */
  get alarmSince(): number | null {
    return this.#trigger.state.alarmSince;
  }

  /** Rows of the reservoir, oldest first: copies. Empty where none is kept. @throws MendlineError MENDLINE_MEMORY_EXHAUSTED */
  get recentRows(): Row[] {
    // Their age is told by the newest row that is counted.
    if (!this.#isReleased) this.#counter.countStaged();
    return this.#counter.reservoir?.asRows() ?? [];
  }

  /** The reservoir, to be kept with `checkpoint`'s bytes of the same moment; null where none is kept. */
  get keptReservoir(): KeptReservoir | null {
    const { reservoir } = this.#counter;
    if (reservoir === null) return null;
    return {
      bytes: reservoirToBytes(reservoir.settings, reservoir.state),
      rows: reservoir.rows().length,
    };
  }

  /** How the reservoir chooses; null where none is kept. */
  get reservoirSettings(): ReservoirSettings | null {
    return this.#counter.reservoir?.settings ?? null;
  }

  /** Rows of them that are in no window. */
  get setAside(): SetAside {
    return this.#counter.setAside;
  }

  /**
   * Takes live data of any form and size: windows are the same however it comes, and however it is cut up.
   *
   * Rows, columns and Arrow tables are copied and counted before it returns; a call with a row that does not fit is refused, and none of
   * it is taken. Columns are the fast way: about a nanosecond a value beside the counting, where the rows of objects take five. Whole
   * numbers beyond 2^53 in row objects, and numbers where the model was trained on f32, are rounded.
   *
   * Arrow IPC bytes (a stream or a file) and sources are taken one after the other; the promise resolves when all is counted and
   * reported. Large ones are counted by the pool, and bytes must not change meanwhile. When one fails, the batches before stay counted.
   *
   * @throws MendlineError MENDLINE_DATA_SCHEMA  values of another kind than the features', or a column is not there;
   * MENDLINE_DATA_MALFORMED, MENDLINE_DATA_FORMAT, MENDLINE_TASK_*; MENDLINE_MEMORY_EXHAUSTED  no room to count: of the call's rows those
   * that `rowsObserved` tells are taken. What a listener threw, after the rows were taken.
   */
  observe(live: DataSource | Uint8Array, options?: { signal?: AbortSignal }): Promise<void>;
  observe(live: LiveRows): void;
  observe(
    live: DataSource | Uint8Array | LiveRows,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> | undefined {
    if (live instanceof Uint8Array) return this.#observeBytes(live, options);
    if (isSource(live)) return this.#observeSource(() => Promise.resolve(live), options);
    this.#assertOpen();
    this.#intake.add(live);
    this.#throwFailure();
    return undefined;
  }

  /** `observe` for what is known to be rows: an empty list, or rows that hold lists, are told from nothing else. */
  observeRows(rows: readonly Row[]): void {
    this.#assertOpen();
    this.#counter.addRows(rows);
    this.#throwFailure();
  }

  observeRow(row: Row): void {
    this.#assertOpen();
    this.#counter.addRow(row);
    this.#throwFailure();
  }

  observeColumns(columns: ColumnBatch): void {
    this.#assertOpen();
    this.#intake.addColumns(columns);
    this.#throwFailure();
  }

  /**
   * Says that event time has come to `ms`, as far as rows are concerned: none before it will come any more. Windows by time that are over
   * then close. Without it the last ones stay open until later rows come.
   *
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID  windows by rows, or no time
   */
  advanceTo(ms: number): void {
    this.#assertOpen();
    this.#counter.advanceTo(ms);
    this.#throwFailure();
  }

  /** Counts the rows that are gathered. */
  flush(): void {
    this.#counter.countStaged();
    this.#throwFailure();
  }

  /**
   * Everything that a monitor like this one needs to go on after the rows observed so far, as canonical bytes: counts, no rows. null
   * while rows are being counted by the pool, or windows reported: see `whenQuiet`.
   *
   * @throws MendlineError MENDLINE_MEMORY_EXHAUSTED  no room to count what is gathered
   */
  checkpoint(): Uint8Array | null {
    if (this.#isReporting) return null;
    if (!this.#isReleased) this.#counter.countStaged();
    const windows = this.#counter.state;
    if (windows === null) return null;
    const { sinceMs } = this.start;
    return monitorStateToBytes({ identity: this.#identity, sinceMs, windows, trigger: this.#trigger.state });
  }

  /** Calls `use` as soon as no row is being counted and no window reported: now, or where that ends. `use` must not throw. */
  whenQuiet(use: () => void): void {
    this.#waitingForQuiet.push(use);
    this.#tellQuiet();
  }

  /** Waits for tables under way, counts what is gathered, and releases the monitor's memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#turn;
    try {
      this.#counter.countStaged();
    } finally {
      this.#isReleased = true;
      for (const { counter } of this.#judge.features) counter.close();
      this.#counter.close();
      this.emit("close");
    }
    this.#throwFailure();
  }

  async #observeBytes(bytes: Uint8Array, options: { signal?: AbortSignal }): Promise<void> {
    const isSmall =
      bytes.byteLength <= inlineBytesMax &&
      this.#turnsLeft === 0 &&
      !isArrowFile(bytes) &&
      !isPackedStream(bytes);
    if (!isSmall || options.signal?.aborted) {
      const { arena } = this.#runtime;
      return this.#observeSource(() => arrowSource(bytesAsSource(bytes, liveArrowLabel), arena), options);
    }
    this.#assertOpen();
    this.#intake.addBytes(bytes);
    this.#throwFailure();
  }

  async #observeSource(open: () => Promise<DataSource>, { signal }: { signal?: AbortSignal }): Promise<void> {
    this.#assertOpen();
    const turn = this.#turn.then(async () => {
      const source = await open();
      this.#counter.countStaged();
      const fields = this.#judge.features.map(({ field }) => field);
      const aligned = alignKinds(this.#runtime, source, fields);
      const columns = [...new Set(this.#counter.columns)];
      for await (const batch of aligned.read({ columns, signal }))
        await this.#counter.addTable(batch, signal);
      this.#throwFailure();
    });
    this.#turnsLeft += 1;
    this.#turn = turn
      .catch(() => undefined)
      .then(() => {
        this.#turnsLeft -= 1;
      });
    await turn;
  }

  /** A listener that throws must not keep rows from being counted: what it threw waits until they are. */
  #report(windows: readonly ClosedWindow[]): void {
    this.#closed.push(...windows);
    if (this.#isReporting) return;
    this.#isReporting = true;
    for (let closed = this.#closed.shift(); closed !== undefined; closed = this.#closed.shift())
      this.#reportOne(closed);
    this.#tell("counted", this.rowsObserved);
    this.#isReporting = false;
    this.#tellQuiet();
  }

  #tellQuiet(): void {
    while (this.#waitingForQuiet.length > 0 && !this.#isReporting && !this.#counter.isCounting)
      this.#waitingForQuiet.shift()!();
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.thrown;
  }

  #reportOne(closed: ClosedWindow): void {
    const judged = this.#judge.judge(closed, Date.now());
    const change = this.#trigger.take(
      closed.number,
      this.#judge.verdictOf(judged),
      () => this.#judge.clearingVerdict(closed) === "stable",
    );
    const window: WindowReport = { ...judged, ...change };
    this.#tell("window", window);
    if (change.alarm) this.#tell("drift", window);
    if (change.cleared) this.#tell("cleared", window);
  }

  #tell<E extends "window" | "drift" | "cleared" | "counted">(event: E, told: MonitorEvents[E][0]): void {
    try {
      this.emit(event, ...([told] as never));
    } catch (thrown) {
      this.#failure ??= { thrown };
    }
  }

  #begin(kept: Uint8Array | undefined, keptRows: Uint8Array | undefined): MonitorStart {
    const fresh = { rows: 0, sinceMs: Date.now(), anew: null };
    if (kept === undefined) return fresh;
    try {
      const found = monitorIdentityOf(kept);
      const changed = Object.keys(this.#identity).filter((about) => found[about] !== this.#identity[about]);
      if (changed.length > 0) return { ...fresh, anew: `not the same: ${changed.join(", ")}` };
      const { sinceMs, windows, trigger } = monitorStateFromBytes(kept, this.#counter.slotCounts);
      const rows = keptRows === undefined ? null : reservoirFromBytes(keptRows);
      this.#counter.restore(windows);
      this.#trigger.restore(trigger);
      if (rows !== null) this.#restoreRows(rows);
      return { rows: this.rowsObserved, sinceMs, anew: null };
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      return { ...fresh, anew: thrown.message };
    }
  }

  /** Chosen by another seed, or of other columns, they are left, and the sample begins anew. */
  #restoreRows({ settings, state }: StoredReservoir): void {
    const { reservoir } = this.#counter;
    if (reservoir === null || settings.seed !== reservoir.settings.seed) return;
    const isSame = canonicalJson(settings.columns) === canonicalJson(reservoir.settings.columns);
    if (isSame) reservoir.restore(state);
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "the monitor is closed");
  }
}
