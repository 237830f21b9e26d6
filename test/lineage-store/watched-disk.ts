/**
 * The store's disk with somebody looking on: every call of the `disk` table, of the files that it opens, and every batch that goes to
 * LevelDB is a step, which can be made to fail. Not seen: what LevelDB does with its own files, and closing, of which Linux says nothing
 * on a local disk.
 */
import type { FileHandle } from "node:fs/promises";
import { disk } from "../../src/lineage-store/files.js";
import { watchBatches } from "./watched-batches.js";

export interface Step {
  readonly call: string;
  readonly path: string;
}

export interface Watcher {
  /** What it throws is what the call fails with. A failing write writes half of its bytes first, as on a disk that gets full. */
  before?(step: Step): void;
  /** @param args  of the call @param result  what it came to; a file for `open` */
  after?(step: Step, args: readonly unknown[], result: unknown): void;
}

type Call = (...args: never[]) => Promise<unknown>;
type AnyCall = (...args: unknown[]) => Promise<unknown>;

const fileCalls = new Set<string | symbol>(["read", "write", "sync", "stat"]);

/** @returns gives the disk back as it was */
export function watchDisk(watcher: Watcher): () => void {
  const original = { ...disk };
  for (const [name, call] of Object.entries(original) as [string, Call][])
    Reflect.set(disk, name, watched(watcher, name, call as AnyCall));
  const unwatchBatches = watchBatches(async (run) => {
    await watched(watcher, "batch", run)("db");
  });
  return () => {
    Object.assign(disk, original);
    unwatchBatches();
  };
}

function watched(watcher: Watcher, call: string, run: AnyCall): AnyCall {
  return async (...args) => {
    const step = { call, path: String(args[0]) };
    watcher.before?.(step);
    const result = await run(...args);
    watcher.after?.(step, args, result);
    return call === "open" ? watchedFile(watcher, step.path, result as FileHandle) : result;
  };
}

function watchedFile(watcher: Watcher, path: string, file: FileHandle): FileHandle {
  return new Proxy(file, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const run: AnyCall = (...args) => Reflect.apply(value, target, args) as Promise<unknown>;
      if (!fileCalls.has(name)) return run;
      return async (...args: unknown[]) => {
        const step = { call: String(name), path };
        try {
          watcher.before?.(step);
        } catch (error) {
          if (name === "write") await halfWritten(file, args);
          throw error;
        }
        const result = await run(...args);
        watcher.after?.(step, [file, ...args], result);
        return result;
      };
    },
  });
}

async function halfWritten(file: FileHandle, args: readonly unknown[]): Promise<void> {
  const [chunk, offset, length, position] = args as [Uint8Array, number, number, number | null];
  await file.write(chunk, offset, length >> 1, position);
}

/** The error that such a call gives on a disk that is full or broken, or to a process with too many open files. */
export function faultOf({ call }: Step): NodeJS.ErrnoException {
  const code =
    call === "open" || call === "readdir"
      ? "EMFILE"
      : /^(?:write|writeFile|mkdir|link)$/.test(call)
        ? "ENOSPC"
        : "EIO";
  return Object.assign(new Error(`${code}: injected, ${call}`), { code });
}

/** Fails one step, or every one from there on until it is healed. */
export class Faults implements Watcher {
  readonly steps: Step[] = [];
  readonly #at: number;
  readonly #isLasting: boolean;
  /** Steps count and fail while this is set. */
  isArmed = false;

  /** @param at  index of the step @param isLasting  whether all later ones fail too */
  constructor(at: number, isLasting: boolean) {
    this.#at = at;
    this.#isLasting = isLasting;
  }

  before(step: Step): void {
    if (!this.isArmed) return;
    const index = this.steps.push(step) - 1;
    if (index === this.#at || (this.#isLasting && index > this.#at)) throw faultOf(step);
  }

  /** Whether the work went so far. */
  get isReached(): boolean {
    return this.steps.length > this.#at;
  }

  get hit(): string {
    const { call, path } = this.steps[this.#at]!;
    return `step ${this.#at}, ${call} of ${path}${this.#isLasting ? ", and all after it" : ""}`;
  }
}
