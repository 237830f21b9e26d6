/**
 * The durable record of one repair run. A step is recorded before the next begins; a step that is recorded is not done again. So a
 * process that dies leaves a run that says how far it came, and another one goes on from there.
 */
import { randomUUID } from "node:crypto";
import { MendlineError } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Transaction } from "../../lineage-store/transaction.js";
import type { RunStepName, RunSteps, StartedStep } from "./run-steps.js";

/** Of the steps' layout: raised when a newer mendline could not go on from an older one's steps. */
export const runFormat = 1;

export interface LoggedStep {
  readonly step: string;
  readonly atMs: number;
  readonly data: unknown;
}

export class RunLog {
  readonly id: string;
  readonly #store: LineageStore;
  readonly #steps: LoggedStep[];

  private constructor(store: LineageStore, id: string, steps: LoggedStep[]) {
    this.#store = store;
    this.id = id;
    this.#steps = steps;
  }

  static newId(): string {
    return `run-${randomUUID()}`;
  }

  static async begin(store: LineageStore, id: string, started: StartedStep): Promise<RunLog> {
    const log = new RunLog(store, id, []);
    await log.append("started", started);
    return log;
  }

  /**
   * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such run
   * @throws MendlineError MENDLINE_STORE_VERSION  recorded by a mendline with other steps
   */
  static async reopen(store: LineageStore, id: string): Promise<RunLog> {
    const log = new RunLog(store, id, [...(await store.run(id))]);
    const format = log.recorded("started")?.format;
    if (format === runFormat) return log;
    throw new MendlineError(
      "MENDLINE_STORE_VERSION",
      `${id} was recorded in format ${format ?? "0"} of runs, this mendline has ${runFormat}: begin a new repair`,
      { details: { run: id, format: format ?? 0, supported: runFormat } },
    );
  }

  get steps(): readonly LoggedStep[] {
    return this.#steps;
  }

  /** The name of the last step. */
  get state(): string {
    return this.#steps.at(-1)!.step;
  }

  get started(): StartedStep {
    return this.recorded("started")!;
  }

  /** The newest record of a step. */
  recorded<K extends RunStepName>(step: K): RunSteps[K] | undefined {
    return this.all(step).at(-1);
  }

  all<K extends RunStepName>(step: K): RunSteps[K][] {
    return this.#steps.filter((one) => one.step === step).map(({ data }) => data as RunSteps[K]);
  }

  /** What is recorded of a step, or what `work` gives, which is recorded then. */
  async once<K extends RunStepName>(step: K, work: () => Promise<RunSteps[K]>): Promise<RunSteps[K]> {
    const before = this.recorded(step);
    if (before !== undefined) return before;
    const data = await work();
    await this.append(step, data);
    return data;
  }

  async append<K extends RunStepName>(step: K, data: RunSteps[K]): Promise<void> {
    await this.#store.commit((tx) => this.appendIn(tx, step, data));
    this.committed(step, data);
  }

  /** Within a commit that does more; to be followed by `committed` when it is on the disk. */
  appendIn<K extends RunStepName>(tx: Transaction, step: K, data: RunSteps[K]): void {
    tx.appendRun(this.id, step, data);
  }

  committed<K extends RunStepName>(step: K, data: RunSteps[K]): void {
    this.#steps.push({ step, atMs: Date.now(), data });
  }
}
