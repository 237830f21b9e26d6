/** Small models, and a store to put them in. */
import { hash } from "node:crypto";
import { join } from "node:path";
import { Level } from "level";
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../../src/errors.js";
import { packFrameBytes } from "../../src/limits.js";
import type { DeltaTransform } from "../../src/lineage-store/deltas.js";
import type { NewModel } from "../../src/lineage-store/records.js";
import { LineageStore, type StoreOptions } from "../../src/lineage-store/store.js";
import { scratchDir } from "../support.js";
import { watchBatches } from "./watched-batches.js";

export function idOf(text: string): string {
  return hash("sha256", text);
}

/** A model without a single byte: enough for everything that looks at the graph only. */
export function emptyModel(name: string, version = "1", over: Partial<NewModel> = {}): NewModel {
  return {
    id: idOf(`${name}@${version}`),
    name,
    version,
    format: "onnx",
    byteLength: 0,
    fileHash: idOf(""),
    tensors: [],
    layout: [],
    ...over,
  };
}

const root = scratchDir();
let folderCount = 0;

/** A path below the file's scratch folder, where nothing is yet. */
export function freshDir(): string {
  return join(root, String(folderCount++));
}

/** A clock that ticks one millisecond a look. */
export function tickingClock(): () => number {
  let nowMs = 1_700_000_000_000;
  return () => nowMs++;
}

export async function withStore(
  work: (store: LineageStore, reopen: () => Promise<LineageStore>, dir: string) => Promise<void>,
  options: StoreOptions = {},
): Promise<void> {
  const dir = freshDir();
  const nowMs = tickingClock();
  let store = await LineageStore.open(dir, { nowMs, ...options });
  const reopen = async () => {
    await store.close();
    store = await LineageStore.open(dir, { nowMs, ...options });
    return store;
  };
  try {
    await work(store, reopen, dir);
  } finally {
    await store.close();
  }
}

export async function addAll(store: LineageStore, ...models: NewModel[]): Promise<string[]> {
  return store.commit((tx) => models.map((model) => tx.addModel(model).id));
}

/** Adds `parent -> child` edges given by names of version 1. */
export async function derive(
  store: LineageStore,
  ...edges: [parent: string, child: string][]
): Promise<void> {
  await store.commit((tx) => {
    for (const [parent, child] of edges)
      tx.addDerivation({
        parent: idOf(`${parent}@1`),
        child: idOf(`${child}@1`),
        transformation: "fine-tuning",
      });
  });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** The error that the work must end in. */
export async function failure(code: ErrorCode, work: () => unknown): Promise<MendlineError> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, MendlineError);
    const { code: found, message } = error as MendlineError;
    assert.is(found, code, message);
    return error as MendlineError;
  }
  return assert.unreachable(`nothing was thrown instead of ${code}`) as never;
}

/**
 * Lets the next call of a LevelDB method fail as a full or broken disk would.
 *
 * @returns ends the waiting for it
 */
export function failNext(method: "batch" | "open", writesFirst = false): () => void {
  const fail = async (run: () => Promise<void>) => {
    restore();
    if (writesFirst) await run();
    throw new Error("EIO: i/o error, fsync");
  };
  const restore = method === "batch" ? watchBatches(fail) : watchOpening(fail);
  return restore;
}

function watchOpening(open: (run: () => Promise<void>) => Promise<void>): () => void {
  const original = Reflect.get(Level.prototype, "open") as (...parts: unknown[]) => Promise<void>;
  Reflect.set(Level.prototype, "open", function opening(this: unknown, ...parts: unknown[]) {
    return open(() => original.apply(this, parts));
  });
  return () => void Reflect.set(Level.prototype, "open", original);
}

/** A transform that any pair of bytes survives, and that is none of ours: bytes subtracted modulo 256, sorted into planes. */
export function plainDeltas(): DeltaTransform {
  const room = () => new Uint8Array(packFrameBytes);
  const places = (width: number, byteLength: number) =>
    Array.from(
      { length: byteLength },
      (_, at) => (at % width) * (byteLength / width) + Math.floor(at / width),
    );
  return {
    createRoom() {
      const [source, target, planes] = [room(), room(), room()];
      return {
        source,
        target,
        planes,
        encode(width, byteLength) {
          for (const [at, place] of places(width, byteLength).entries())
            planes[place] = target[at]! - source[at]!;
        },
        decode(width, byteLength) {
          for (const [at, place] of places(width, byteLength).entries())
            source[at] = source[at]! + planes[place]!;
        },
      };
    },
  };
}
