/**
 * From data to a reference profile. Numeric columns are sorted as keys in the arena, a group of features at a time, so that quantiles
 * are exact and everything taken from them (edges, counts, moments) is the same however the rows were cut up.
 */
import { MendlineError } from "../../errors.js";
import { binsMax, categoriesMax, categoryNamesMax, ksBins } from "../../limits.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import { momentWords, sortCounterBytes } from "../kernels/kernels.js";
import { keyKindOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { sliceOf } from "./counter.js";
import { type Edge, quantileEdges } from "./edges.js";
import type {
  CategoricalFeatureProfile,
  FeatureProfile,
  Histogram,
  Moments,
  NumericFeatureProfile,
  Profile,
} from "./profile.js";
import { SortedSample } from "./sorted-sample.js";

export interface ProfileOptions {
  /** Absent: every column that can be monitored. */
  readonly features?: readonly string[];
  /** Quantile bins of PSI and KL, 2 to 100. */
  readonly bins?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rowsRead: number, rowsTotal: number) => void;
}

export const binsDefault = 10;

/**
 * @throws MendlineError MENDLINE_DATA_EMPTY  no rows; MENDLINE_DATA_SCHEMA  an unknown feature; MENDLINE_ARGUMENT_INVALID  bins;
 * MENDLINE_MEMORY_EXHAUSTED  one column alone does not fit
 */
export async function profileData(
  runtime: Runtime,
  source: DataSource,
  options: ProfileOptions = {},
): Promise<Profile> {
  const { bins, fields } = checkedOptions(source, options);
  const features = new Map<string, FeatureProfile>();
  for (const group of groupsThatFit(runtime, fields, source.rowCount)) {
    const scope = runtime.arena.scope();
    try {
      const samples = await sampleGroup(runtime, source, group, scope, options);
      for (const [name, sample] of samples) features.set(name, featureProfile(runtime, sample, bins));
    } finally {
      scope.close();
    }
  }
  return { rows: source.rowCount, features: new Map(fields.map(({ name }) => [name, features.get(name)!])) };
}

export function checkedOptions(
  source: DataSource,
  options: ProfileOptions,
): { bins: number; fields: readonly Field[] } {
  const bins = options.bins ?? binsDefault;
  if (!(Number.isInteger(bins) && bins >= 2 && bins <= binsMax)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `bins is ${bins}: choose a whole number from 2 to ${binsMax}`,
    );
  }
  if (source.rowCount === 0)
    throw new MendlineError("MENDLINE_DATA_EMPTY", `${source.label} has no rows: a reference needs some`);
  const fields = chooseFields(source, options.features);
  return { bins, fields };
}

/** The fields asked for, in that order. */
export function chooseFields(source: DataSource, features: readonly string[] | undefined): Field[] {
  const byName = new Map(source.fields.map((field) => [field.name, field]));
  const find = (name: string) => {
    const field = byName.get(name);
    if (field !== undefined) return field;
    const known = source.fields.slice(0, 12).map((other) => other.name);
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${source.label} has no column "${name}" that can be monitored; it has ${known.join(", ")}`,
      {
        details: { column: name },
      },
    );
  };
  const chosen = features === undefined ? source.fields : Array.from(new Set(features), find);
  if (chosen.length === 0)
    throw new MendlineError("MENDLINE_DATA_SCHEMA", `${source.label} has no column that can be monitored`);
  return [...chosen];
}

/** Splits features so that the keys of a group, and the sort's scratch, take at most half of the free memory. */
export function groupsThatFit(runtime: Runtime, fields: readonly Field[], rows: number): Field[][] {
  const sortsAtOnce = Math.max(1, runtime.scheduler.threads);
  const room = runtime.arena.availableBytes / 2 - sortsAtOnce * (rows * 8 + sortCounterBytes);
  const perGroup = Math.max(1, Math.floor(room / (rows * 8 + 64)));
  const groups: Field[][] = [];
  for (let from = 0; from < fields.length; from += perGroup)
    groups.push(fields.slice(from, from + perGroup) as Field[]);
  return groups;
}

/** What one feature of a group was read into. */
export type Sample =
  | { readonly kind: "numeric"; readonly field: Field; readonly rows: number; readonly sorted: SortedSample }
  | {
      readonly kind: "categorical";
      readonly field: Field;
      readonly rows: number;
      readonly missing: number;
      readonly counts: ReadonlyMap<string, number>;
    };

/** Reads the group's columns once. The samples' keys belong to `scope`. */
export async function sampleGroup(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  scope: Scope,
  { signal, onProgress }: ProfileOptions = {},
): Promise<Map<string, Sample>> {
  const collectors = group.map((field) =>
    field.type === null ? new TextCollector(field) : new KeyCollector(field, source.rowCount, scope),
  );
  let rowsRead = 0;
  for await (const batch of source.read({ columns: group.map((field) => field.name), signal })) {
    rowsRead += batch.rowCount;
    // Before the keys are written: there is room for as many as were counted.
    if (rowsRead > source.rowCount) throw rowsDiffer(source, `${rowsRead} or more`);
    for (const collector of collectors) collector.add(runtime, batch);
    onProgress?.(rowsRead, source.rowCount);
  }
  if (rowsRead < source.rowCount) throw rowsDiffer(source, String(rowsRead));
  await sortAll(
    runtime,
    collectors.filter((collector) => collector instanceof KeyCollector),
  );
  return new Map(collectors.map((collector) => [collector.field.name, collector.sample(runtime, rowsRead)]));
}

function rowsDiffer({ label, rowCount }: DataSource, rowsRead: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label} held ${rowCount} rows when it was opened and now ${rowsRead}: keep it as it is while it is read`,
  );
}

class KeyCollector {
  readonly field: Field;
  readonly ptr: number;
  count = 0;

  constructor(field: Field, rows: number, scope: Scope) {
    this.field = field;
    this.ptr = scope.allocate(Math.max(1, rows) * 8);
  }

  add(runtime: Runtime, batch: Batch): void {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "numeric") throw new TypeError(`column ${column.name} is not numeric`);
    for (const { from, rowCount } of rowRanges(batch.rowCount)) {
      this.count += runtime.kernels.keysFrom(
        column.type,
        sliceOf(column, from, rowCount),
        this.ptr + this.count * 8,
      );
    }
  }

  sample(runtime: Runtime, rows: number): Sample {
    const sorted = new SortedSample(runtime.arena.memory, this.ptr, this.count, this.field.type!);
    return { kind: "numeric", field: this.field, rows, sorted };
  }
}

/** Counts texts by name: the codes of a batch through a kernel, then names in a map. Numbers count by their shortest decimal text. */
class TextCollector {
  readonly field: Field;
  readonly #counts = new Map<string, number>();
  #present = 0;

  constructor(field: Field) {
    this.field = field;
  }

  add(runtime: Runtime, batch: Batch): void {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "text") throw new TypeError(`column ${column.name} is not text`);
    const scope = runtime.arena.scope();
    try {
      const codeCount = column.names.length;
      const slotCount = codeCount + 1;
      const remapPtr = scope.allocate(Math.max(1, codeCount) * 4);
      const countsPtr = scope.allocate((slotCount + 1) * 4);
      new Uint32Array(runtime.arena.memory.buffer, remapPtr, codeCount).forEach((_, code, remap) => {
        remap[code] = column.names[code] === null ? codeCount : code;
      });
      runtime.kernels.countCategories(
        column.type,
        sliceOf(column, 0, batch.rowCount),
        remapPtr,
        codeCount,
        codeCount,
        slotCount,
        countsPtr,
      );
      const counts = new Uint32Array(runtime.arena.memory.buffer, countsPtr, slotCount + 1);
      if (counts[slotCount] !== 0) {
        throw new MendlineError(
          "MENDLINE_DATA_MALFORMED",
          `column "${column.name}": ${counts[slotCount]} codes lie outside its dictionary of ${codeCount} names`,
        );
      }
      for (let code = 0; code < codeCount; code++) {
        if (counts[code] === 0) continue;
        const name = column.names[code]!;
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + counts[code]!);
        this.#present += counts[code]!;
      }
    } finally {
      scope.close();
    }
  }

  sample(_runtime: Runtime, rows: number): Sample {
    return {
      kind: "categorical",
      field: this.field,
      rows,
      missing: rows - this.#present,
      counts: this.#counts,
    };
  }
}

async function sortAll(runtime: Runtime, collectors: readonly KeyCollector[]): Promise<void> {
  const atOnce = Math.max(1, runtime.scheduler.threads);
  for (let from = 0; from < collectors.length; from += atOnce) {
    const scope = runtime.arena.scope();
    try {
      const tasks = collectors.slice(from, from + atOnce).map(({ ptr, count }) => ({
        kernel: "sortKeys" as const,
        args: [ptr, count, scope.allocate(Math.max(1, count) * 8), scope.allocate(sortCounterBytes)] as [
          number,
          number,
          number,
          number,
        ],
        workBytes: count * 8 * 6,
      }));
      await runtime.scheduler.run(tasks);
    } finally {
      scope.close();
    }
  }
}

export function featureProfile(runtime: Runtime, sample: Sample, bins: number): FeatureProfile {
  return sample.kind === "numeric" ? numericProfile(runtime, sample, bins) : categoricalProfile(sample);
}

function numericProfile(
  runtime: Runtime,
  sample: Sample & { kind: "numeric" },
  bins: number,
): NumericFeatureProfile {
  const { field, sorted, rows } = sample;
  const type = field.type!;
  const histogram = (binCount: number): Histogram => {
    const highest: Edge | undefined = field.logical === "boolean" ? 1 : undefined;
    const edges = quantileEdges((rank) => sorted.finiteAt(rank), sorted.finiteCount, binCount, type, highest);
    return { edges, counts: sorted.binCounts(edges) };
  };
  return {
    kind: "numeric",
    logical: field.logical,
    type,
    rows,
    missing: rows - sorted.count,
    nonFinite: sorted.nonFiniteCount,
    moments: momentsOf(runtime, sorted),
    bins,
    psi: histogram(bins),
    ks: histogram(ksBins),
  };
}

/** Over the sorted finite values: one order for every way the rows may have come. */
function momentsOf(runtime: Runtime, sorted: SortedSample): Moments {
  const count = sorted.finiteCount;
  const scope = runtime.arena.scope();
  try {
    const valuesPtr = scope.allocate(Math.max(1, count) * 8);
    const outPtr = scope.allocate(momentWords * 8);
    runtime.kernels.valuesFromKeys(
      keyKindOf(sorted.type),
      sorted.ptr + sorted.finiteFrom * 8,
      count,
      valuesPtr,
    );
    const slice = { valuesPtr, rowCount: count, validityPtr: 0, validityBitOffset: 0 };
    runtime.kernels.moments("f64", slice, outPtr);
    const [, mean, m2, m3, m4, min, max] = new Float64Array(runtime.arena.memory.buffer, outPtr, momentWords);
    const power = (value: number) => (Number.isFinite(value) ? value : null);
    return { count, mean: mean!, m2: power(m2!), m3: power(m3!), m4: power(m4!), min: min!, max: max! };
  } finally {
    scope.close();
  }
}

function categoricalProfile(sample: Sample & { kind: "categorical" }): CategoricalFeatureProfile {
  const ranked = Array.from(sample.counts, ([name, count]) => ({
    name,
    count,
    bytes: Buffer.from(name),
  })).sort((left, right) => right.count - left.count || Buffer.compare(left.bytes, right.bytes));
  const kept = ranked.slice(0, categoriesMax);
  const folded = ranked.slice(categoriesMax);
  return {
    kind: "categorical",
    logical: sample.field.logical,
    rows: sample.rows,
    missing: sample.missing,
    categories: kept.map(({ name }) => name),
    counts: kept.map(({ count }) => count),
    other:
      folded.length === 0
        ? null
        : {
            count: folded.reduce((sum, { count }) => sum + count, 0),
            kinds: folded.length,
            names: folded.slice(0, categoryNamesMax - categoriesMax).map(({ name }) => name),
          },
  };
}
