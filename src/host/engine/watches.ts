/**
 * The monitors that an engine has open, each with its log in the store and, where it was asked for, the repairs that its alarms set off.
 */
import { MendlineError } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DriftMonitor } from "../drift/monitor.js";
import type { WindowReport } from "../drift/window-report.js";
import { openMonitor, type StoredMonitor, type StoredMonitorOptions } from "../models/monitors.js";
import type { AutoRepair, AutoRepairOptions } from "../repair/auto-repair.js";
import type { RepairAsked } from "../repair/known-labels.js";
import type { RepairReport } from "../repair/report.js";
import type { Announcer } from "./announcer.js";

export interface WatchOptions extends StoredMonitorOptions {
  /** Repairs that alarms set off. */
  readonly repair?: AutoRepairOptions;
}

/** What an engine does for its watches. */
export interface WatchDuties {
  repair(ref: string, request: RepairAsked): Promise<RepairReport>;
  cancelRun(run: string): Promise<unknown>;
  /** A monitor raised the alarm; told before a repair begins. */
  alarm(monitor: string, window: WindowReport): void;
}

export class Watches {
  readonly #runtime: Runtime;
  readonly #announcer: Announcer;
  readonly #duties: WatchDuties;
  readonly #monitors = new Map<string, StoredMonitor>();
  /** Names of monitors that are being opened. */
  readonly #opening = new Set<string>();
  readonly #autoRepairs = new Set<AutoRepair>();

  constructor(runtime: Runtime, announcer: Announcer, duties: WatchDuties) {
    this.#runtime = runtime;
    this.#announcer = announcer;
    this.#duties = duties;
  }

  /** See `Engine.monitor`. */
  async open(store: LineageStore, ref: string, options: WatchOptions): Promise<DriftMonitor> {
    const name = options.name ?? ref;
    if (this.#opening.has(name) || this.#monitors.get(name)?.monitor.isClosed === false) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `a monitor "${name}" is open already: close it, or give this one another name ({ name })`,
      );
    }
    this.#opening.add(name);
    try {
      // What its predecessor has still to count and to write is what this one begins with.
      const before = this.#monitors.get(name);
      await before?.monitor.close().catch(() => undefined);
      await before?.log.close();
      const autoRepair =
        options.repair === undefined ? null : await this.#autoRepair(store, ref, options.repair);
      const opened = await openMonitor(this.#runtime, store, ref, options, {
        onWritten: (windows, rows) => this.#written(name, windows, rows, autoRepair),
        onFailure: (thrown) => this.#announcer.fail(thrown),
      });
      this.#monitors.set(name, opened);
      opened.monitor.once("close", () => void this.#forget(opened, autoRepair));
      return opened.monitor;
    } finally {
      this.#opening.delete(name);
    }
  }

  /** Every state, with every row observed so far, is durable when this resolves. */
  async checkpoint(): Promise<void> {
    await Promise.all(Array.from(this.#monitors.values(), ({ log }) => log.flush()));
  }

  /** What closes them, in order; each step is to be taken whatever became of those before it. */
  closing(): (() => Promise<void>)[] {
    const monitors = [...this.#monitors.values()];
    return [
      // Before the monitors: an alarm of their last windows comes too late.
      ...Array.from(this.#autoRepairs, (repair) => () => repair.close()),
      ...monitors.map(
        ({ monitor }) =>
          () =>
            monitor.close(),
      ),
      ...monitors.map(
        ({ log }) =>
          () =>
            log.close(),
      ),
    ];
  }

  async #autoRepair(store: LineageStore, monitor: string, options: AutoRepairOptions): Promise<AutoRepair> {
    const { AutoRepair } = await import("../repair/auto-repair.js");
    const repair = new AutoRepair(options, {
      store,
      repair: (request) => this.#duties.repair(monitor, request),
      cancelRun: (run) => this.#duties.cancelRun(run),
      onSkipped: (reason) => this.#announcer.tell("repairSkipped", { monitor, reason }),
      onFailure: (thrown) => this.#announcer.fail(thrown),
    });
    this.#autoRepairs.add(repair);
    return repair;
  }

  async #forget({ name, log }: StoredMonitor, autoRepair: AutoRepair | null): Promise<void> {
    await log.close();
    if (this.#monitors.get(name)?.log === log) this.#monitors.delete(name);
    await autoRepair?.settled();
    if (autoRepair !== null) this.#autoRepairs.delete(autoRepair);
  }

  #written(
    monitor: string,
    windows: readonly WindowReport[],
    rows: number | null,
    autoRepair: AutoRepair | null,
  ): void {
    for (const window of windows) {
      this.#announcer.tell("window", window);
      if (window.alarm) this.#announcer.tell("drift", window);
      if (window.cleared) this.#announcer.tell("cleared", window);
      if (window.alarm) this.#duties.alarm(monitor, window);
      if (window.alarm) autoRepair?.alarm(window);
    }
    if (rows !== null) this.#announcer.tell("checkpoint", { monitor, rows });
  }
}
