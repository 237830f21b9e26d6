// What the host can call: one export a kernel and type. Pointers in, numbers out; no allocation, no strings, no mutable globals.
// Pointers and counts are unsigned; an i32 that JavaScript gets back is to be read with `>>> 0`.

import { buildCellTable, cellTableBytes } from "./cell-table";
import { cellWorkBytes, countByCells } from "./count-cells";
import { countByEdges, edgeWorkBytes } from "./count-edges";
import { categoryWorkBytes as categoryBytes, countCategories } from "./count-categories";
import { addKeyPowersExactly, addKeysExactly } from "./exact-sum";
import { keysFrom } from "./keys";
import { ksStep } from "./ks";
import { moments } from "./moments";
import { wassersteinStep } from "./wasserstein";

export { countPresent } from "./bitmap";
export { divergenceFromCounts, divergenceWithFloor } from "./divergence";
export { ksFromCounts } from "./ks";
export { countInCells, gatherInCells } from "./select";
export { countDigits, findVaryingBits, insertKeys, scatterKeys, startsFromCounts } from "./sort";
export {
  decodeDelta16,
  decodeDelta32,
  decodeDelta64,
  encodeDelta16,
  encodeDelta32,
  encodeDelta64,
} from "./delta";
export {
  blendBF16,
  blendF16,
  blendF32,
  blendF64,
  narrowBF16,
  narrowF16,
  scaleBF16,
  scaleF16,
  scaleF32,
  scaleF64,
  subtractBF16,
  subtractF16,
  subtractF32,
  subtractF64,
  widenBF16,
  widenF16,
} from "./vectors";
export { compareVectorsBF16, compareVectorsF16, compareVectorsF32, compareVectorsF64 } from "./vectors-compare";
export { weightedSumF32, weightedSumF64 } from "./weighted";

export function countByEdgesF32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<f32>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesF64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<f64>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesI8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<i8>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesI16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<i16>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesI32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<i32>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesI64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<i64>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesU8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<u8>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesU16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<u16>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesU32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<u32>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countByEdgesU64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByEdges<u64>(valuesPtr, valueCount, validityPtr, bitOffset, edgesPtr, edgeCount, countsPtr);
}

export function countCategoriesI8(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<i8>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function countCategoriesI16(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<i16>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function countCategoriesI32(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<i32>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function countCategoriesU8(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<u8>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function countCategoriesU16(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<u16>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function countCategoriesU32(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  countCategories<u32>(
    codesPtr,
    codeCount,
    validityPtr,
    bitOffset,
    remapPtr,
    remapCount,
    missingSlot,
    slotCount,
    countsPtr,
  );
}

export function keysFromF32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<f32>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromF64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<f64>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromI8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<i8>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromI16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<i16>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromI32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<i32>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromI64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<i64>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromU8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<u8>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromU16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<u16>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromU32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<u32>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function keysFromU64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  return keysFrom<u64>(valuesPtr, valueCount, validityPtr, bitOffset, keysPtr);
}

export function momentsF32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<f32>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsF64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<f64>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsI8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<i8>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsI16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<i16>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsI32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<i32>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsI64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<i64>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsU8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<u8>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsU16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<u16>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsU32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<u32>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function momentsU64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  moments<u64>(valuesPtr, valueCount, validityPtr, bitOffset, outPtr);
}

export function addKeysExactlyF64(keysPtr: usize, count: u32, wordsPtr: usize): void {
  addKeysExactly<f64>(keysPtr, count, wordsPtr);
}

export function addKeyPowersExactlyF64(keysPtr: usize, count: u32, mean: f64, wordsPtr: usize): void {
  addKeyPowersExactly<f64>(keysPtr, count, mean, wordsPtr);
}

export function addKeysExactlyI64(keysPtr: usize, count: u32, wordsPtr: usize): void {
  addKeysExactly<i64>(keysPtr, count, wordsPtr);
}

export function addKeyPowersExactlyI64(keysPtr: usize, count: u32, mean: f64, wordsPtr: usize): void {
  addKeyPowersExactly<i64>(keysPtr, count, mean, wordsPtr);
}

export function addKeysExactlyU64(keysPtr: usize, count: u32, wordsPtr: usize): void {
  addKeysExactly<u64>(keysPtr, count, wordsPtr);
}

export function addKeyPowersExactlyU64(keysPtr: usize, count: u32, mean: f64, wordsPtr: usize): void {
  addKeyPowersExactly<u64>(keysPtr, count, mean, wordsPtr);
}

export function countByCellsF32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<f32>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsF64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<f64>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsI8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<i8>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsI16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<i16>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsI32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<i32>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsI64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<i64>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsU8(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<u8>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsU16(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<u16>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsU32(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<u32>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function countByCellsU64(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  countByCells<u64>(valuesPtr, valueCount, validityPtr, bitOffset, tablePtr, edgeCount, countsPtr);
}

export function buildCellTableF32(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<f32>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableF64(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<f64>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableI8(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<i8>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableI16(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<i16>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableI32(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<i32>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableI64(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<i64>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableU8(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<u8>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableU16(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<u16>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableU32(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<u32>(edgesPtr, edgeCount, tablePtr);
}

export function buildCellTableU64(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  buildCellTable<u64>(edgesPtr, edgeCount, tablePtr);
}

export function cellTableBytes32(edgeCount: u32): u32 {
  return cellTableBytes<u32>(edgeCount);
}

export function cellTableBytes64(edgeCount: u32): u32 {
  return cellTableBytes<u64>(edgeCount);
}

/** Of one kind: keys compare as they are. */
export function ksStepKeys(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return ksStep<u64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function ksStepF64I64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return ksStep<f64, i64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function ksStepF64U64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return ksStep<f64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function ksStepI64U64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return ksStep<i64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepF64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<f64, f64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepI64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<i64, i64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepU64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<u64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepF64I64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<f64, i64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepF64U64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<f64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

export function wassersteinStepI64U64(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  return wassersteinStep<i64, u64>(referencePtr, referenceCount, currentPtr, currentCount, keysMax, statePtr);
}

/** Bytes that counting by so many edges works in, by compares or by a table. */
export function countWorkBytes(edgeCount: u32): u32 {
  return max<u32>(cellWorkBytes(edgeCount), edgeWorkBytes(edgeCount));
}

/** Bytes that counting categories works in, its output at the beginning. */
export function categoryWorkBytes(slotCount: u32): u32 {
  return categoryBytes(slotCount);
}
