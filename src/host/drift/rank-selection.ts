/**
 * Exact order statistics of one feature in bounded memory: radix selection on sortable keys, in several reads of the same data.
 *
 * A read counts keys by the digit behind each cell, a cell being a range of keys that holds a wanted rank; the next read looks only at
 * the counters that hold one. A cell is settled once it can hold, or was seen to hold, one single key. When all keys left in cells fit
 * the counters' room, one read gathers and sorts them, and everything is known.
 *
 *     read 1   one cell, all finite values of the type: 131,072 counters = the leading 17 bits
 *     read 2+  at most bins + 254 cells, between the smallest and the largest key found: 8 bits or more each
 *     last     gathers 65,536 keys at most
 *
 * So 64-bit keys take 8 reads at the worst; real columns of up to 10^8 rows take 3 or 4, 8- and 16-bit integers one.
 */
import { selectionCounters } from "../../limits.js";
import { cellBytes, type Kernels } from "../kernels/kernels.js";
import { keyKindOf, type NumericType, rangeOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { valuesDiffer } from "./block-reads.js";
import { bitLength } from "./exact-moments.js";
import { type KnownKey, SelectedSample } from "./selected-sample.js";
import { keyOfValue, valueOfKey } from "./sorted-sample.js";

/** Where the sort of gathered keys works; shared by the features of a group. */
export interface SortRoom {
  /** 4 bytes a counter. */
  readonly scratchPtr: number;
  /** `sortCounterBytes`. */
  readonly countersPtr: number;
}

export interface SelectionOptions {
  readonly type: NumericType;
  /** Names the data and the feature in messages. */
  readonly label: string;
  /** The wanted ranks among n finite values, ascending, `ranksMax` at most. */
  readonly ranksOf: (count: number) => readonly number[];
  readonly ranksMax: number;
  /** u32 counters, at least two a rank; fewer mean more reads, never another result. */
  readonly counters?: number;
}

interface Cell {
  readonly low: bigint;
  readonly high: bigint;
  /** Finite keys below the cell. */
  readonly base: number;
  /** Keys inside; unknown before the first read. */
  readonly count: number | null;
}

interface PlacedCell extends Cell {
  readonly shift: number;
  readonly firstCounter: number;
}

export class RankSelection {
  readonly type: NumericType;
  readonly #kernels: Kernels;
  readonly #label: string;
  readonly #ranksOf: (count: number) => readonly number[];
  readonly #cellsPtr: number;
  readonly #countersPtr: number;
  readonly #counters: number;
  readonly #known = new Map<number, KnownKey>();
  #ranks: readonly number[] = [];
  #cells: readonly PlacedCell[];
  #isGathering = false;
  #gathered = 0;
  #isFirst = true;
  #count = 0;
  #minusInfinities = 0;
  #finite = 0;
  #extremes: readonly [bigint, bigint] | null = null;

  /** Its memory belongs to `scope`: see `selectionBytes`. */
  constructor(kernels: Kernels, scope: Scope, options: SelectionOptions) {
    this.type = options.type;
    this.#kernels = kernels;
    this.#label = options.label;
    this.#ranksOf = options.ranksOf;
    this.#counters = options.counters ?? selectionCounters;
    this.#cellsPtr = scope.allocate(Math.max(1, options.ranksMax) * cellBytes);
    this.#countersPtr = scope.allocate(this.#counters * 4);
    this.#cells = placed([wholeRange(options.type)], this.#counters);
  }

  get isDone(): boolean {
    return this.#cells.length === 0;
  }

  /** Finite values; known after the first read. */
  get finiteCount(): number {
    return this.#finite;
  }

  /** Keys that the counters' room holds while they are gathered. */
  get #gatheredMax(): number {
    return Math.floor(this.#counters / 2);
  }

  /** Before each read of the data. */
  begin(): void {
    this.#gathered = 0;
    new Uint32Array(this.#kernels.memory.buffer, this.#countersPtr, this.#counters).fill(0);
    const wide = new BigUint64Array(this.#kernels.memory.buffer, this.#cellsPtr, this.#cells.length * 5);
    const narrow = new Uint32Array(this.#kernels.memory.buffer, this.#cellsPtr, this.#cells.length * 10);
    for (const [index, { low, high, shift, firstCounter }] of this.#cells.entries()) {
      // Nothing found yet: the smallest key stands at the high end, the largest at the low end.
      wide.set([low, high, high, low], index * 5);
      narrow.set([shift, firstCounter], index * 10 + 8);
    }
  }

  /** Keys of present values, infinities included, as `keysFrom` writes them. */
  add(keysPtr: number, keyCount: number): void {
    if (this.#isGathering) this.#gather(keysPtr, keyCount);
    else this.#countKeys(keysPtr, keyCount);
  }

  #countKeys(keysPtr: number, keyCount: number): void {
    const below = this.#kernels.countInCells(
      keysPtr,
      keyCount,
      this.#cellsPtr,
      this.#cells.length,
      this.#countersPtr,
      this.#counters,
    );
    if (!this.#isFirst) return;
    this.#count += keyCount;
    this.#minusInfinities += below;
  }

  /** @throws MendlineError MENDLINE_DATA_MALFORMED  this read gave other values than the one before */
  end(room: SortRoom): void {
    if (this.#isGathering) this.#settleGathered(room);
    else this.#narrow();
    this.#isFirst = false;
  }

  result(): SelectedSample {
    const [min, max] = this.#extremes ?? [0n, 0n];
    return new SelectedSample(
      this.type,
      { present: this.#count, finite: this.#finite, minusInfinities: this.#minusInfinities },
      this.#known,
      { min: valueOfKey(min, this.type), max: valueOfKey(max, this.type) },
    );
  }

  #gather(keysPtr: number, keyCount: number): void {
    this.#gathered += this.#kernels.gatherInCells(
      keysPtr,
      keyCount,
      this.#cellsPtr,
      this.#cells.length,
      this.#countersPtr + this.#gathered * 8,
      this.#gatheredMax - this.#gathered,
    );
    if (this.#gathered > this.#gatheredMax) throw valuesDiffer(this.#label);
  }

  /** From counters to the cells of the next read. */
  #narrow(): void {
    const counters = new Uint32Array(this.#kernels.memory.buffer, this.#countersPtr, this.#counters);
    const found = new BigUint64Array(this.#kernels.memory.buffer, this.#cellsPtr, this.#cells.length * 5);
    const next: Cell[] = [];
    for (const [index, cell] of this.#cells.entries()) {
      const held = counters.subarray(cell.firstCounter, cell.firstCounter + counterCountOf(cell));
      const total = held.reduce((sum, count) => sum + count, 0);
      const [min, max] = [found[index * 5 + 2]!, found[index * 5 + 3]!];
      if (this.#isFirst) this.#beginRanks(total, min, max);
      else if (total !== cell.count) throw valuesDiffer(this.#label);
      if (total > 0) next.push(...this.#narrowed({ ...cell, count: total }, held, min, max));
    }
    this.#goOn(next);
  }

  #beginRanks(finite: number, min: bigint, max: bigint): void {
    this.#finite = finite;
    this.#ranks = finite === 0 ? [] : this.#ranksOf(finite);
    if (finite > 0) this.#extremes = [min, max];
  }

  #narrowed(cell: PlacedCell, held: Uint32Array, min: bigint, max: bigint): Cell[] {
    if (min === max) {
      this.#settle({ key: min, below: cell.base, upTo: cell.base + cell.count! });
      return [];
    }
    const next: Cell[] = [];
    let base = cell.base;
    let rankIndex = this.#firstRankFrom(base);
    for (let digit = 0; digit < held.length && rankIndex < this.#ranks.length; digit++) {
      const count = held[digit]!;
      if (this.#ranks[rankIndex]! < base + count) {
        const low = cell.low + (BigInt(digit) << BigInt(cell.shift));
        const high = low + (1n << BigInt(cell.shift)) - 1n;
        const inner = { low: low < min ? min : low, high: high > max ? max : high, base, count };
        if (inner.low === inner.high) this.#settle({ key: inner.low, below: base, upTo: base + count });
        else next.push(inner);
        rankIndex = this.#firstRankFrom(base + count);
      }
      base += count;
    }
    return next;
  }

  #goOn(cells: readonly Cell[]): void {
    const left = cells.reduce((sum, { count }) => sum + count!, 0);
    this.#isGathering = left <= this.#gatheredMax;
    this.#cells = placed(cells, this.#counters);
  }

  #settleGathered({ scratchPtr, countersPtr }: SortRoom): void {
    const expected = this.#cells.reduce((sum, { count }) => sum + count!, 0);
    if (this.#gathered !== expected) throw valuesDiffer(this.#label);
    this.#kernels.sortKeys(this.#countersPtr, this.#gathered, scratchPtr, countersPtr);
    const keys = new BigUint64Array(this.#kernels.memory.buffer, this.#countersPtr, this.#gathered);
    let from = 0;
    for (const { low, high, base, count } of this.#cells) {
      const inside = keys.subarray(from, from + count!);
      if (inside[0]! < low || inside.at(-1)! > high) throw valuesDiffer(this.#label);
      for (let begin = 0; begin < inside.length; ) {
        let end = begin + 1;
        while (end < inside.length && inside[end] === inside[begin]) end += 1;
        this.#settle({ key: inside[begin]!, below: base + begin, upTo: base + end });
        begin = end;
      }
      from += count!;
    }
    this.#cells = [];
  }

  /** Every wanted rank that this key holds. */
  #settle(known: KnownKey): void {
    for (let i = this.#firstRankFrom(known.below); i < this.#ranks.length; i++) {
      if (this.#ranks[i]! >= known.upTo) return;
      this.#known.set(this.#ranks[i]!, known);
    }
  }

  #firstRankFrom(rank: number): number {
    let low = 0;
    let high = this.#ranks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranks[middle]! < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What one selection takes of the arena. */
export function selectionBytes(ranksMax: number): number {
  return ranksMax * cellBytes + selectionCounters * 4 + 128;
}

/** The finite keys of a type; the infinities stand outside. */
function wholeRange(type: NumericType): Cell {
  const { lowest, highest } = rangeOf(type);
  const kind = keyKindOf(type);
  return { low: keyOfValue(lowest, kind), high: keyOfValue(highest, kind), base: 0, count: null };
}

/** Shares the counters out, as many to each cell: a power of two, and never more than the cell has keys. */
function placed(cells: readonly Cell[], counters: number): PlacedCell[] {
  const digitBits = Math.floor(Math.log2(counters / Math.max(1, cells.length)));
  let firstCounter = 0;
  return cells.map((cell) => {
    const shift = Math.max(0, bitLength(cell.high - cell.low) - digitBits);
    const one = { ...cell, shift, firstCounter };
    firstCounter += counterCountOf(one);
    return one;
  });
}

function counterCountOf({ low, high, shift }: Pick<PlacedCell, "low" | "high" | "shift">): number {
  return Number((high - low) >> BigInt(shift)) + 1;
}
