/**
 * One typed wrapper a kernel. Kernels trust their arguments: a misaligned load returns garbage quietly and a wild pointer another
 * region's bytes, so bounds and alignment are checked here, before every call, on every thread.
 *
 * All arguments are plain integers (and scales), so that the same call can be posted to a worker.
 */
import { MendlineError } from "../../errors.js";
import { edgesMax, kernelReservedBytes, weightedVectorsMax } from "../../limits.js";
import type { KernelExports, VectorType } from "./exports.js";
import { mergeStateBytes, mergeSteps, type SortedKeys } from "./merge-steps.js";
import { sortCounterBytes, sortSteps } from "./sort-steps.js";
import { bytesOf, type CodeType, type KeyKind, type NumericType } from "./types.js";

export type { VectorType } from "./exports.js";
export { ksNumeratorAt, mergeStateBytes, type SortedKeys, wassersteinAt } from "./merge-steps.js";
export { sortCounterBytes } from "./sort-steps.js";

const vectorBytes: Readonly<Record<VectorType, number>> = { f32: 4, f64: 8, f16: 2, bf16: 2 };

/** Bytes of one entry of the table that `weightedSum` fills. */
export const weightedEntryBytes = 16;

/** A term of a weighted sum. */
export interface WeightedVector {
  readonly ptr: number;
  readonly weight: number;
}

/** A stretch of rows of one column. validityPtr 0 = every row is present. */
export interface ColumnSlice {
  readonly valuesPtr: number;
  readonly rowCount: number;
  readonly validityPtr: number;
  readonly validityBitOffset: number;
}

/**
 * From so many edges on the cell table is cheaper than a compare an edge. Measured on one core: 0.04 ns an edge and value against
 * 0.92 ns a value, f32; 64-bit types would gain from 15 on.
 */
export const cellEdgesMin = 24;
/** f64 words that `moments` writes. */
export const momentWords = 7;
/** Bytes of one exact sum, see assembly/exact-sum.ts. */
export const exactSumBytes = 68 * 8;
/** Bytes of a cell of `countInCells`, see assembly/select.ts. */
export const cellBytes = 40;
/** f64 words that `compareVectors` writes. */
export const compareWords = 5;

type Upper<T extends string> = Uppercase<T>;

export class Kernels {
  readonly memory: WebAssembly.Memory;
  readonly #exports: KernelExports;

  constructor(exports: KernelExports, memory: WebAssembly.Memory) {
    this.#exports = exports;
    this.memory = memory;
  }

  /** Bytes that `countByEdges` and `countByCells` work in. */
  countWorkBytes(edgeCount: number): number {
    return this.#exports.countWorkBytes(edgeCount) >>> 0;
  }

  /** work: `countWorkBytes`, of which the first u32 * (edgeCount + 3) are the result: bins, missing, nonFinite. */
  countByEdges(
    type: NumericType,
    slice: ColumnSlice,
    edgesPtr: number,
    edgeCount: number,
    workPtr: number,
  ): void {
    if (edgeCount > edgesMax) throw outOfBounds("edges", edgeCount, edgesMax);
    this.#checkColumn(type, slice);
    this.#check("edges", edgesPtr, edgeCount * bytesOf(type), bytesOf(type));
    this.#check("work", workPtr, this.countWorkBytes(edgeCount), 8);
    this.#exports[`countByEdges${upper(type)}`](
      slice.valuesPtr,
      slice.rowCount,
      slice.validityPtr,
      slice.validityBitOffset,
      edgesPtr,
      edgeCount,
      workPtr,
    );
  }

  /** Bytes of a cell table over so many edges. */
  cellTableBytes(type: NumericType, edgeCount: number): number {
    const { cellTableBytes32, cellTableBytes64 } = this.#exports;
    return (bytesOf(type) === 8 ? cellTableBytes64 : cellTableBytes32)(edgeCount) >>> 0;
  }

  /** Builds what `countByCells` counts by, edges included: they may be released afterwards. */
  buildCellTable(type: NumericType, edgesPtr: number, edgeCount: number, tablePtr: number): void {
    if (edgeCount > edgesMax) throw outOfBounds("edges", edgeCount, edgesMax);
    this.#check("edges", edgesPtr, edgeCount * bytesOf(type), bytesOf(type));
    this.#check("cell table", tablePtr, this.cellTableBytes(type, edgeCount), 8);
    this.#exports[`buildCellTable${upper(type)}`](edgesPtr, edgeCount, tablePtr);
  }

  /** The same as `countByEdges` for many edges. work and result alike. */
  countByCells(
    type: NumericType,
    slice: ColumnSlice,
    tablePtr: number,
    edgeCount: number,
    workPtr: number,
  ): void {
    if (edgeCount > edgesMax) throw outOfBounds("edges", edgeCount, edgesMax);
    this.#checkColumn(type, slice);
    this.#check("cell table", tablePtr, this.cellTableBytes(type, edgeCount), 8);
    this.#check("work", workPtr, this.countWorkBytes(edgeCount), 8);
    this.#exports[`countByCells${upper(type)}`](
      slice.valuesPtr,
      slice.rowCount,
      slice.validityPtr,
      slice.validityBitOffset,
      tablePtr,
      edgeCount,
      workPtr,
    );
  }

  /** Bytes that `countCategories` works in. */
  categoryWorkBytes(slotCount: number): number {
    return this.#exports.categoryWorkBytes(slotCount) >>> 0;
  }

  /**
   * remap: u32 * remapCount, every value < slotCount. work: `categoryWorkBytes`, of which the first u32 * (slotCount + 1) are the result,
   * the last of them: codes out of range.
   */
  countCategories(
    type: CodeType,
    slice: ColumnSlice,
    remapPtr: number,
    remapCount: number,
    missingSlot: number,
    slotCount: number,
    workPtr: number,
  ): void {
    this.#checkColumn(type, slice);
    this.#check("remap", remapPtr, remapCount * 4, 4);
    this.#check("counts", workPtr, (slotCount + 1) * 4, 4);
    this.#check("work", workPtr, this.categoryWorkBytes(slotCount), 4);
    if (!(missingSlot >= 0 && missingSlot < slotCount))
      throw outOfBounds("missing slot", missingSlot, slotCount);
    this.#exports[`countCategories${upper(type)}`](
      slice.valuesPtr,
      slice.rowCount,
      slice.validityPtr,
      slice.validityBitOffset,
      remapPtr,
      remapCount,
      missingSlot,
      slotCount,
      workPtr,
    );
  }

  /** Writes the sortable keys of the present values, u64 each, and returns how many. */
  keysFrom(type: NumericType, slice: ColumnSlice, keysPtr: number): number {
    this.#checkColumn(type, slice);
    this.#check("keys", keysPtr, slice.rowCount * 8, 8);
    const { valuesPtr, rowCount, validityPtr, validityBitOffset } = slice;
    return (
      this.#exports[`keysFrom${upper(type)}`](
        valuesPtr,
        rowCount,
        validityPtr,
        validityBitOffset,
        keysPtr,
      ) >>> 0
    );
  }

  /** scratch: as many bytes as the keys. counters: `sortCounterBytes`. */
  sortKeys(keysPtr: number, count: number, scratchPtr: number, countersPtr: number): void {
    for (const _ of this.sortSteps(keysPtr, count, scratchPtr, countersPtr));
  }

  /** The same in steps of `partitionRows` keys at most; in order only when the last one is done. */
  sortSteps(keysPtr: number, count: number, scratchPtr: number, countersPtr: number): Generator<void> {
    this.#check("keys", keysPtr, count * 8, 8);
    this.#check("scratch", scratchPtr, count * 8, 8);
    this.#check("counters", countersPtr, sortCounterBytes, 8);
    return sortSteps(this.#exports, this.memory, keysPtr, count, scratchPtr, countersPtr);
  }

  /**
   * Counts keys by the digit behind their cell and returns how many lie below the first cell. cells: at least one, sorted, disjoint;
   * their layout is in assembly/select.ts. counters: u32 * counterCount, added to.
   */
  countInCells(
    keysPtr: number,
    keyCount: number,
    cellsPtr: number,
    cellCount: number,
    countersPtr: number,
    counterCount: number,
  ): number {
    this.#check("keys", keysPtr, keyCount * 8, 8);
    this.#check("counters", countersPtr, counterCount * 4, 4);
    this.#checkCells(cellsPtr, cellCount);
    return (
      this.#exports.countInCells(keysPtr, keyCount, cellsPtr, cellCount, countersPtr, counterCount) >>> 0
    );
  }

  /** Writes the keys that lie in a cell, `outCount` at most, and returns how many there are. */
  gatherInCells(
    keysPtr: number,
    keyCount: number,
    cellsPtr: number,
    cellCount: number,
    outPtr: number,
    outCount: number,
  ): number {
    this.#check("keys", keysPtr, keyCount * 8, 8);
    this.#check("out", outPtr, outCount * 8, 8);
    this.#checkCells(cellsPtr, cellCount);
    return this.#exports.gatherInCells(keysPtr, keyCount, cellsPtr, cellCount, outPtr, outCount) >>> 0;
  }

  /** The finite values of keys, widened to f64, summed without rounding. words: `exactSumBytes`, added to: zero them first. */
  addKeysExactly(kind: KeyKind, keysPtr: number, count: number, wordsPtr: number): void {
    this.#check("keys", keysPtr, count * 8, 8);
    this.#check("words", wordsPtr, exactSumBytes, 8);
    this.#exports[`addKeysExactly${upper(kind)}`](keysPtr, count, wordsPtr);
  }

  /** Powers 2 to 4 of the same values' deviations, to three sums, which stand behind each other. */
  addKeyPowersExactly(kind: KeyKind, keysPtr: number, count: number, mean: number, wordsPtr: number): void {
    this.#check("keys", keysPtr, count * 8, 8);
    this.#check("words", wordsPtr, 3 * exactSumBytes, 8);
    this.#exports[`addKeyPowersExactly${upper(kind)}`](keysPtr, count, mean, wordsPtr);
  }

  /** The same alone: words are overwritten. */
  sumKeysExactly(kind: KeyKind, keysPtr: number, count: number, wordsPtr: number): void {
    this.#check("keys", keysPtr, count * 8, 8);
    this.#check("words", wordsPtr, exactSumBytes, 8);
    new Uint8Array(this.memory.buffer, wordsPtr, exactSumBytes).fill(0);
    this.addKeysExactly(kind, keysPtr, count, wordsPtr);
  }

  sumKeyPowersExactly(kind: KeyKind, keysPtr: number, count: number, mean: number, wordsPtr: number): void {
    this.#check("keys", keysPtr, count * 8, 8);
    this.#check("words", wordsPtr, 3 * exactSumBytes, 8);
    new Uint8Array(this.memory.buffer, wordsPtr, 3 * exactSumBytes).fill(0);
    this.addKeyPowersExactly(kind, keysPtr, count, mean, wordsPtr);
  }

  /** out: f64 * 7, see assembly/moments.ts. */
  moments(type: NumericType, slice: ColumnSlice, outPtr: number): void {
    this.#checkColumn(type, slice);
    this.#check("moments", outPtr, momentWords * 8, 8);
    const { valuesPtr, rowCount, validityPtr, validityBitOffset } = slice;
    this.#exports[`moments${upper(type)}`](valuesPtr, rowCount, validityPtr, validityBitOffset, outPtr);
  }

  /** out: f64 * 4: PSI, KL, G, slots in use. reference, current: f64 * slotCount. */
  divergenceFromCounts(
    referencePtr: number,
    currentPtr: number,
    slotCount: number,
    smoothing: number,
    outPtr: number,
  ): void {
    this.#checkCounts(referencePtr, currentPtr, slotCount, outPtr, 4);
    this.#exports.divergenceFromCounts(referencePtr, currentPtr, slotCount, smoothing, outPtr);
  }

  /** out: f64 * 4, of which PSI and KL are written. */
  divergenceWithFloor(
    referencePtr: number,
    currentPtr: number,
    slotCount: number,
    floor: number,
    outPtr: number,
  ): void {
    this.#checkCounts(referencePtr, currentPtr, slotCount, outPtr, 4);
    this.#exports.divergenceWithFloor(referencePtr, currentPtr, slotCount, floor, outPtr);
  }

  /** out: f64 * 3: numerator, n, m. */
  ksFromCounts(referencePtr: number, currentPtr: number, binCount: number, outPtr: number): void {
    this.#checkCounts(referencePtr, currentPtr, binCount, outPtr, 3);
    this.#exports.ksFromCounts(referencePtr, currentPtr, binCount, outPtr);
  }

  /** The state's answer, `ksNumeratorAt`: the numerator of D over n m, below 2^63. state: `mergeStateBytes`. */
  ksFromSortedKeys(reference: SortedKeys, current: SortedKeys, statePtr: number): void {
    for (const _ of this.ksSteps(reference, current, statePtr));
  }

  /** The same in steps of `partitionRows` keys at most. */
  ksSteps(reference: SortedKeys, current: SortedKeys, statePtr: number): Generator<void> {
    this.#checkMerge(reference, current, statePtr);
    return mergeSteps(this.#exports, "ks", this.memory, reference, current, statePtr);
  }

  /**
   * The state's answer, `wassersteinAt`: W1 of two samples of finite values. state: `mergeStateBytes`.
   *
   * @param carriedPtr  the state after the stretches before; 0 for the first, and for whole samples
   */
  wassersteinFromSortedKeys(
    reference: SortedKeys,
    current: SortedKeys,
    statePtr: number,
    carriedPtr = 0,
  ): void {
    for (const _ of this.wassersteinSteps(reference, current, statePtr, carriedPtr));
  }

  /** The same in steps of `partitionRows` keys at most. */
  wassersteinSteps(
    reference: SortedKeys,
    current: SortedKeys,
    statePtr: number,
    carriedPtr = 0,
  ): Generator<void> {
    this.#checkMerge(reference, current, statePtr);
    if (carriedPtr !== 0) this.#check("carried state", carriedPtr, mergeStateBytes, 8);
    return mergeSteps(this.#exports, "wasserstein", this.memory, reference, current, statePtr, carriedPtr);
  }

  /** out = target - source. Returns whether all of it, as stored, is finite. out may be source or target. */
  subtract(type: VectorType, sourcePtr: number, targetPtr: number, count: number, outPtr: number): boolean {
    this.#checkVectors(type, count, { source: sourcePtr, target: targetPtr, out: outPtr });
    return this.#exports[`subtract${upper(type)}`](sourcePtr, targetPtr, count, outPtr) !== 0;
  }

  /** out = factor * source. Returns whether all of it, as stored, is finite. out may be source. */
  scale(type: VectorType, sourcePtr: number, count: number, factor: number, outPtr: number): boolean {
    this.#checkVectors(type, count, { source: sourcePtr, out: outPtr });
    return this.#exports[`scale${upper(type)}`](sourcePtr, count, factor, outPtr) !== 0;
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
    return this.#exports[`blend${upper(type)}`](sourcePtr, targetPtr, count, scale, outPtr) !== 0;
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
    this.#check("out", outPtr, compareWords * 8, 8);
    this.#exports[`compareVectors${upper(type)}`](sourcePtr, targetPtr, count, outPtr);
  }

  /** out: f32 of each half-width float; apart from the source. */
  widen(type: "f16" | "bf16", sourcePtr: number, count: number, outPtr: number): void {
    this.#check("source", sourcePtr, count * 2, 2);
    this.#check("out", outPtr, count * 4, 4);
    assertApart("out", outPtr, count * 4, "source", sourcePtr, count * 2);
    this.#exports[`widen${upper(type)}`](sourcePtr, count, outPtr);
  }

  /** out: the half-width float nearest to each f32, ties to even. Returns whether all are finite. out may be source. */
  narrow(type: "f16" | "bf16", sourcePtr: number, count: number, outPtr: number): boolean {
    this.#check("source", sourcePtr, count * 4, 4);
    this.#check("out", outPtr, count * 2, 2);
    return this.#exports[`narrow${upper(type)}`](sourcePtr, count, outPtr) !== 0;
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
    this.#check("table", tablePtr, tableBytes, 8);
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
    return this.#exports[`weightedSum${upper(type)}`](tablePtr, vectorCount, count, outPtr) !== 0;
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
    this.#check("source", sourcePtr, byteLength, width);
    this.#check("target", targetPtr, byteLength, width);
    this.#check("planes", planesPtr, byteLength, 1);
    assertApart("planes", planesPtr, byteLength, "source", sourcePtr, byteLength);
    assertApart("planes", planesPtr, byteLength, "target", targetPtr, byteLength);
    this.#exports[`encodeDelta${deltaBits(width)}`](sourcePtr, targetPtr, count, planesPtr);
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
    this.#check("source", sourcePtr, byteLength, width);
    this.#check("planes", planesPtr, byteLength, 1);
    this.#check("target", targetPtr, byteLength, width);
    assertApart("target", targetPtr, byteLength, "planes", planesPtr, byteLength);
    this.#exports[`decodeDelta${deltaBits(width)}`](sourcePtr, planesPtr, count, targetPtr);
  }

  #checkCells(cellsPtr: number, cellCount: number): void {
    if (!(cellCount >= 1)) throw outOfBounds("cells", cellCount, 1);
    this.#check("cells", cellsPtr, cellCount * cellBytes, 8);
  }

  #checkVectors(type: VectorType, count: number, ptrs: Readonly<Record<string, number>>): void {
    const width = vectorBytes[type];
    for (const [what, ptr] of Object.entries(ptrs)) this.#check(what, ptr, count * width, width);
  }

  #checkMerge(reference: SortedKeys, current: SortedKeys, statePtr: number): void {
    this.#check("reference keys", reference.ptr, reference.count * 8, 8);
    this.#check("current keys", current.ptr, current.count * 8, 8);
    this.#check("state", statePtr, mergeStateBytes, 8);
  }

  #checkCounts(reference: number, current: number, slotCount: number, outPtr: number, words: number): void {
    this.#check("reference counts", reference, slotCount * 8, 8);
    this.#check("current counts", current, slotCount * 8, 8);
    this.#check("out", outPtr, words * 8, 8);
  }

  #checkColumn(type: NumericType, slice: ColumnSlice): void {
    this.#check("values", slice.valuesPtr, slice.rowCount * bytesOf(type), bytesOf(type));
    if (slice.validityPtr === 0) return;
    if (!(slice.validityBitOffset >= 0)) throw outOfBounds("validity bit offset", slice.validityBitOffset, 0);
    this.#check("validity", slice.validityPtr, Math.ceil((slice.validityBitOffset + slice.rowCount) / 8), 1);
  }

  #check(what: string, ptr: number, byteLength: number, alignment: number): void {
    const end = this.memory.buffer.byteLength;
    if (!(ptr >= kernelReservedBytes && byteLength >= 0 && ptr + byteLength <= end)) {
      throw outOfBounds(what, ptr + byteLength, end);
    }
    if (ptr % alignment !== 0) {
      throw new MendlineError(
        "MENDLINE_KERNEL_BOUNDS",
        `${what} at ${ptr} is not aligned to ${alignment} bytes`,
      );
    }
  }
}

function upper<T extends string>(type: T): Upper<T> {
  return type.toUpperCase() as Upper<T>;
}

function deltaBits(width: 2 | 4 | 8): 16 | 32 | 64 {
  return width === 2 ? 16 : width === 4 ? 32 : 64;
}

/** Regions that a kernel reads after it has begun to write may not overlap. */
function assertApart(
  what: string,
  ptr: number,
  byteLength: number,
  other: string,
  otherPtr: number,
  otherByteLength: number,
): void {
  if (ptr + byteLength <= otherPtr || otherPtr + otherByteLength <= ptr) return;
  throw new MendlineError(
    "MENDLINE_KERNEL_BOUNDS",
    `${what} at ${ptr} overlaps ${other} at ${otherPtr}: they must lie apart`,
  );
}

function outOfBounds(what: string, value: number, end: number): MendlineError {
  return new MendlineError(
    "MENDLINE_KERNEL_BOUNDS",
    `${what}: ${value} is outside its bounds, which end at ${end}`,
  );
}
