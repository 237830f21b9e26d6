/** What a store is asked to do while its disk fails, or while its process dies; each can be asked again. */
import { join } from "node:path";
import { MendlineError } from "../../src/errors.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { type AddedTensor, addTensorModel, fineTuned, seededBytes } from "./rich-store.js";
import { plainDeltas } from "./support.js";

/** Larger than what is held in memory before a file is opened for it. */
const streamedBytes = 1_100_000;
const first = seededBytes(3, 6_000);
const second = fineTuned(first, 4);
const streamed = seededBytes(5, streamedBytes);

/** A clock that stands, so that a history does not depend on how often something was tried. */
export function openStill(dir: string): Promise<LineageStore> {
  return LineageStore.open(dir, { deltas: plainDeltas(), nowMs: () => 1_700_000_000_000 });
}

async function addedAs(store: LineageStore, label: string): Promise<AddedTensor> {
  const id = await store.resolve(label);
  const { tensors } = await store.parameters(id);
  return { id, object: tensors[0]!.object!, file: Buffer.alloc(0) };
}

export type Operation = (store: LineageStore) => Promise<unknown>;

/** m@1 and m@2, a delta of it; prod is m@1. old@1 is what a collection takes. */
const beginnings: Readonly<Record<string, Operation>> = {
  "m@1": (store) => addTensorModel(store, "m@1", first),
  "m@2": async (store) => addTensorModel(store, "m@2", second, [await addedAs(store, "m@1")]),
  "old@1": (store) => addTensorModel(store, "old@1", seededBytes(21, 3_000)),
  "old@2": (store) => addTensorModel(store, "old@2", seededBytes(22, 3_000)),
  prod: async (store) => {
    const id = await store.resolve("m@1");
    await store.commit((tx) => tx.setAlias({ alias: "prod", id, reason: "first" }));
  },
};

export async function writeSmallStore(dir: string): Promise<void> {
  const store = await openStill(dir);
  for (const operation of Object.values(beginnings)) await operation(store);
  await store.close();
}

export const operations: Readonly<Record<string, Operation>> = {
  "add of a large model": (store) => addTensorModel(store, "large@1", streamed),
  "add of a delta": async (store) =>
    addTensorModel(store, "m@3", fineTuned(second, 6), [await addedAs(store, "m@2")]),
  "alias flip": async (store) => {
    const id = await store.resolve("m@2");
    // Asked again after it was done, it is done.
    if ((await store.alias("prod"))?.id === id) return;
    await store.commit((tx) => tx.setAlias({ alias: "prod", id, reason: "second" }));
  },
  restore: async (store) => store.restoreFile(await store.resolve("m@2"), join(store.dir, "..", "restored")),
  collection: (store) => store.collectGarbage({ keepLast: 1, keepAncestors: 0 }),
};

/** All of them, from a folder that is not there yet. */
export const history: readonly Operation[] = [...Object.values(beginnings), ...Object.values(operations)];

/** The code of what it ends in, or null. Anything but an error of ours is none that a caller could make sense of. */
export async function codeOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof MendlineError) return error.code;
    throw error;
  }
}
