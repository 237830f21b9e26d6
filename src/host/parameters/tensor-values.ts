/** A tensor's values, whether they have a range of their own in the file or are held in the index. */
import { parameterChunkBytes } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { Arena } from "../memory/arena.js";
import type { TensorEntry } from "./tensor-index.js";

/** A page: chunks end between elements of any type. */
const chunkAlignment = 4_096;

/** Fills `target` with the values' bytes from `at` on. */
export async function readValues(
  source: ByteSource,
  tensor: TensorEntry,
  at: number,
  target: Uint8Array,
): Promise<void> {
  if (tensor.inline === null) await source.read(target, tensor.byteOffset + at);
  else target.set(tensor.inline.subarray(at, at + target.length));
}

/**
 * Puts `byteLength` bytes of a tensor into the arena, as they are stored.
 *
 * @param ptr  a region of at least `byteLength` bytes
 */
export async function loadValues(
  arena: Arena,
  source: ByteSource,
  tensor: TensorEntry,
  at: number,
  byteLength: number,
  ptr: number,
): Promise<void> {
  await readValues(source, tensor, at, new Uint8Array(arena.memory.buffer, ptr, byteLength));
}

/**
 * Bytes of a chunk, where so many are in the arena at once: `parameterChunkBytes`, less where the memory is small or taken, half of what
 * is free.
 */
export function chunkBytesFor({ availableBytes }: Arena, chunks: number): number {
  const share = Math.floor(availableBytes / 2 / chunks / chunkAlignment) * chunkAlignment;
  return Math.max(chunkAlignment, Math.min(parameterChunkBytes, share));
}

/** Bytes of the region that a chunk of any of these tensors fits in: bounded, and small for small models. */
export function chunkRegionBytes(
  tensors: readonly Pick<TensorEntry, "byteLength">[],
  chunkBytesMax: number,
): number {
  const largest = tensors.reduce((most, { byteLength }) => Math.max(most, byteLength), 0);
  return Math.min(largest, chunkBytesMax);
}
