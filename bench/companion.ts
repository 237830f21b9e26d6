/**
 * A program in another language that stays beside the suite while a group is measured, so that neither its start nor its data are
 * made anew for every round.
 *
 *     it writes    {"answer": [...]}          once, when its data are ready and it has run once
 *     we write     2 0.1 0.001\n              at least 2 samples, for at least 0.1 s, each of at least 1 ms
 *     it writes    {"samplesMs": [...]}       the milliseconds of one run, a sample each
 *
 * It ends when its standard input does.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Answer, Case, Effort, Role } from "./measure.js";

interface Reply {
  readonly answer?: Answer;
  readonly samplesMs?: readonly number[];
}

export interface CompanionOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

export class Companion {
  readonly #options: CompanionOptions;
  #child: ChildProcessWithoutNullStreams | null = null;
  #replies: AsyncIterator<string> | null = null;
  #complaint = "";
  #answer: Answer | null = null;

  constructor(options: CompanionOptions) {
    this.#options = options;
  }

  /** Starts the program, unless it runs. */
  async answer(): Promise<Answer> {
    if (this.#answer === null) {
      this.#start();
      this.#answer = (await this.#reply()).answer!;
    }
    return this.#answer;
  }

  async time({ samplesMin, secondsMax, cycleSeconds }: Effort): Promise<readonly number[]> {
    await this.answer();
    this.#child!.stdin.write(`${samplesMin} ${secondsMax} ${cycleSeconds}\n`);
    return (await this.#reply()).samplesMs!;
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child = null;
    this.#answer = null;
  }

  #start(): void {
    const { path, args, environment } = this.#options;
    const child = spawn(path, [...args], { env: environment ?? process.env });
    child.stderr.on("data", (text) => {
      this.#complaint += text;
    });
    // Told when a reply is waited for, and does not come.
    child.on("error", (error) => {
      this.#complaint += error.message;
    });
    child.stdin.on("error", () => undefined);
    this.#child = child;
    this.#replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async #reply(): Promise<Reply> {
    const { value, done } = await this.#replies!.next();
    if (done !== true) return JSON.parse(value) as Reply;
    const lines = this.#complaint.trim().split("\n");
    throw new Error(`${this.#options.path}: ${lines.at(-1) || "ended without a reply"}`);
  }
}

/** @param hasAnswer  false where there is none to compare: a copy of memory */
export function companionCase(name: string, role: Role, options: CompanionOptions, hasAnswer = true): Case {
  const companion = new Companion(options);
  return {
    name,
    role,
    ...(hasAnswer ? { answer: () => companion.answer() } : {}),
    time: (effort) => companion.time(effort),
    close: () => companion.close(),
  };
}
