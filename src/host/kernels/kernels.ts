/**
 * One typed wrapper a kernel, by families, each of which has its file. All arguments are plain integers (and scales), so that the same
 * call can be posted to a worker.
 */
import { VectorKernels } from "./vectors.js";

export type { ColumnSlice } from "./checked.js";
export { cellEdgesMin, momentWords } from "./counting.js";
export type { VectorType } from "./exports.js";
export { ksNumeratorAt, mergeStateBytes, type SortedKeys, wassersteinAt } from "./merge-steps.js";
export { sortCounterBytes } from "./sort-steps.js";
export { cellBytes, exactSumBytes } from "./sorting.js";
export { compareWords, type WeightedVector, weightedEntryBytes } from "./vectors.js";

/** All of them, over one instance of the module. */
export class Kernels extends VectorKernels {}
