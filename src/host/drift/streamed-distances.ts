/**
 * Exact distances of columns that are too long to sort, with the same bits as a result as sorting gives: both samples are cut at the same
 * known values into pieces that can be held (key-cuts.ts), and each read of the data gathers, sorts and merges as many as there is room
 * for. So the reads are about all keys' bytes by half of what is free.
 */
import { MendlineError } from "../../errors.js";
import { cutRanksMax, exactRowsProductMax, selectionBlockRows } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DataSource, Field } from "../columns/column.js";
import { sortCounterBytes } from "../kernels/kernels.js";
import { keyKindOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { readBlocks, type StreamOptions } from "./block-reads.js";
import { type KeyedColumn, RangeCounter, RangeGatherer } from "./cell-readers.js";
import { DistanceMerge, type Stretch } from "./distance-merge.js";
import { type KeyRange, type KnownKeys, type Piece, piecesOf, readsOf, unitsOf } from "./key-cuts.js";
import { NumericStream, streamRoom, streamsAtOnce } from "./numeric-stream.js";
import type { Moments } from "./profile.js";
import type { SampleDistances } from "./sample-distances.js";
import type { SelectedSample } from "./selected-sample.js";

/** A column of a source. */
export interface StreamedColumn {
  readonly source: DataSource;
  readonly field: Field;
}

export interface ColumnPair {
  readonly reference: StreamedColumn;
  readonly current: StreamedColumn;
}

/** Figures of a column's present values; moments of the finite ones. */
interface Known {
  readonly column: StreamedColumn;
  readonly sample: SelectedSample;
  readonly moments: Moments;
}

/** What a column's exact figures are made of. */
export interface ExactDistances extends SampleDistances {
  /** Present values. */
  readonly counts: { readonly reference: number; readonly current: number };
  readonly moments: { readonly reference: Moments; readonly current: Moments };
}

const sides = ["reference", "current"] as const;
type Side = (typeof sides)[number];

/** Keys of one unit, in parts of what can be held: small ones fill the room better, and are more to tell apart. */
const unitParts = 8;

/**
 * Numeric columns with rows on both sides, all references of one source and all currents of another.
 *
 * @throws MendlineError MENDLINE_MEMORY_EXHAUSTED  less is free than such long columns take; MENDLINE_DATA_LIMIT  more rows than exact
 * distances take; MENDLINE_DATA_MALFORMED  the data change between reads
 */
export async function streamedDistances(
  runtime: Runtime,
  pairs: readonly ColumnPair[],
  options: StreamOptions & {
    /** Keys that are held at once, 8 or more; fewer mean more reads, never another result. */
    readonly keysMax?: number;
  } = {},
): Promise<ExactDistances[]> {
  const keysMax = options.keysMax ?? keysAtOnce(runtime);
  const references = await knownColumns(
    runtime,
    pairs.map(({ reference }) => reference),
    keysMax,
    options,
  );
  const currents = await knownColumns(
    runtime,
    pairs.map(({ current }) => current),
    keysMax,
    options,
  );
  const found: ExactDistances[] = [];
  for (const [index, reference] of references.entries()) {
    found.push(await distancesOf(runtime, { reference, current: currents[index]! }, keysMax, options));
  }
  return found;
}

/** Keys that are held, each with a place in the sort's scratch; half of the memory is for batches. */
function keysAtOnce({ arena }: Runtime): number {
  return Math.floor((arena.availableBytes / 2 - sortCounterBytes) / 16);
}

/** Columns of one source, as many at once as there is room for. */
async function knownColumns(
  runtime: Runtime,
  columns: readonly StreamedColumn[],
  keysMax: number,
  options: StreamOptions,
): Promise<Known[]> {
  if (columns.length === 0) return [];
  const { source } = columns[0]!;
  const ranks = ranksEvery(Math.floor(keysMax / unitParts), source);
  const perGroup = streamsAtOnce(runtime, ranks.ranksMax);
  const known: Known[] = [];
  for (let from = 0; from < columns.length; from += perGroup) {
    const scope = runtime.arena.scope();
    try {
      const room = streamRoom(scope);
      const group = columns.slice(from, from + perGroup);
      const streams = group.map(
        ({ field }) =>
          new NumericStream(runtime.kernels, scope, room, { field, label: source.label, ...ranks }),
      );
      for (let open = streams; open.length > 0; open = open.filter(({ isDone }) => !isDone)) {
        await readBlocks(source, open, options);
      }
      for (const [index, { sample, moments }] of streams.entries()) {
        known.push({ column: group[index]!, sample, moments });
      }
    } finally {
      scope.close();
    }
  }
  return known;
}

/** The first and the last value, and one in `step` between them. */
function ranksEvery(step: number, source: DataSource): Pick<NumericStreamRanks, "ranksOf" | "ranksMax"> {
  const ranksMax = Math.ceil(source.rowCount / step) + 1;
  if (!(step >= 1 && ranksMax <= cutRanksMax)) {
    throw new MendlineError(
      "MENDLINE_MEMORY_EXHAUSTED",
      `${source.label} has ${source.rowCount} rows, for exact KS the engine's memory can hold ${cutRanksMax * Math.max(0, step)} a column at most: raise memoryBytes (--memory), or have KS bounded from counts (--ks binned)`,
    );
  }
  return {
    ranksMax,
    ranksOf: (count) => {
      const ranks = Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
      return ranks.at(-1) === count - 1 ? ranks : [...ranks, count - 1];
    },
  };
}

type NumericStreamRanks = ConstructorParameters<typeof NumericStream>[3];

async function distancesOf(
  runtime: Runtime,
  known: Readonly<Record<Side, Known>>,
  keysMax: number,
  options: StreamOptions,
): Promise<ExactDistances> {
  const { reference, current } = known;
  const counts = { reference: reference.sample.count, current: current.sample.count };
  if (BigInt(counts.reference) * BigInt(counts.current) > exactRowsProductMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `column "${reference.column.field.name}" has ${counts.reference} and ${counts.current} values, exact KS takes some 3 billion of each at most: have KS bounded from counts (--ks binned), or take a sample`,
    );
  }
  const scope = runtime.arena.scope();
  try {
    const merge = new DistanceMerge(runtime, scope, sizeOf(reference), sizeOf(current));
    const pieces = new Pieces(runtime, scope, known, keysMax, options);
    for (const read of readsOf(await pieces.plan(), keysMax)) await pieces.merge(read, merge);
    const moments = { reference: reference.moments, current: current.moments };
    return { ...merge.result(), counts, moments };
  } finally {
    scope.close();
  }
}

function sizeOf({ column, sample }: Known) {
  const { count, finiteCount, minusInfinities } = sample;
  return { kind: keyKindOf(column.field.type!), count, finiteCount, minusInfinities };
}

function knownKeysOf({ column, sample }: Known): KnownKeys {
  return { kind: keyKindOf(column.field.type!), keys: sample.known.map(({ key }) => key) };
}

/** The pieces of one pair of columns: where they are, and their way through memory. */
class Pieces {
  readonly #runtime: Runtime;
  readonly #known: Readonly<Record<Side, Known>>;
  readonly #keysMax: number;
  readonly #options: StreamOptions;
  /** Room for the keys of one block, for those of a read's pieces, and for the sort. */
  readonly #blockPtr: number;
  readonly #keysPtr: number;
  readonly #scratchPtr: number;
  readonly #countersPtr: number;

  constructor(
    runtime: Runtime,
    scope: Scope,
    known: Readonly<Record<Side, Known>>,
    keysMax: number,
    options: StreamOptions,
  ) {
    this.#runtime = runtime;
    this.#known = known;
    this.#keysMax = keysMax;
    this.#options = options;
    this.#blockPtr = scope.allocate(selectionBlockRows * 8);
    this.#countersPtr = scope.allocate(sortCounterBytes);
    this.#keysPtr = scope.allocate(keysMax * 8);
    this.#scratchPtr = scope.allocate(keysMax * 8);
  }

  async plan(): Promise<Piece[]> {
    const units = unitsOf(knownKeysOf(this.#known.reference), knownKeysOf(this.#known.current));
    const counts = { reference: [] as number[], current: [] as number[] };
    for (const side of sides) {
      counts[side] = await this.#countsOf(
        side,
        units.map((unit) => unit[side]),
      );
    }
    return piecesOf(units, counts, this.#keysMax);
  }

  /** Gathers the pieces' keys and adds what they say. */
  async merge(pieces: readonly Piece[], merge: DistanceMerge): Promise<void> {
    const { signal } = this.#options;
    const held = pieces.filter(({ isKey }) => !isKey);
    const referenceCount = held.reduce((sum, piece) => sum + piece.referenceCount, 0);
    const currentCount = held.reduce((sum, piece) => sum + piece.currentCount, 0);
    const stretches = {
      reference: { ptr: this.#keysPtr, count: referenceCount },
      current: { ptr: this.#keysPtr + referenceCount * 8, count: currentCount },
    };
    for (const side of sides) {
      await this.#gather(
        side,
        held.map((piece) => piece[side]),
        stretches[side],
      );
    }
    let { reference, current } = stretches;
    for (const piece of pieces) {
      if (piece.isKey) {
        await merge.addKey(
          [piece.reference.low, piece.current.low],
          [piece.referenceCount, piece.currentCount],
        );
        continue;
      }
      const [r, c] = [
        { ...reference, count: piece.referenceCount },
        { ...current, count: piece.currentCount },
      ];
      await merge.addKeys(r, c, signal);
      reference = behind(reference, r.count);
      current = behind(current, c.count);
    }
  }

  async #countsOf(side: Side, ranges: readonly KeyRange[]): Promise<number[]> {
    const scope = this.#runtime.arena.scope();
    try {
      const counter = new RangeCounter(this.#runtime.kernels, scope, this.#keyed(side), ranges);
      await readBlocks(this.#known[side].column.source, [counter], this.#options);
      return counter.counts;
    } finally {
      scope.close();
    }
  }

  /** The keys of a side's ranges, sorted. */
  async #gather(side: Side, ranges: readonly KeyRange[], { ptr, count }: Stretch): Promise<void> {
    if (count === 0) return;
    const { kernels, arena, scheduler } = this.#runtime;
    const scope = arena.scope();
    try {
      const out = { outPtr: ptr, outCount: count };
      const gatherer = new RangeGatherer(kernels, scope, this.#keyed(side), ranges, out);
      await readBlocks(this.#known[side].column.source, [gatherer], this.#options);
    } finally {
      scope.close();
    }
    const args = [ptr, count, this.#scratchPtr, this.#countersPtr] as const;
    const { signal } = this.#options;
    await scheduler.run([{ kernel: "sortKeys", args: [...args], workBytes: count * 8 }], { signal });
  }

  #keyed(side: Side): KeyedColumn {
    const { source, field } = this.#known[side].column;
    return { field, label: `${source.label}, column "${field.name}"`, keysPtr: this.#blockPtr };
  }
}

function behind({ ptr, count }: Stretch, passed: number): Stretch {
  return { ptr: ptr + passed * 8, count: count - passed };
}
