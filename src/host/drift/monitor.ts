/**
 * The drift monitor: the agent beside one deployed model. It counts live data over the merged grids of the model's profile and its
 * ancestors', closes windows, and says when drift has become an alarm. It keeps whole-number counts only, never rows.
 */
import { EventEmitter } from "node:events";
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax, stagedRowsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { runTask } from "../../scheduler/tasks.js";
import { BatchBuilder } from "../columns/batch-builder.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import type { Row } from "../columns/rows.js";
import { alignKinds, countBatch } from "./compare.js";
import { type CountingStep, counterFor, type FeatureCounter } from "./counter.js";
import type { FeatureProfile, Profile } from "./profile.js";
import { checkedDriftOptions, type DriftOptions, type DriftReport, driftReport, totalPsi } from "./report.js";
import { DriftTrigger, type TriggerOptions } from "./trigger.js";
import { type ClosedWindow, type PaneShare, SlidingWindow, type WindowOptions } from "./window.js";

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
}

export class DriftMonitor extends EventEmitter<MonitorEvents> {
  readonly model: Watched;
  readonly #runtime: Runtime;
  readonly #ancestors: readonly Watched[];
  readonly #options: MonitorOptions;
  readonly #counters: readonly FeatureCounter[];
  readonly #window: SlidingWindow;
  readonly #trigger: DriftTrigger;
  readonly #staged: BatchBuilder;
  readonly #fields: readonly Field[];
  #stagedRows = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * @param ancestors  at most 16, in the order they are to be reported
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT
   */
  constructor(runtime: Runtime, model: Watched, ancestors: readonly Watched[], options: MonitorOptions) {
    super();
    checkedDriftOptions(options);
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
    const names = options.features ?? [...model.profile.features.keys()];
    this.#counters = names.map((name) => counterFor(runtime, name, this.#profilesOf(name)));
    this.#window = new SlidingWindow(
      options.window,
      this.#counters.map((counter) => counter.slotCount),
    );
    this.#trigger = new DriftTrigger(options.trigger);
    this.#fields = names.map((name) => stagedField(name, this.#profilesOf(name)[0]!));
    this.#staged = new BatchBuilder(
      runtime.arena,
      this.#fields,
      Math.min(stagedRowsMax, this.#window.paneRows),
    );
  }

  get rowsObserved(): number {
    return this.#window.rowsTaken + this.#stagedRows;
  }

  /**
   * Takes live rows; counts them in blocks, on this thread. All or nothing: a row that does not fit refuses the call.
   *
   * @throws MendlineError MENDLINE_DATA_SCHEMA  a value of another kind than the feature's
   */
  observeRows(rows: readonly Row[]): void {
    this.#assertOpen();
    for (const row of rows) this.#checkRow(row);
    for (const row of rows) {
      this.#fields.forEach((field, index) => {
        const cell = row[field.name] ?? null;
        this.#staged.set(index, this.#stagedRows, cell);
      });
      this.#stagedRows += 1;
      const room = Math.min(this.#staged.capacity, this.#window.paneRoom);
      if (this.#stagedRows >= room) this.flush();
    }
  }

  observeRow(row: Row): void {
    this.observeRows([row]);
  }

  /** Takes a whole table, counted by the pool; resolves when its rows are counted and its windows reported. */
  async observe(source: DataSource, options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#assertOpen();
    const aligned = alignKinds(this.#runtime, source, this.#fields);
    const turn = this.#turn.then(async () => {
      this.flush();
      const columns = this.#fields.map((field) => field.name);
      for await (const batch of aligned.read({ columns, signal: options.signal }))
        await this.#observeBatch(batch);
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  /** Counts the rows gathered by `observeRows`. */
  flush(): void {
    if (this.#stagedRows === 0) return;
    const batch = this.#staged.finish(this.#stagedRows);
    const shares = this.#window.take(this.#stagedRows);
    this.#stagedRows = 0;
    for (const share of shares) this.#countHere(batch, share);
    this.#staged.reset();
    for (const share of shares) this.#report(this.#window.counted(share));
  }

  /** Releases the monitor's memory; staged rows are counted first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#turn;
    this.flush();
    this.#closed = true;
    for (const counter of this.#counters) counter.close();
    this.#staged.close();
  }

  async #observeBatch(batch: Batch): Promise<void> {
    for (const share of this.#window.take(batch.rowCount)) {
      await countBatch(this.#runtime, this.#counters, batch, share.from, share.rowCount, share.pane.counts);
      this.#report(this.#window.counted(share));
    }
  }

  #countHere(batch: Batch, share: PaneShare): void {
    const scope = this.#runtime.arena.scope();
    try {
      this.#counters.forEach((counter, index) => {
        const column = batch.columns.get(counter.name)!;
        const step: CountingStep = counter.step(column, share.from, share.rowCount, scope);
        runTask(this.#runtime.kernels, step.task);
        step.collect(share.pane.counts[index]!);
      });
    } finally {
      scope.close();
    }
  }

  #report(windows: readonly ClosedWindow[]): void {
    for (const closed of windows) {
      const report = this.#reportFor(this.model.profile, closed);
      const ancestors = this.#ancestors.map(({ id, label, profile }) => {
        const own = this.#reportFor(profile, closed);
        return { id, label, verdict: own.verdict, totalPsi: totalPsi(own), report: own };
      });
      const { number, fromRow, rowCount } = closed;
      const alarm = this.#trigger.take(report.verdict);
      const window = { number, fromRow, rowCount, closedMs: Date.now() };
      const windowReport: WindowReport = { model: this.model.id, window, report, ancestors, alarm };
      this.emit("window", windowReport);
      if (alarm) this.emit("drift", windowReport);
    }
  }

  #reportFor(profile: Profile, closed: ClosedWindow): DriftReport {
    const comparisons = this.#counters.flatMap((counter, index) => {
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

  #checkRow(row: Row): void {
    for (const field of this.#fields) {
      const cell = row[field.name];
      if (cell === undefined || cell === null) continue;
      if (field.type !== null && typeof cell === "string") {
        throw new MendlineError(
          "MENDLINE_DATA_SCHEMA",
          `"${field.name}" is ${JSON.stringify(cell.slice(0, 40))}, a text, where the model was trained on numbers`,
          {
            details: { feature: field.name },
          },
        );
      }
      if (typeof cell === "object" || typeof cell === "function") {
        throw new MendlineError("MENDLINE_DATA_SCHEMA", `"${field.name}" is no number, text or boolean`, {
          details: { feature: field.name },
        });
      }
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "the monitor is closed");
  }
}

/** Rows come as JavaScript values: doubles, rounded to f32 where that is what the model was trained on and takes. */
function stagedField(name: string, profile: FeatureProfile): Field {
  if (profile.kind === "categorical") return { name, logical: "text", type: null };
  return { name, logical: profile.logical, type: profile.type === "f32" ? "f32" : "f64" };
}
