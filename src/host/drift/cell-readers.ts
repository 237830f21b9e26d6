/** Two readers of a column by ranges of its keys (assembly/select.ts): how many keys are in each, and the keys themselves. */
import type { Batch, Field } from "../columns/column.js";
import { cellBytes, type Kernels } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { type BlockReader, keyBlocks, valuesDiffer } from "./block-reads.js";
import { bitLength } from "./exact-moments.js";
import type { KeyRange } from "./key-cuts.js";

/** Where a column's keys come to: of one block at a time. */
export interface KeyedColumn {
  readonly field: Field;
  readonly label: string;
  readonly keysPtr: number;
}

/** Counters of a range: its width can take 64 bits, and a digit's shift 63. */
const countersOfRange = 2;

export class RangeCounter implements BlockReader {
  readonly field: Field;
  readonly #kernels: Kernels;
  readonly #keysPtr: number;
  readonly #ranges: readonly KeyRange[];
  /** Indexes of the ranges that can hold a key. */
  readonly #held: readonly number[];
  readonly #cellsPtr: number;
  readonly #countersPtr: number;

  /** @param ranges  in order, apart from each other */
  constructor(kernels: Kernels, scope: Scope, { field, keysPtr }: KeyedColumn, ranges: readonly KeyRange[]) {
    this.#kernels = kernels;
    this.field = field;
    this.#keysPtr = keysPtr;
    this.#ranges = ranges;
    this.#held = [...ranges.keys()].filter((index) => ranges[index]!.low <= ranges[index]!.high);
    this.#cellsPtr = writeCells(
      kernels,
      scope,
      this.#held.map((index) => ranges[index]!),
    );
    this.#countersPtr = scope.allocate(this.#held.length * countersOfRange * 4);
  }

  begin(): void {
    this.#counters.fill(0);
  }

  *steps(batch: Batch): Generator<void> {
    const cellCount = this.#held.length;
    for (const keyCount of keyBlocks(this.#kernels, batch, this.field.name, this.#keysPtr)) {
      const { length } = this.#counters;
      if (cellCount > 0) {
        this.#kernels.countInCells(
          this.#keysPtr,
          keyCount,
          this.#cellsPtr,
          cellCount,
          this.#countersPtr,
          length,
        );
      }
      yield;
    }
  }

  end(): void {}

  /** Keys in each range. */
  get counts(): number[] {
    const counts = new Array<number>(this.#ranges.length).fill(0);
    const counters = this.#counters;
    for (const [place, index] of this.#held.entries()) {
      counts[index] = counters[place * countersOfRange]! + counters[place * countersOfRange + 1]!;
    }
    return counts;
  }

  get #counters(): Uint32Array {
    const { buffer } = this.#kernels.memory;
    return new Uint32Array(buffer, this.#countersPtr, this.#held.length * countersOfRange);
  }
}

export class RangeGatherer implements BlockReader {
  readonly field: Field;
  readonly #kernels: Kernels;
  readonly #column: KeyedColumn;
  readonly #cellsPtr: number;
  readonly #cellCount: number;
  readonly #outPtr: number;
  readonly #outCount: number;
  #found = 0;

  /**
   * @param ranges    in order, apart from each other
   * @param outCount  keys that they hold together
   */
  constructor(
    kernels: Kernels,
    scope: Scope,
    column: KeyedColumn,
    ranges: readonly KeyRange[],
    { outPtr, outCount }: { outPtr: number; outCount: number },
  ) {
    this.#kernels = kernels;
    this.field = column.field;
    this.#column = column;
    const held = ranges.filter(({ low, high }) => low <= high);
    this.#cellCount = held.length;
    this.#cellsPtr = writeCells(kernels, scope, held);
    this.#outPtr = outPtr;
    this.#outCount = outCount;
  }

  begin(): void {
    this.#found = 0;
  }

  *steps(batch: Batch): Generator<void> {
    const { keysPtr } = this.#column;
    for (const keyCount of keyBlocks(this.#kernels, batch, this.field.name, keysPtr)) {
      if (this.#cellCount > 0) this.#gather(keyCount);
      yield;
    }
  }

  #gather(keyCount: number): void {
    const { keysPtr, label } = this.#column;
    const outPtr = this.#outPtr + this.#found * 8;
    const room = this.#outCount - this.#found;
    this.#found += this.#kernels.gatherInCells(
      keysPtr,
      keyCount,
      this.#cellsPtr,
      this.#cellCount,
      outPtr,
      room,
    );
    if (this.#found > this.#outCount) throw valuesDiffer(label);
  }

  end(): void {
    if (this.#found !== this.#outCount) throw valuesDiffer(this.#column.label);
  }
}

function writeCells(kernels: Kernels, scope: Scope, ranges: readonly KeyRange[]): number {
  const ptr = scope.allocate(ranges.length * cellBytes);
  const wide = new BigUint64Array(kernels.memory.buffer, ptr, (ranges.length * cellBytes) / 8);
  const narrow = new Uint32Array(kernels.memory.buffer, ptr, (ranges.length * cellBytes) / 4);
  for (const [index, { low, high }] of ranges.entries()) {
    wide.set([low, high, high, low], index * 5);
    narrow.set([Math.max(0, bitLength(high - low) - 1), index * countersOfRange], index * 10 + 8);
  }
  return ptr;
}
