/**
 * Judges candidates with a shell command, in any language and framework:
 *
 *     COMMAND candidate.safetensors slice.arrow      ->   {"loss": [one a row]} or {"loss": number}
 *
 * Files are in a private temporary folder that goes away with the validator. The last line of the output counts, so that a
 * framework's chatter before it does no harm.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import { commandErrorBytesMax, commandLossBytesMax, judgeDeadlineMs } from "../../limits.js";
import type { OutColumn } from "../columns/write-arrow.js";
import { type Judgement, judgementOfLoss } from "./judgement.js";
import type { LabelledData } from "./labelled-data.js";
import { lossesFrom, lossFailure } from "./losses.js";
import type { Candidate, EvaluateOptions, Preparation, Validator } from "./validator.js";

export interface CommandValidatorOptions {
  /** For the platform's shell; the two paths are appended, quoted. */
  readonly command: string;
  /** For one evaluation; default judgeDeadlineMs. */
  readonly deadlineMs?: number;
  /** Where the command runs; default the process's own. */
  readonly cwd?: string;
  /** Folder in which the validator's own is made; default the system's for temporary files. */
  readonly dir?: string;
}

export class CommandValidator implements Validator {
  readonly #options: CommandValidatorOptions;
  readonly #deadlineMs: number;
  readonly #slicePaths = new WeakMap<LabelledData, string>();
  readonly #running = new AbortController();
  readonly #removeAtExit = () => this.#removeNow();
  #folder: string | null = null;
  #child: ChildProcess | null = null;
  #sliceCount = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CommandValidatorOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? judgeDeadlineMs;
  }

  /** A command reads its labels and outputs as it likes: there is nothing to decide. */
  async prepare(): Promise<Preparation> {
    return { nonFiniteRows: new Uint32Array(0) };
  }

  evaluate(candidate: Candidate, slice: LabelledData, { signal }: EvaluateOptions = {}): Promise<Judgement> {
    const turn = this.#last.catch(() => undefined).then(() => this.#judge(candidate, slice, signal));
    this.#last = turn;
    return turn;
  }

  async close(): Promise<void> {
    this.#running.abort(new MendlineError("MENDLINE_TASK_ABORTED", "the validator was closed"));
    await this.#last.catch(() => undefined);
    process.off("exit", this.#removeAtExit);
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  async #judge(candidate: Candidate, slice: LabelledData, signal?: AbortSignal): Promise<Judgement> {
    if (slice.rowCount === 0) {
      throw new MendlineError(
        "MENDLINE_DATA_EMPTY",
        `${slice.source}: there are no labelled rows to judge on`,
      );
    }
    const ends = AbortSignal.any(
      signal === undefined ? [this.#running.signal] : [this.#running.signal, signal],
    );
    if (ends.aborted) throw aborted(ends);
    const folder = await this.#openFolder();
    const candidatePath = join(folder, `candidate.${candidate.format}`);
    try {
      const parameters = await candidate.writeTo(candidatePath);
      const slicePath = await this.#slicePath(folder, slice);
      const output = await this.#runCommand([parameters, slicePath], slice.rowCount, ends);
      return judgementOfLoss(lossOf(output, slice.rowCount), slice);
    } catch (thrown) {
      throw asValidatorError(thrown, candidate.name);
    } finally {
      await rm(candidatePath, { recursive: true, force: true });
    }
  }

  async #openFolder(): Promise<string> {
    if (this.#folder === null) {
      // mkdtemp makes it readable by this user only.
      this.#folder = await mkdtemp(join(this.#options.dir ?? tmpdir(), "mendline-judge-"));
      process.once("exit", this.#removeAtExit);
    }
    return this.#folder;
  }

  #removeNow(): void {
    if (this.#child !== null) endGroup(this.#child);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The slice as a file, written once. */
  async #slicePath(folder: string, slice: LabelledData): Promise<string> {
    const known = this.#slicePaths.get(slice);
    if (known !== undefined) return known;
    this.#sliceCount += 1;
    const path = join(folder, `slice-${this.#sliceCount}.arrow`);
    const columns: OutColumn[] = slice.features.map((name, index) => {
      const texts = slice.texts[index];
      return { name, values: slice.columns[index]!, ...(texts != null && { texts }) };
    });
    // The Arrow library takes longer to load than most reports take: only what writes for others pays for it.
    const { writeArrow } = await import("../columns/write-arrow.js");
    columns.push({ name: slice.label, values: slice.labels });
    if (slice.weights !== null) columns.push({ name: slice.weight!, values: slice.weights });
    await writeArrow(path, columns);
    this.#slicePaths.set(slice, path);
    return path;
  }

  #runCommand(paths: readonly string[], rowCount: number, ends: AbortSignal): Promise<string> {
    const { command, cwd } = this.#options;
    const line = [command, ...paths.map(quoted)].join(" ");
    const bytesMax = 65_536 + rowCount * commandLossBytesMax;
    return new Promise((resolve, reject) => {
      // A group of its own, so that what the shell starts can be ended with it.
      const child = spawn(line, {
        shell: true,
        cwd,
        stdio: ["ignore", "pipe", "pipe"],
        detached: !isWindows,
      });
      this.#child = child;
      const output = new Collector(bytesMax);
      const errors = new Tail(commandErrorBytesMax);
      const fail = (thrown: MendlineError) => {
        settle(() => reject(thrown));
        endGroup(child);
      };
      const onAbort = () => fail(aborted(ends));
      const timer = setTimeout(() => {
        fail(
          lossFailure(`it took longer than ${this.#deadlineMs} ms and was ended`, {
            deadlineMs: this.#deadlineMs,
          }),
        );
      }, this.#deadlineMs);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        ends.removeEventListener("abort", onAbort);
        this.#child = null;
        then();
      };
      ends.addEventListener("abort", onAbort, { once: true });
      child.stdout.on("data", (chunk: Buffer) => {
        if (!output.add(chunk)) fail(lossFailure(`it printed more than ${bytesMax} bytes`, { bytesMax }));
      });
      child.stderr.on("data", (chunk: Buffer) => errors.add(chunk));
      child.on("error", (cause) => fail(lossFailure(`it cannot be started: ${cause.message}`)));
      child.on("close", (code, killedBy) => {
        if (code === 0) settle(() => resolve(output.text()));
        else fail(exitFailure(code, killedBy, errors.lastLine()));
      });
    });
  }
}

const isWindows = process.platform === "win32";

/** One argument for the shell that `spawn` uses: sh, or cmd.exe, whose paths hold no quotes. */
function quoted(path: string): string {
  return isWindows ? `"${path}"` : `'${path.replaceAll("'", `'\\''`)}'`;
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (isWindows) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

/** Keeps all of a bounded output. */
class Collector {
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #byteLength = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @returns false when it is too much */
  add(chunk: Buffer): boolean {
    this.#byteLength += chunk.length;
    if (this.#byteLength > this.#bytesMax) return false;
    this.#chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/** Keeps the end of an unbounded output. */
class Tail {
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#bytesMax);
  }

  lastLine(): string {
    const lines = this.#bytes.toString("utf8").trimEnd().split("\n");
    return lines.at(-1)!.trim();
  }
}

/** @throws MendlineError MENDLINE_REPAIR_VALIDATOR  the output is not as agreed */
function lossOf(output: string, rowCount: number): Float64Array | number {
  const loss = parsed(output)?.loss;
  if (loss !== undefined) return lossesFrom(loss, rowCount);
  const start = output.trim().slice(0, 80);
  throw lossFailure(`it printed '${start}', where {"loss": [one a row]} or {"loss": number} is expected`);
}

function parsed(output: string): Record<string, unknown> | undefined {
  const text = output.trim();
  for (const candidate of [text, text.slice(text.lastIndexOf("\n") + 1)]) {
    try {
      const value: unknown = JSON.parse(
        candidate.replace(/([[:,]\s*)(?:NaN|-?Infinity)(?=\s*[\],}])/g, "$1null"),
      );
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        return value as Record<string, unknown>;
      }
    } catch {
      // The next reading is tried.
    }
  }
  return undefined;
}

function exitFailure(code: number | null, killedBy: string | null, lastLine: string): MendlineError {
  const end = code === null ? `was ended by ${killedBy}` : `ended with exit code ${code}`;
  return lossFailure(`it ${end}${lastLine === "" ? "" : `: ${lastLine}`}`, {
    exitCode: code,
    signal: killedBy,
  });
}

function aborted(signal: AbortSignal): MendlineError {
  if (signal.reason instanceof MendlineError) return signal.reason;
  return new MendlineError("MENDLINE_TASK_ABORTED", "the evaluation was cancelled", { cause: signal.reason });
}

/** Names the candidate; a full disk, too, is the validator's failure. */
function asValidatorError(thrown: unknown, name: string): MendlineError {
  if (!(thrown instanceof MendlineError))
    return lossFailure(`validator command on ${name}: ${messageOf(thrown)}`);
  if (thrown.code !== "MENDLINE_REPAIR_VALIDATOR") return thrown;
  return new MendlineError(thrown.code, `validator command on ${name}: ${thrown.message}`, {
    details: thrown.details,
  });
}
