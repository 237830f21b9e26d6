/** The kernels' binary interface, written by hand: what assembly/index.ts exports. All arguments are numbers; u32 results are signed. */
import type { MergeExports } from "./merge-steps.js";
import type { SortExports } from "./sort-steps.js";
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

/** Storage types of parameter vectors. */
export type VectorType = "f32" | "f64" | "f16" | "bf16";

type CompareVectors = (sourcePtr: number, targetPtr: number, count: number, outPtr: number) => void;
type OverCounts = (
  referencePtr: number,
  currentPtr: number,
  slotCount: number,
  smoothing: number,
  outPtr: number,
) => void;
type Blend = (sourcePtr: number, targetPtr: number, count: number, scale: number, outPtr: number) => number;
type Scale = (sourcePtr: number, count: number, factor: number, outPtr: number) => number;
type Subtract = (sourcePtr: number, targetPtr: number, count: number, outPtr: number) => number;
type WeightedSum = (tablePtr: number, vectorCount: number, count: number, outPtr: number) => number;
/** Encoding reads the target and writes planes, decoding the other way round. */
type DeltaStep = (sourcePtr: number, fromPtr: number, count: number, outPtr: number) => void;

export type KernelExports = SortExports &
  MergeExports & {
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
    [K in KeyKind as `addKeysExactly${Uppercase<K>}`]: (
      keysPtr: number,
      count: number,
      wordsPtr: number,
    ) => void;
  } & {
    [K in KeyKind as `addKeyPowersExactly${Uppercase<K>}`]: (
      keysPtr: number,
      count: number,
      mean: number,
      wordsPtr: number,
    ) => void;
  } & { [K in NumericType as `moments${Uppercase<K>}`]: OverColumn<void> } & {
    [K in VectorType as `subtract${Uppercase<K>}`]: Subtract;
  } & { [K in VectorType as `scale${Uppercase<K>}`]: Scale } & {
    [K in VectorType as `blend${Uppercase<K>}`]: Blend;
  } & { [K in VectorType as `compareVectors${Uppercase<K>}`]: CompareVectors } & {
    [K in 16 | 32 | 64 as `encodeDelta${K}`]: DeltaStep;
  } & { [K in 16 | 32 | 64 as `decodeDelta${K}`]: DeltaStep } & {
    cellTableBytes32(edgeCount: number): number;
    cellTableBytes64(edgeCount: number): number;
    countWorkBytes(edgeCount: number): number;
    categoryWorkBytes(slotCount: number): number;
    countPresent(validityPtr: number, bitOffset: number, count: number): number;
    divergenceFromCounts: OverCounts;
    divergenceWithFloor: OverCounts;
    ksFromCounts(referencePtr: number, currentPtr: number, binCount: number, outPtr: number): void;
    countInCells(
      keysPtr: number,
      keyCount: number,
      cellsPtr: number,
      cellCount: number,
      countersPtr: number,
      counterCount: number,
    ): number;
    gatherInCells(
      keysPtr: number,
      keyCount: number,
      cellsPtr: number,
      cellCount: number,
      outPtr: number,
      outCount: number,
    ): number;
    weightedSumF32: WeightedSum;
    weightedSumF64: WeightedSum;
    widenBF16(sourcePtr: number, count: number, outPtr: number): void;
    widenF16(sourcePtr: number, count: number, outPtr: number): void;
    narrowBF16(sourcePtr: number, count: number, outPtr: number): number;
    narrowF16(sourcePtr: number, count: number, outPtr: number): number;
  };
