/**
 * Profiles of columns that are too long to sort: the data are read several times, each time in pieces, with the same bytes as a result
 * as sorting gives. Quantiles and counts come from `RankSelection`, moments from `ExactMoments`, categories from one read.
 */
import { MendlineError } from "../../errors.js";
import { ksBins, selectionBlockRows, selectionCounters, selectionRowsMax } from "../../limits.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import { exactSumBytes, type Kernels, sortCounterBytes } from "../kernels/kernels.js";
import { keyKindOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { collectBatch } from "./collecting.js";
import { sliceOf } from "./counter.js";
import { ExactMoments } from "./exact-moments.js";
import { categoricalProfile, numericProfile, profileRanks } from "./feature-profile.js";
import type { FeatureProfile } from "./profile.js";
import { RankSelection, type SortRoom, selectionBytes } from "./rank-selection.js";
import { TextCollector } from "./text-collector.js";

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((rowsRead: number, rowsTotal: number) => void) | undefined;
}

/** Reads that a feature's moments take: the mean, then the powers. */
const momentReads = 2;

/** @throws MendlineError MENDLINE_DATA_MALFORMED  the data change between reads; MENDLINE_DATA_LIMIT  more than 4e9 rows */
export async function* streamedProfiles(
  runtime: Runtime,
  source: DataSource,
  fields: readonly Field[],
  bins: number,
  options: StreamOptions = {},
): AsyncGenerator<Map<string, FeatureProfile>> {
  if (source.rowCount > selectionRowsMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${source.label} has ${source.rowCount} rows, a profile takes ${selectionRowsMax} at most: split it, or take a sample`,
    );
  }
  const perGroup = featuresAtOnce(runtime, bins);
  for (let from = 0; from < fields.length; from += perGroup) {
    yield await streamGroup(runtime, source, fields.slice(from, from + perGroup), bins, options);
  }
}

/** As many as fit half of the free memory; the other half is for batches. */
function featuresAtOnce({ arena }: Runtime, bins: number): number {
  const shared = selectionBlockRows * 8 + selectionCounters * 4 + sortCounterBytes;
  const each = selectionBytes(bins + ksBins) + 4 * exactSumBytes + 64;
  return Math.max(1, Math.floor((arena.availableBytes / 2 - shared) / each));
}

async function streamGroup(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  bins: number,
  options: StreamOptions,
): Promise<Map<string, FeatureProfile>> {
  const scope = runtime.arena.scope();
  try {
    const keysPtr = scope.allocate(selectionBlockRows * 8);
    const room = {
      scratchPtr: scope.allocate(selectionCounters * 4),
      countersPtr: scope.allocate(sortCounterBytes),
    };
    const streams = group.map((field) =>
      field.type === null
        ? new TextStream(field, scope)
        : new NumericStream(runtime.kernels, scope, { field, bins, keysPtr, room, label: source.label }),
    );
    while (streams.some((stream) => !stream.isDone)) {
      await readOnce(
        runtime,
        source,
        streams.filter((stream) => !stream.isDone),
        options,
      );
    }
    return new Map(streams.map((stream) => [stream.field.name, stream.profile(source.rowCount)]));
  } finally {
    scope.close();
  }
}

async function readOnce(
  runtime: Runtime,
  source: DataSource,
  streams: readonly (NumericStream | TextStream)[],
  { signal, onProgress }: StreamOptions,
): Promise<void> {
  for (const stream of streams) stream.begin();
  let rowsRead = 0;
  const turns = new Turns();
  const texts = streams.filter((stream) => stream instanceof TextStream);
  const numbers = streams.filter((stream) => stream instanceof NumericStream);
  for await (const batch of source.read({
    columns: streams.map(({ field }) => field.name),
    ...(signal && { signal }),
  })) {
    rowsRead += batch.rowCount;
    if (rowsRead > source.rowCount) throw rowsDiffer(source, `${rowsRead} or more`);
    await collectBatch(
      runtime,
      texts.map(({ collector }) => collector),
      batch,
      signal,
    );
    for (const stream of numbers) {
      for (const _ of stream.steps(batch)) if (turns.isOver) await turns.next();
    }
    onProgress?.(rowsRead, source.rowCount);
  }
  if (rowsRead < source.rowCount) throw rowsDiffer(source, String(rowsRead));
  for (const stream of streams) {
    stream.end();
    if (turns.isOver) await turns.next();
  }
}

export function rowsDiffer({ label, rowCount }: DataSource, rowsRead: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label} held ${rowCount} rows when it was opened and now ${rowsRead}: keep it as it is while it is read`,
  );
}

class TextStream {
  readonly field: Field;
  readonly collector: TextCollector;
  isDone = false;

  constructor(field: Field, scope: Scope) {
    this.field = field;
    this.collector = new TextCollector(field, scope);
  }

  begin(): void {}

  end(): void {
    this.isDone = true;
  }

  profile(rows: number): FeatureProfile {
    return categoricalProfile(this.collector.sample(rows));
  }
}

class NumericStream {
  readonly field: Field;
  readonly #kernels: Kernels;
  readonly #selection: RankSelection;
  readonly #moments: ExactMoments;
  readonly #bins: number;
  readonly #keysPtr: number;
  readonly #room: SortRoom;
  #readsDone = 0;

  constructor(
    kernels: Kernels,
    scope: Scope,
    options: { field: Field; bins: number; keysPtr: number; room: SortRoom; label: string },
  ) {
    this.#kernels = kernels;
    this.field = options.field;
    this.#bins = options.bins;
    this.#keysPtr = options.keysPtr;
    this.#room = options.room;
    this.#moments = new ExactMoments(kernels, keyKindOf(this.field.type!), scope);
    this.#selection = new RankSelection(kernels, scope, {
      type: options.field.type!,
      label: `${options.label}, column "${options.field.name}"`,
      ranksOf: (count) => profileRanks(count, options.bins),
      ranksMax: options.bins + ksBins,
    });
  }

  get isDone(): boolean {
    return this.#selection.isDone && this.#readsDone >= momentReads;
  }

  begin(): void {
    if (!this.#selection.isDone) this.#selection.begin();
  }

  /** Block by block. */
  *steps(batch: Batch): Generator<void> {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "numeric") throw new TypeError(`column ${column.name} is not numeric`);
    for (const { from, rowCount } of rowRanges(batch.rowCount, selectionBlockRows)) {
      const keyCount = this.#kernels.keysFrom(column.type, sliceOf(column, from, rowCount), this.#keysPtr);
      if (!this.#selection.isDone) this.#selection.add(this.#keysPtr, keyCount);
      if (this.#readsDone < momentReads) this.#moments.add(this.#keysPtr, keyCount);
      yield;
    }
  }

  end(): void {
    if (!this.#selection.isDone) this.#selection.end(this.#room);
    if (this.#readsDone === 0) this.#moments.closeMean(this.#selection.finiteCount);
    this.#readsDone += 1;
  }

  profile(rows: number): FeatureProfile {
    const sample = this.#selection.result();
    const count = sample.finiteCount;
    const [min, max] =
      count === 0
        ? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
        : [Number(sample.min), Number(sample.max)];
    return numericProfile(this.field, rows, sample, this.#moments.result(count, min, max), this.#bins);
  }
}
