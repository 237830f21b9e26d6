/**
 * The drift monitor: the agent beside one deployed model. It counts live data over the merged grids of the model's profile and its
 * ancestors', closes windows, and says when drift has become an alarm. It keeps whole-number counts only, never rows.
 */
import { EventEmitter } from "node:events";
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax, stagedRowsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { runTask } from "../../scheduler/tasks.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import type { Row } from "../columns/rows.js";
import { alignKinds, countBatch, fieldOf } from "./compare.js";
import { counterFor, type FeatureCounter } from "./counter.js";
import type { FeatureProfile, Profile } from "./profile.js";
import { checkedDriftOptions, type DriftOptions, type DriftReport, driftReport, totalPsi } from "./report.js";
import { StagedRows } from "./staged-rows.js";
import { DriftTrigger, type TriggerOptions } from "./trigger.js";
import { type ClosedWindow, SlidingWindow, type WindowOptions } from "./window.js";

/** A model and what it was trained on. */
export interface Watched {
  readonly id: string;
  /** name@version. */
  readonly label: string;
  readonly profile: Profile;
}

export interface AncestorReport {
  readonly id: string;
  readonly label: string;
  readonly verdict: DriftReport["verdict"];
  /** Sum of the features' debiased PSI: for ranking. */
  readonly totalPsi: number;
  readonly report: DriftReport;
}

export interface WindowReport {
  readonly model: string;
  readonly window: {
    readonly number: number;
    readonly fromRow: number;
    readonly rowCount: number;
    readonly closedMs: number;
  };
  readonly report: DriftReport;
  /** On the same counts: no second look at the data. */
  readonly ancestors: readonly AncestorReport[];
  /** Whether this window raised the alarm. */
  readonly alarm: boolean;
}

export interface MonitorOptions extends DriftOptions {
  readonly window: WindowOptions;
  readonly trigger?: TriggerOptions;
  /** Features to watch; all of the profile's by default. */
  readonly features?: readonly string[];
}

interface MonitorEvents {
  window: [WindowReport];
  drift: [WindowReport];
  /** Its memory is released: nothing follows. */
  close: [];
}

export class DriftMonitor extends EventEmitter<MonitorEvents> {
  readonly model: Watched;
  readonly #runtime: Runtime;
  readonly #ancestors: readonly Watched[];
  readonly #options: MonitorOptions;
  readonly #fields: readonly Field[];
  /** Tables are counted by the pool while rows are counted on this thread: a counter each. */
  readonly #tableCounters: readonly FeatureCounter[];
  readonly #rowCounters: readonly FeatureCounter[];
  readonly #window: SlidingWindow;
  readonly #trigger: DriftTrigger;
  readonly #staged: StagedRows;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;
  #failure: { readonly thrown: unknown } | null = null;

  /**
   * @param ancestors  at most 16, in the order they are to be reported
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT
   */
  constructor(runtime: Runtime, model: Watched, ancestors: readonly Watched[], options: MonitorOptions) {
    super();
    if (ancestors.length > monitorAncestorsMax) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `${ancestors.length} ancestors to watch, the limit is ${monitorAncestorsMax}`,
      );
    }
    this.#runtime = runtime;
    this.model = model;
    this.#ancestors = ancestors;
    this.#options = options;
    const names = [...new Set(options.features ?? model.profile.features.keys())];
    if (names.length === 0)
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `no features of ${model.label} to watch`);
    checkedDriftOptions(options, names);
    const profiles = names.map((name) => this.#profilesOf(name));
    const own = profiles.map(([first]) => first!);
    this.#fields = names.map((name, index) => fieldOf(name, own[index]!));
    this.#tableCounters = names.map((name, index) => counterFor(runtime, name, profiles[index]!));
    this.#rowCounters = this.#tableCounters.map((counter) => counter.fork());
    this.#window = new SlidingWindow(
      options.window,
      this.#tableCounters.map((counter) => counter.slotCount),
    );
    this.#trigger = new DriftTrigger(options.trigger);
    const capacity = Math.min(stagedRowsMax, this.#window.paneRows);
    this.#staged = new StagedRows(runtime.arena, own, this.#rowCounters, capacity);
  }

  get rowsObserved(): number {
    return this.#window.rowsTaken + this.#staged.rowCount;
  }

  /**
   * Takes live rows; counts them in blocks, on this thread. A row that does not fit refuses the call, and none of it is counted.
   * Whole numbers beyond 2^53, and numbers where the model was trained on f32, are rounded.
   *
   * @throws MendlineError MENDLINE_DATA_SCHEMA  a value of another kind than the feature's; MENDLINE_MEMORY_EXHAUSTED  no room to
   * count: of the call's rows those that `rowsObserved` tells are taken. What a listener threw, after the rows were taken.
   */
  observeRows(rows: readonly Row[]): void {
    this.#assertOpen();
    this.#staged.check(rows);
    if (this.#staged.rowCount === this.#staged.capacity) this.#countStaged();
    for (const row of rows) {
      this.#staged.add(row);
      const room = Math.min(this.#staged.capacity, this.#window.paneRoom);
      if (this.#staged.rowCount >= room) this.#countStaged();
    }
    this.#throwFailure();
  }

  observeRow(row: Row): void {
    this.observeRows([row]);
  }

  /**
   * Takes a whole table, counted by the pool; resolves when its rows are counted and its windows reported. Tables are taken one
   * after the other; when one fails, the batches before stay counted.
   *
   * @throws MendlineError MENDLINE_DATA_*, MENDLINE_MEMORY_EXHAUSTED, MENDLINE_TASK_*; what a listener threw
   */
  async observe(source: DataSource, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#assertOpen();
    const aligned = alignKinds(this.#runtime, source, this.#fields);
    const columns = this.#fields.map((field) => field.name);
    const turn = this.#turn.then(async () => {
      this.#countStaged();
      for await (const batch of aligned.read({ columns, signal })) await this.#countTable(batch, signal);
      this.#throwFailure();
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  /** Counts the rows gathered by `observeRows`. */
  flush(): void {
    this.#countStaged();
    this.#throwFailure();
  }

  /** Waits for tables under way, counts staged rows, and releases the monitor's memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#turn;
    try {
      this.#countStaged();
    } finally {
      for (const counter of [...this.#tableCounters, ...this.#rowCounters]) counter.close();
      this.#staged.close();
      this.emit("close");
    }
    this.#throwFailure();
  }

  /** A pane at a time, so that a batch of many small panes takes the memory of one. */
  async #countTable(batch: Batch, signal: AbortSignal | undefined): Promise<void> {
    for (let from = 0; from < batch.rowCount; ) {
      const rowCount = Math.min(this.#window.paneRoom, batch.rowCount - from);
      const share = this.#window.take(rowCount)[0]!;
      try {
        await countBatch(
          this.#runtime,
          this.#tableCounters,
          batch,
          from,
          rowCount,
          share.pane.counts,
          signal,
        );
      } catch (thrown) {
        this.#window.giveBack(share);
        throw thrown;
      }
      this.#report(this.#window.counted(share));
      from += rowCount;
    }
  }

  /** All or nothing: rows that could not be counted stay staged. */
  #countStaged(): void {
    if (this.#staged.rowCount === 0) return;
    const batch = this.#staged.batch();
    const shares = this.#window.take(batch.rowCount);
    const scope = this.#runtime.arena.scope();
    try {
      const steps = shares.flatMap((share) =>
        this.#rowCounters.map((counter, index) => ({
          counts: share.pane.counts[index]!,
          ...counter.step(batch.columns.get(counter.name)!, share.from, share.rowCount, scope),
        })),
      );
      for (const step of steps) runTask(this.#runtime.kernels, step.task);
      for (const step of steps) step.check();
      for (const step of steps) step.collect(step.counts);
    } catch (thrown) {
      for (const share of shares) this.#window.giveBack(share);
      throw thrown;
    } finally {
      scope.close();
    }
    this.#staged.reset();
    for (const share of shares) this.#report(this.#window.counted(share));
  }

  /** A listener that throws must not keep rows from being counted: what it threw waits until they are. */
  #report(windows: readonly ClosedWindow[]): void {
    for (const closed of windows) {
      try {
        this.#emitReport(closed);
      } catch (thrown) {
        this.#failure ??= { thrown };
      }
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.thrown;
  }

  #emitReport(closed: ClosedWindow): void {
    const report = this.#reportFor(this.model.profile, closed);
    const ancestors = this.#ancestors.map(({ id, label, profile }) => {
      const own = this.#reportFor(profile, closed);
      return { id, label, verdict: own.verdict, totalPsi: totalPsi(own), report: own };
    });
    const { number, fromRow, rowCount } = closed;
    const alarm = this.#trigger.take(report.verdict);
    const window = { number, fromRow, rowCount, closedMs: Date.now() };
    const windowReport: WindowReport = { model: this.model.id, window, report, ancestors, alarm };
    try {
      this.emit("window", windowReport);
    } finally {
      if (alarm) this.emit("drift", windowReport);
    }
  }

  #reportFor(profile: Profile, closed: ClosedWindow): DriftReport {
    const comparisons = this.#tableCounters.flatMap((counter, index) => {
      const feature = profile.features.get(counter.name);
      if (feature === undefined) return [];
      return [
        { name: counter.name, profile: feature, current: counter.binsFor(feature, closed.counts[index]!) },
      ];
    });
    return driftReport(
      this.#runtime,
      comparisons,
      { reference: profile.rows, current: closed.rowCount },
      this.#options,
    );
  }

  /** The deployed model's profile of a feature first, then those of the ancestors that have it. */
  #profilesOf(name: string): FeatureProfile[] {
    const own = this.model.profile.features.get(name);
    if (own === undefined) {
      const known = [...this.model.profile.features.keys()].slice(0, 12).join(", ");
      throw new MendlineError(
        "MENDLINE_DATA_SCHEMA",
        `${this.model.label} was not trained on "${name}"; its profile has ${known}`,
      );
    }
    const others = this.#ancestors.flatMap(({ profile }) => profile.features.get(name) ?? []);
    return [own, ...others];
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "the monitor is closed");
  }
}
