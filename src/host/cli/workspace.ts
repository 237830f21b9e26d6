/** What a command works with: an engine, the data it opened, and the signal that stops it. Everything is closed when it ends. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { Readable } from "node:stream";
import { MendlineError } from "../../errors.js";
import type { DataSource, Engine } from "../../index.js";
import type { CommandContext } from "./context.js";
import type { ComputeOptions } from "./options.js";
import { inStoreFolder, requireStore } from "./store-folder.js";

/** Below it a pool of workers takes longer to start than the work takes. */
const smallDataBytesMax = 64 * 1024 * 1024;
/** More threads than this wait for the memory bus. */
const threadsDefaultMax = 4;

export interface WorkspaceOptions extends ComputeOptions {
  /** Data that the command will go through: decides whether threads are worth it. */
  readonly inputs?: readonly (string | undefined)[];
}

export class Workspace {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  readonly #sources: DataSource[] = [];

  constructor(engine: Engine, signal: AbortSignal) {
    this.engine = engine;
    this.signal = signal;
  }

  /**
   * @param path  a file, or `-` for standard input
   * @param categorical  columns to be read as categories; each must be there
   */
  async openData(path: string, categorical: readonly string[] = []): Promise<DataSource> {
    const { signal } = this;
    // Waiting for a silent standard input ends with it.
    const stop = () => endInput(process.stdin);
    if (path === "-") signal.addEventListener("abort", stop);
    try {
      const source = await this.engine.openData(path, { categorical, signal });
      this.#sources.push(source);
      checkColumns(source, categorical);
      return source;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async close(): Promise<void> {
    for (const source of this.#sources.toReversed()) await source.close();
    await this.engine.close();
  }
}

/** Whoever reads it gets the error. Where nobody does yet, it would be one that nothing catches. */
export function endInput(input: Readable): void {
  input.on("error", () => undefined);
  input.destroy(new Error("interrupted"));
}

/** For work on data alone. */
export function withEngine<T>(
  context: CommandContext,
  options: WorkspaceOptions,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  return withWorkspace(context, options, undefined, work);
}

/** @throws MendlineError MENDLINE_STORE_UNKNOWN  there is no store in `options.store`; none is made */
export async function withStore<T>(
  context: CommandContext,
  options: WorkspaceOptions & { readonly store: string },
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  await requireStore(options.store);
  return withWorkspace(context, options, options.store, work);
}

/** A store that is not there is made, if the work succeeds. */
export function withNewStore<T>(
  context: CommandContext,
  options: WorkspaceOptions & { readonly store: string },
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  return inStoreFolder(options.store, (dir) => withWorkspace(context, options, dir, work));
}

async function withWorkspace<T>(
  { signal }: CommandContext,
  options: WorkspaceOptions,
  store: string | undefined,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  // Loaded here: `--help` and a mistyped option need none of it.
  const { openEngine } = await import("../../index.js");
  const threads = options.threads ?? (await threadsFor(options.inputs ?? []));
  const engine = await openEngine({ threads, memoryBytes: options.memory, store });
  const workspace = new Workspace(engine, signal);
  let result: T;
  try {
    result = await work(workspace);
  } catch (thrown) {
    // The failure of the work is what the person is told.
    await workspace.close().catch(() => undefined);
    throw thrown;
  }
  await workspace.close();
  return result;
}

/** One thread less than there are cores, for the one that reads; none where the data is small. */
async function threadsFor(inputs: readonly (string | undefined)[]): Promise<number> {
  let byteLength = 0;
  for (const path of inputs) {
    if (path === undefined) continue;
    // A pipe has no size; a file that is not there is told of when it is opened.
    const size =
      path === "-"
        ? 0
        : await stat(path).then(
            (stats) => stats.size,
            () => 0,
          );
    byteLength += size;
  }
  if (byteLength <= smallDataBytesMax) return 0;
  return Math.min(availableParallelism() - 1, threadsDefaultMax);
}

function checkColumns(source: DataSource, names: readonly string[]): void {
  const unknown = names.find((name) => !source.fields.some((field) => field.name === name));
  if (unknown === undefined) return;
  const known = source.fields.slice(0, 12).map(({ name }) => name);
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${source.label} has no column "${unknown}" for --categorical; it has ${known.join(", ")}`,
    { details: { column: unknown } },
  );
}
