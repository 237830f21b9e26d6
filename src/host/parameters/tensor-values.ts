/** A tensor's values, whether they have a range of their own in the file or are held in the index. */
import type { Runtime } from "../../scheduler/runtime.js";
import { widen } from "../kernels/halves.js";
import type { ByteSource } from "./byte-source.js";
import type { TensorEntry } from "./tensor-index.js";

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
 * Puts `byteLength` bytes of a blendable tensor into the arena, as f64 if that is its type, else as f32.
 *
 * @param ptr  a region of `byteLength` bytes, of twice that for half-width floats
 */
export async function loadFloats(
  { arena }: Runtime,
  source: ByteSource,
  tensor: TensorEntry,
  at: number,
  byteLength: number,
  ptr: number,
): Promise<void> {
  const { buffer } = arena.memory;
  if (tensor.dtype === "F16" || tensor.dtype === "BF16") {
    const halves = new Uint8Array(byteLength);
    await readValues(source, tensor, at, halves);
    widen(tensor.dtype, halves, new Float32Array(buffer, ptr, byteLength / 2));
  } else {
    await readValues(source, tensor, at, new Uint8Array(buffer, ptr, byteLength));
  }
}

/** Bytes of the region that a chunk of any of these tensors fits in, widened: bounded, and small for small models. */
export function chunkRegionBytes(tensors: readonly TensorEntry[], chunkBytesMax: number): number {
  const largest = tensors.reduce((most, { byteLength }) => Math.max(most, byteLength), 0);
  return Math.min(largest, chunkBytesMax) * 2;
}
