/** Values as sortable keys: their order, selections and exact sums of them, distances of two sorted samples. */
import { type ColumnSlice, outOfBounds, upper } from "./checked.js";
import { CountingKernels } from "./counting.js";
import { mergeStateBytes, mergeSteps, type SortedKeys } from "./merge-steps.js";
import { sortCounterBytes, sortSteps } from "./sort-steps.js";
import type { KeyKind, NumericType } from "./types.js";

/** Bytes of one exact sum, see assembly/exact-sum.ts. */
export const exactSumBytes = 68 * 8;
/** Bytes of a cell of `countInCells`, see assembly/select.ts. */
export const cellBytes = 40;

export class SortingKernels extends CountingKernels {
  /** Writes the sortable keys of the present values, u64 each, and returns how many. */
  keysFrom(type: NumericType, slice: ColumnSlice, keysPtr: number): number {
    this.checkColumn(type, slice);
    this.check("keys", keysPtr, slice.rowCount * 8, 8);
    const { valuesPtr, rowCount, validityPtr, validityBitOffset } = slice;
    return (
      this.exports[`keysFrom${upper(type)}`](valuesPtr, rowCount, validityPtr, validityBitOffset, keysPtr) >>>
      0
    );
  }

  /** scratch: as many bytes as the keys. counters: `sortCounterBytes`. */
  sortKeys(keysPtr: number, count: number, scratchPtr: number, countersPtr: number): void {
    for (const _ of this.sortSteps(keysPtr, count, scratchPtr, countersPtr));
  }

  /** The same in steps of `partitionRows` keys at most; in order only when the last one is done. */
  sortSteps(keysPtr: number, count: number, scratchPtr: number, countersPtr: number): Generator<void> {
    this.check("keys", keysPtr, count * 8, 8);
    this.check("scratch", scratchPtr, count * 8, 8);
    this.check("counters", countersPtr, sortCounterBytes, 8);
    return sortSteps(this.exports, this.memory, keysPtr, count, scratchPtr, countersPtr);
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
    this.check("keys", keysPtr, keyCount * 8, 8);
    this.check("counters", countersPtr, counterCount * 4, 4);
    this.#checkCells(cellsPtr, cellCount);
    return this.exports.countInCells(keysPtr, keyCount, cellsPtr, cellCount, countersPtr, counterCount) >>> 0;
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
    this.check("keys", keysPtr, keyCount * 8, 8);
    this.check("out", outPtr, outCount * 8, 8);
    this.#checkCells(cellsPtr, cellCount);
    return this.exports.gatherInCells(keysPtr, keyCount, cellsPtr, cellCount, outPtr, outCount) >>> 0;
  }

  /** The finite values of keys, widened to f64, summed without rounding. words: `exactSumBytes`, added to: zero them first. */
  addKeysExactly(kind: KeyKind, keysPtr: number, count: number, wordsPtr: number): void {
    this.check("keys", keysPtr, count * 8, 8);
    this.check("words", wordsPtr, exactSumBytes, 8);
    this.exports[`addKeysExactly${upper(kind)}`](keysPtr, count, wordsPtr);
  }

  /** Powers 2 to 4 of the same values' deviations, to three sums, which stand behind each other. */
  addKeyPowersExactly(kind: KeyKind, keysPtr: number, count: number, mean: number, wordsPtr: number): void {
    this.check("keys", keysPtr, count * 8, 8);
    this.check("words", wordsPtr, 3 * exactSumBytes, 8);
    this.exports[`addKeyPowersExactly${upper(kind)}`](keysPtr, count, mean, wordsPtr);
  }

  /** The same alone: words are overwritten. */
  sumKeysExactly(kind: KeyKind, keysPtr: number, count: number, wordsPtr: number): void {
    this.check("keys", keysPtr, count * 8, 8);
    this.check("words", wordsPtr, exactSumBytes, 8);
    new Uint8Array(this.memory.buffer, wordsPtr, exactSumBytes).fill(0);
    this.addKeysExactly(kind, keysPtr, count, wordsPtr);
  }

  sumKeyPowersExactly(kind: KeyKind, keysPtr: number, count: number, mean: number, wordsPtr: number): void {
    this.check("keys", keysPtr, count * 8, 8);
    this.check("words", wordsPtr, 3 * exactSumBytes, 8);
    new Uint8Array(this.memory.buffer, wordsPtr, 3 * exactSumBytes).fill(0);
    this.addKeyPowersExactly(kind, keysPtr, count, mean, wordsPtr);
  }

  /** The state's answer, `ksNumeratorAt`: the numerator of D over n m, below 2^63. state: `mergeStateBytes`. */
  ksFromSortedKeys(reference: SortedKeys, current: SortedKeys, statePtr: number): void {
    for (const _ of this.ksSteps(reference, current, statePtr));
  }

  /** The same in steps of `partitionRows` keys at most. */
  ksSteps(reference: SortedKeys, current: SortedKeys, statePtr: number): Generator<void> {
    this.#checkMerge(reference, current, statePtr);
    return mergeSteps(this.exports, "ks", this.memory, reference, current, statePtr);
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
    if (carriedPtr !== 0) this.check("carried state", carriedPtr, mergeStateBytes, 8);
    return mergeSteps(this.exports, "wasserstein", this.memory, reference, current, statePtr, carriedPtr);
  }

  #checkCells(cellsPtr: number, cellCount: number): void {
    if (!(cellCount >= 1)) throw outOfBounds("cells", cellCount, 1);
    this.check("cells", cellsPtr, cellCount * cellBytes, 8);
  }

  #checkMerge(reference: SortedKeys, current: SortedKeys, statePtr: number): void {
    this.check("reference keys", reference.ptr, reference.count * 8, 8);
    this.check("current keys", current.ptr, current.count * 8, 8);
    this.check("state", statePtr, mergeStateBytes, 8);
  }
}
