/** Counts of columns by edges and by categories, moments, and what follows from counts. */
import { edgesMax } from "../../limits.js";
import { CheckedKernels, type ColumnSlice, outOfBounds, upper } from "./checked.js";
import { bytesOf, type CodeType, type NumericType } from "./types.js";

/**
 * From so many edges on the cell table is cheaper than a compare an edge. Measured on one core: 0.04 ns an edge and value against
 * 0.92 ns a value, f32; 64-bit types would gain from 15 on.
 */
export const cellEdgesMin = 24;
/** f64 words that `moments` writes. */
export const momentWords = 7;

export class CountingKernels extends CheckedKernels {
  /** Bytes that `countByEdges` and `countByCells` work in. */
  countWorkBytes(edgeCount: number): number {
    return this.exports.countWorkBytes(edgeCount) >>> 0;
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
    this.checkColumn(type, slice);
    this.check("edges", edgesPtr, edgeCount * bytesOf(type), bytesOf(type));
    this.check("work", workPtr, this.countWorkBytes(edgeCount), 8);
    this.exports[`countByEdges${upper(type)}`](
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
    const { cellTableBytes32, cellTableBytes64 } = this.exports;
    return (bytesOf(type) === 8 ? cellTableBytes64 : cellTableBytes32)(edgeCount) >>> 0;
  }

  /** Builds what `countByCells` counts by, edges included: they may be released afterwards. */
  buildCellTable(type: NumericType, edgesPtr: number, edgeCount: number, tablePtr: number): void {
    if (edgeCount > edgesMax) throw outOfBounds("edges", edgeCount, edgesMax);
    this.check("edges", edgesPtr, edgeCount * bytesOf(type), bytesOf(type));
    this.check("cell table", tablePtr, this.cellTableBytes(type, edgeCount), 8);
    this.exports[`buildCellTable${upper(type)}`](edgesPtr, edgeCount, tablePtr);
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
    this.checkColumn(type, slice);
    this.check("cell table", tablePtr, this.cellTableBytes(type, edgeCount), 8);
    this.check("work", workPtr, this.countWorkBytes(edgeCount), 8);
    this.exports[`countByCells${upper(type)}`](
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
    return this.exports.categoryWorkBytes(slotCount) >>> 0;
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
    this.checkColumn(type, slice);
    this.check("remap", remapPtr, remapCount * 4, 4);
    this.check("counts", workPtr, (slotCount + 1) * 4, 4);
    this.check("work", workPtr, this.categoryWorkBytes(slotCount), 4);
    if (!(missingSlot >= 0 && missingSlot < slotCount))
      throw outOfBounds("missing slot", missingSlot, slotCount);
    this.exports[`countCategories${upper(type)}`](
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

  /** out: f64 * 7, see assembly/moments.ts. */
  moments(type: NumericType, slice: ColumnSlice, outPtr: number): void {
    this.checkColumn(type, slice);
    this.check("moments", outPtr, momentWords * 8, 8);
    const { valuesPtr, rowCount, validityPtr, validityBitOffset } = slice;
    this.exports[`moments${upper(type)}`](valuesPtr, rowCount, validityPtr, validityBitOffset, outPtr);
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
    this.exports.divergenceFromCounts(referencePtr, currentPtr, slotCount, smoothing, outPtr);
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
    this.exports.divergenceWithFloor(referencePtr, currentPtr, slotCount, floor, outPtr);
  }

  /** out: f64 * 3: numerator, n, m. */
  ksFromCounts(referencePtr: number, currentPtr: number, binCount: number, outPtr: number): void {
    this.#checkCounts(referencePtr, currentPtr, binCount, outPtr, 3);
    this.exports.ksFromCounts(referencePtr, currentPtr, binCount, outPtr);
  }

  #checkCounts(reference: number, current: number, slotCount: number, outPtr: number, words: number): void {
    this.check("reference counts", reference, slotCount * 8, 8);
    this.check("current counts", current, slotCount * 8, 8);
    this.check("out", outPtr, words * 8, 8);
  }
}
