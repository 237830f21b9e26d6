/**
 * Judges candidates with a JavaScript module, on a thread of its own:
 *
 *     export default async ({ parameters, rows }) => losses
 *
 * `parameters` is the path of the candidate's file, `rows` what `ModuleRows` says; losses are one a row (an array or typed array), or
 * their mean, or an object with them as `loss`. The module is loaded once a repair, so that what it prepares at its top level serves
 * all candidates.
 */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MendlineError } from "../../errors.js";
import { judgeDeadlineMs } from "../../limits.js";
import { type Judgement, judgementOfLoss } from "./judgement.js";
import { JudgingThread } from "./judging-thread.js";
import type { LabelledData } from "./labelled-data.js";
import { lossesFrom } from "./losses.js";
import type { ModuleValue, ModuleWork, ModuleWorkerData } from "./module-worker.js";
import type { Candidate, EvaluateOptions, Preparation, Validator } from "./validator.js";

export interface ModuleValidatorOptions {
  /** The module's file, absolute. */
  readonly path: string;
  /** For one evaluation; default judgeDeadlineMs. */
  readonly deadlineMs?: number;
  /** Folder in which the validator's own is made; default the system's for temporary files. */
  readonly dir?: string;
}

export class ModuleValidator implements Validator {
  readonly #options: ModuleValidatorOptions;
  readonly #thread: JudgingThread<ModuleWork, ModuleValue>;
  readonly #removeAtExit = () => {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  };
  #folder: string | null = null;

  constructor(options: ModuleValidatorOptions) {
    this.#options = options;
    this.#thread = new JudgingThread({
      url: new URL("./module-worker.js", import.meta.url),
      workerData: { path: options.path } satisfies ModuleWorkerData,
      deadlineMs: options.deadlineMs ?? judgeDeadlineMs,
    });
  }

  /** A module reads its labels and outputs as it likes: there is nothing to decide. */
  async prepare(): Promise<Preparation> {
    return { nonFiniteRows: new Uint32Array(0) };
  }

  async evaluate(candidate: Candidate, slice: LabelledData, options?: EvaluateOptions): Promise<Judgement> {
    if (slice.rowCount === 0) {
      throw new MendlineError(
        "MENDLINE_DATA_EMPTY",
        `${slice.source}: there are no labelled rows to judge on`,
      );
    }
    const { features, columns, texts, label, labels, weights, rowCount } = slice;
    const value = await this.#thread.ask(async () => {
      const target = join(await this.#openFolder(), `candidate.${candidate.format}`);
      const parameters = await candidate.writeTo(target);
      const rows = { features, columns, texts, label, labels, weights, rowCount };
      return { work: { parameters, rows }, name: this.#named(candidate), rowCount };
    }, options);
    try {
      return judgementOfLoss(lossesFrom(value.loss, rowCount), slice);
    } catch (thrown) {
      if (!(thrown instanceof MendlineError)) throw thrown;
      throw new MendlineError(thrown.code, `${this.#named(candidate)}: ${thrown.message}`, {
        details: thrown.details,
      });
    }
  }

  async close(): Promise<void> {
    await this.#thread.close();
    process.off("exit", this.#removeAtExit);
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  #named({ name }: Candidate): string {
    return `validator ${this.#options.path} on ${name}`;
  }

  async #openFolder(): Promise<string> {
    if (this.#folder === null) {
      // mkdtemp makes it readable by this user only.
      this.#folder = await mkdtemp(join(this.#options.dir ?? tmpdir(), "mendline-judge-"));
      process.once("exit", this.#removeAtExit);
    }
    return this.#folder;
  }
}
