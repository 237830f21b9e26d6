/**
 * Profiles of columns that are too long to sort: the data are read several times, each time in pieces, with the same bytes as a result
 * as sorting gives. Quantiles and counts come from `RankSelection`, moments from `ExactMoments`, categories from one read.
 */
import { MendlineError } from "../../errors.js";
import { ksBins, selectionRowsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import type { DataSource, Field } from "../columns/column.js";
import type { Kernels } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { readBlocks, type StreamOptions } from "./block-reads.js";
import { collectBatch } from "./collecting.js";
import { categoricalProfile, numericProfile, profileRanks } from "./feature-profile.js";
import { NumericStream, type StreamRoom, streamRoom, streamsAtOnce } from "./numeric-stream.js";
import type { FeatureProfile } from "./profile.js";
import { TextCollector } from "./text-collector.js";

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
  const perGroup = streamsAtOnce(runtime, bins + ksBins);
  for (let from = 0; from < fields.length; from += perGroup) {
    yield await streamGroup(runtime, source, fields.slice(from, from + perGroup), bins, options);
  }
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
    const room = streamRoom(scope);
    const streams = group.map((field) =>
      field.type === null
        ? new TextProfile(field, scope)
        : new NumericProfile(runtime.kernels, scope, room, field, source.label, bins),
    );
    while (streams.some((stream) => !stream.isDone)) {
      await readOnce(
        runtime,
        source,
        streams.filter((stream) => !stream.isDone),
        options,
      );
    }
    const turns = new Turns();
    const profiles = new Map<string, FeatureProfile>();
    for (const stream of streams) {
      profiles.set(stream.field.name, await turns.through(stream.profile(source.rowCount)));
    }
    return profiles;
  } finally {
    scope.close();
  }
}

/** One read of the data. */
async function readOnce(
  runtime: Runtime,
  source: DataSource,
  streams: readonly (NumericProfile | TextProfile)[],
  options: StreamOptions,
): Promise<void> {
  const texts = streams.filter((stream) => stream instanceof TextProfile);
  const numbers = streams.filter((stream) => stream instanceof NumericProfile);
  await readBlocks(source, numbers, options, {
    columns: texts.map(({ field }) => field.name),
    take: (batch) =>
      collectBatch(
        runtime,
        texts.map(({ collector }) => collector),
        batch,
        options.signal,
      ),
  });
  for (const text of texts) text.isDone = true;
}

class TextProfile {
  readonly field: Field;
  readonly collector: TextCollector;
  isDone = false;

  constructor(field: Field, scope: Scope) {
    this.field = field;
    this.collector = new TextCollector(field, scope);
  }

  profile(rows: number): Generator<void, FeatureProfile> {
    return categoricalProfile(this.collector.sample(rows));
  }
}

class NumericProfile extends NumericStream {
  readonly #bins: number;

  constructor(kernels: Kernels, scope: Scope, room: StreamRoom, field: Field, label: string, bins: number) {
    const ranksOf = (count: number) => profileRanks(count, bins);
    super(kernels, scope, room, { field, label, ranksOf, ranksMax: bins + ksBins });
    this.#bins = bins;
  }

  /** One step: edges of several hundred quantiles. */
  *profile(rows: number): Generator<void, FeatureProfile> {
    yield;
    return numericProfile(this.field, rows, this.sample, this.moments, this.#bins);
  }
}
