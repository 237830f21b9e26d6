/** Parameter vectors: arithmetic, comparison, and the transform that their history is stored in. */
import { weightedVectorsMax } from "../../limits.js";
import { assertApart, outOfBounds, upper } from "./checked.js";
import type { VectorType } from "./exports.js";
import { SortingKernels } from "./sorting.js";

const vectorBytes: Readonly<Record<VectorType, number>> = { f32: 4, f64: 8, f16: 2, bf16: 2 };

/** Bytes of one entry of the table that `weightedSum` fills. */
export const weightedEntryBytes = 16;
/** f64 words that `compareVectors` writes. */
export const compareWords = 5;

/** A term of a weighted sum. */
export interface WeightedVector {
  readonly ptr: number;
  readonly weight: number;
}

export class VectorKernels extends SortingKernels {
  /** out = target - source. Returns whether all of it, as stored, is finite. out may be source or target. */
  subtract(type: VectorType, sourcePtr: number, targetPtr: number, count: number, outPtr: number): boolean {
    this.#checkVectors(type, count, { source: sourcePtr, target: targetPtr, out: outPtr });
    return this.exports[`subtract${upper(type)}`](sourcePtr, targetPtr, count, outPtr) !== 0;
  }

  /** out = factor * source. Returns whether all of it, as stored, is finite. out may be source. */
  scale(type: VectorType, sourcePtr: number, count: number, factor: number, outPtr: number): boolean {
    this.#checkVectors(type, count, { source: sourcePtr, out: outPtr });
    return this.exports[`scale${upper(type)}`](sourcePtr, count, factor, outPtr) !== 0;
  }

  /**
   * out = source + scale (target - source), in f64 for f64 and in f32 for the rest. Returns whether all of it, as stored, is finite.
   * out may be source or target.
   */
  blend(
    type: VectorType,
    sourcePtr: number,
    targetPtr: number,
    count: number,
    scale: number,
    outPtr: number,
  ): boolean {
    this.#checkVectors(type, count, { source: sourcePtr, target: targetPtr, out: outPtr });
    return this.exports[`blend${upper(type)}`](sourcePtr, targetPtr, count, scale, outPtr) !== 0;
  }

  /** out: f64 * 5: dot, |source|^2, |target|^2, |target - source|^2, elements that differ. */
  compareVectors(
    type: VectorType,
    sourcePtr: number,
    targetPtr: number,
    count: number,
    outPtr: number,
  ): void {
    this.#checkVectors(type, count, { source: sourcePtr, target: targetPtr });
    this.check("out", outPtr, compareWords * 8, 8);
    this.exports[`compareVectors${upper(type)}`](sourcePtr, targetPtr, count, outPtr);
  }

  /** out: f32 of each half-width float; apart from the source. */
  widen(type: "f16" | "bf16", sourcePtr: number, count: number, outPtr: number): void {
    this.check("source", sourcePtr, count * 2, 2);
    this.check("out", outPtr, count * 4, 4);
    assertApart("out", outPtr, count * 4, "source", sourcePtr, count * 2);
    this.exports[`widen${upper(type)}`](sourcePtr, count, outPtr);
  }

  /** out: the half-width float nearest to each f32, ties to even. Returns whether all are finite. out may be source. */
  narrow(type: "f16" | "bf16", sourcePtr: number, count: number, outPtr: number): boolean {
    this.check("source", sourcePtr, count * 4, 4);
    this.check("out", outPtr, count * 2, 2);
    return this.exports[`narrow${upper(type)}`](sourcePtr, count, outPtr) !== 0;
  }

  /**
   * out = the sum of weight * vector, added in the order given, each step rounded to the type. Returns whether all of it is finite.
   * out may be one of the vectors.
   *
   * @param vectors   1 to `weightedVectorsMax`
   * @param tablePtr  scratch of `weightedEntryBytes` a vector
   */
  weightedSum(
    type: "f32" | "f64",
    vectors: readonly WeightedVector[],
    count: number,
    tablePtr: number,
    outPtr: number,
  ): boolean {
    const vectorCount = vectors.length;
    if (!(vectorCount >= 1 && vectorCount <= weightedVectorsMax))
      throw outOfBounds("vectors of a weighted sum", vectorCount, weightedVectorsMax);
    const tableBytes = vectorCount * weightedEntryBytes;
    this.check("table", tablePtr, tableBytes, 8);
    this.#checkVectors(type, count, { out: outPtr });
    assertApart("table", tablePtr, tableBytes, "out", outPtr, count * vectorBytes[type]);
    const table = new DataView(this.memory.buffer, tablePtr, tableBytes);
    for (const { ptr } of vectors) {
      this.#checkVectors(type, count, { vector: ptr });
      assertApart("table", tablePtr, tableBytes, "vector", ptr, count * vectorBytes[type]);
    }
    vectors.forEach(({ ptr, weight }, index) => {
      const at = index * weightedEntryBytes;
      table.setUint32(at, ptr, true);
      if (type === "f64") table.setFloat64(at + 8, weight, true);
      else table.setFloat32(at + 8, weight, true);
    });
    return this.exports[`weightedSum${upper(type)}`](tablePtr, vectorCount, count, outPtr) !== 0;
  }

  /**
   * The stored-history transform (assembly/delta.ts): what makes `target` from `source`, in planes of bytes, lowest first. Lossless for
   * every bit pattern of elements of so many bytes; small where both are floats and near each other.
   *
   * @param planesPtr  count * width bytes, any alignment, apart from both
   */
  encodeDelta(
    width: 2 | 4 | 8,
    sourcePtr: number,
    targetPtr: number,
    count: number,
    planesPtr: number,
  ): void {
    const byteLength = count * width;
    this.check("source", sourcePtr, byteLength, width);
    this.check("target", targetPtr, byteLength, width);
    this.check("planes", planesPtr, byteLength, 1);
    assertApart("planes", planesPtr, byteLength, "source", sourcePtr, byteLength);
    assertApart("planes", planesPtr, byteLength, "target", targetPtr, byteLength);
    this.exports[`encodeDelta${deltaBits(width)}`](sourcePtr, targetPtr, count, planesPtr);
  }

  /** The target back from the source and the planes of `encodeDelta`. target may be source. */
  decodeDelta(
    width: 2 | 4 | 8,
    sourcePtr: number,
    planesPtr: number,
    count: number,
    targetPtr: number,
  ): void {
    const byteLength = count * width;
    this.check("source", sourcePtr, byteLength, width);
    this.check("planes", planesPtr, byteLength, 1);
    this.check("target", targetPtr, byteLength, width);
    assertApart("target", targetPtr, byteLength, "planes", planesPtr, byteLength);
    this.exports[`decodeDelta${deltaBits(width)}`](sourcePtr, planesPtr, count, targetPtr);
  }

  #checkVectors(type: VectorType, count: number, ptrs: Readonly<Record<string, number>>): void {
    const width = vectorBytes[type];
    for (const [what, ptr] of Object.entries(ptrs)) this.check(what, ptr, count * width, width);
  }
}

function deltaBits(width: 2 | 4 | 8): 16 | 32 | 64 {
  return width === 2 ? 16 : width === 4 ? 32 : 64;
}
