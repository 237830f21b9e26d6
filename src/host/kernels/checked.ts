/**
 * What every wrapper of a kernel does first. Kernels trust their arguments: a misaligned load returns garbage quietly and a wild pointer
 * another region's bytes, so bounds and alignment are checked before every call, on every thread.
 */
import { MendlineError } from "../../errors.js";
import { kernelReservedBytes } from "../../limits.js";
import type { KernelExports } from "./exports.js";
import { bytesOf, type NumericType } from "./types.js";

/** A stretch of rows of one column. validityPtr 0 = every row is present. */
export interface ColumnSlice {
  readonly valuesPtr: number;
  readonly rowCount: number;
  readonly validityPtr: number;
  readonly validityBitOffset: number;
}

export class CheckedKernels {
  readonly memory: WebAssembly.Memory;
  protected readonly exports: KernelExports;

  constructor(exports: KernelExports, memory: WebAssembly.Memory) {
    this.exports = exports;
    this.memory = memory;
  }

  protected checkColumn(type: NumericType, slice: ColumnSlice): void {
    this.check("values", slice.valuesPtr, slice.rowCount * bytesOf(type), bytesOf(type));
    if (slice.validityPtr === 0) return;
    if (!(slice.validityBitOffset >= 0)) throw outOfBounds("validity bit offset", slice.validityBitOffset, 0);
    this.check("validity", slice.validityPtr, Math.ceil((slice.validityBitOffset + slice.rowCount) / 8), 1);
  }

  protected check(what: string, ptr: number, byteLength: number, alignment: number): void {
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

export function upper<T extends string>(type: T): Uppercase<T> {
  return type.toUpperCase() as Uppercase<T>;
}

/** Regions that a kernel reads after it has begun to write may not overlap. */
export function assertApart(
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

export function outOfBounds(what: string, value: number, end: number): MendlineError {
  return new MendlineError(
    "MENDLINE_KERNEL_BOUNDS",
    `${what}: ${value} is outside its bounds, which end at ${end}`,
  );
}
