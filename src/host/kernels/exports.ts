/** The kernels' binary interface, written by hand: what assembly/index.ts exports. All arguments are numbers; u32 results are signed. */
import type { CodeType, KeyKind, NumericType } from "./types.js";

type CountByEdges = (
  valuesPtr: number,
  valueCount: number,
  validityPtr: number,
  bitOffset: number,
  /** Or the cell table's. */
  edgesPtr: number,
  edgeCount: number,
  countsPtr: number,
) => void;

type CountCategories = (
  codesPtr: number,
  codeCount: number,
  validityPtr: number,
  bitOffset: number,
  remapPtr: number,
  remapCount: number,
  missingSlot: number,
  slotCount: number,
  countsPtr: number,
) => void;

type OverColumn<R> = (
  valuesPtr: number,
  valueCount: number,
  validityPtr: number,
  bitOffset: number,
  outPtr: number,
) => R;

type CompareVectors = (sourcePtr: number, targetPtr: number, count: number, outPtr: number) => void;
type OverCounts = (
  referencePtr: number,
  currentPtr: number,
  slotCount: number,
  smoothing: number,
  outPtr: number,
) => void;
type Blend = (sourcePtr: number, targetPtr: number, count: number, scale: number, outPtr: number) => number;

export type KernelExports = {
  [K in NumericType as `countByEdges${Uppercase<K>}`]: CountByEdges;
} & {
  [K in NumericType as `countByCells${Uppercase<K>}`]: CountByEdges;
} & {
  [K in NumericType as `buildCellTable${Uppercase<K>}`]: (
    edgesPtr: number,
    edgeCount: number,
    tablePtr: number,
  ) => void;
} & { [K in CodeType as `countCategories${Uppercase<K>}`]: CountCategories } & {
  [K in NumericType as `keysFrom${Uppercase<K>}`]: OverColumn<number>;
} & {
  [K in KeyKind as `valuesFromKeys${Uppercase<K>}`]: (keysPtr: number, count: number, outPtr: number) => void;
} & { [K in NumericType as `moments${Uppercase<K>}`]: OverColumn<void> } & {
  cellTableBytes32(edgeCount: number): number;
  cellTableBytes64(edgeCount: number): number;
  compareVectorsF32: CompareVectors;
  compareVectorsF64: CompareVectors;
  countPresent(validityPtr: number, bitOffset: number, count: number): number;
  divergenceFromCounts: OverCounts;
  divergenceWithFloor: OverCounts;
  ksFromCounts(referencePtr: number, currentPtr: number, binCount: number, outPtr: number): void;
  ksFromSortedKeys(
    referencePtr: number,
    referenceCount: number,
    currentPtr: number,
    currentCount: number,
    outPtr: number,
  ): void;
  sortKeys(keysPtr: number, count: number, scratchPtr: number, countersPtr: number): void;
  blendF32: Blend;
  blendF64: Blend;
  scaleF32(sourcePtr: number, count: number, scale: number, outPtr: number): number;
  subtractF32(sourcePtr: number, targetPtr: number, count: number, outPtr: number): number;
};
