/** A model with every kind of feature, its ancestors, and live rows with everything that rows can hold. */
import { Bool, Float32, Float64, type RecordBatch, Utf8, vectorFromArray } from "apache-arrow";
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../../../src/errors.js";
import type { ColumnBatch } from "../../../src/host/columns/held.js";
import type { Row } from "../../../src/host/columns/rows.js";
import type { DriftMonitor } from "../../../src/host/drift/monitor.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { Watched, WindowReport } from "../../../src/host/drift/window-report.js";
import type { Runtime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { rawVector, recordBatch } from "../columns/reading.js";
import { openTable } from "./tables.js";

export const featureNames = ["temperature", "narrow", "whole", "flag", "city"] as const;

/** Trained on `rows` rows; `shift` moves every distribution. Tenths and whole numbers have bins of their own. */
export async function watched(runtime: Runtime, id: string, shift: number, rows = 2_000): Promise<Watched> {
  const next = random(97);
  const draw = <T>(cell: () => T) => Array.from({ length: rows }, () => (next() < 0.02 ? null : cell()));
  const source = await openTable(runtime, {
    temperature: { type: "f64", cells: draw(() => Math.round((next() + next() + shift) * 100) / 10) },
    narrow: { type: "f32", cells: draw(() => Math.fround(Math.floor((next() + shift) * 10) / 10)) },
    whole: { type: "i64", cells: draw(() => BigInt(Math.floor((next() * next() + shift) * 50))) },
    flag: { type: "bool", cells: draw(() => next() < 0.3 + shift / 4) },
    city: { type: "text", cells: draw(() => `city ${Math.floor((next() * next() + shift) * 12)}`) },
  });
  const profile = await profileData(runtime, source);
  await source.close();
  return { id, label: `${id}@1`, profile };
}

/** Rows that any source of rows can hold too: within a column no booleans beside numbers. */
export function liveRows(count: number, shift: number, seed: number): Row[] {
  const next = random(seed);
  const odd = (cell: Row[string]): Row[string] => {
    const kind = next();
    if (kind < 0.02) return null;
    if (kind < 0.03) return undefined;
    return kind < 0.04 ? Number.NaN : cell;
  };
  const wild = (cell: number) => {
    const kind = next();
    if (kind < 0.01) return Number.POSITIVE_INFINITY;
    return kind < 0.02 ? Number.NEGATIVE_INFINITY : cell;
  };
  return Array.from({ length: count }, () => {
    const row: Record<string, Row[string]> = {
      temperature: odd(wild(Math.round((next() + next() + shift) * 100) / 10)),
      narrow: odd(wild(Math.floor((next() + shift) * 10) / 10)),
      whole: odd(next() < 0.3 ? BigInt(Math.floor(next() * 50)) : (next() + shift) * 50),
      flag: odd(next() < 0.3 + shift / 4),
      city: odd(next() < 0.1 ? Math.floor(next() * 5) : `city ${Math.floor((next() * next() + shift) * 14)}`),
      extra: "of no interest",
    };
    if (next() < 0.02) delete row.narrow;
    if (next() < 0.02) delete row.city;
    return row;
  });
}

/** For a table, which has its columns even where every row lacks them. */
export function asTableRows(rows: readonly Row[]): Row[] {
  const absent = Object.fromEntries(featureNames.map((name) => [name, null]));
  return rows.map((row) => ({ ...absent, ...row }));
}

const missing = (cell: Row[string] | undefined) => cell === null || cell === undefined || Number.isNaN(cell);

export function validityOf(cells: readonly Row[string][], bitOffset: number): Uint8Array {
  const validity = new Uint8Array((bitOffset + cells.length + 7) >>> 3).fill(0xff);
  cells.forEach((cell, row) => {
    const bit = bitOffset + row;
    if (missing(cell)) validity[bit >>> 3]! &= ~(1 << (bit & 7));
  });
  return validity;
}

/** The same rows as lists, one a column. */
export function asLists(rows: readonly Row[]): ColumnBatch {
  return Object.fromEntries(featureNames.map((name) => [name, rows.map((row) => row[name])]));
}

/** The same rows as typed arrays, with bitmaps that begin anywhere. */
export function asTypedArrays(rows: readonly Row[], bitOffset = 3): ColumnBatch {
  const cellsOf = (name: string) => rows.map((row) => (missing(row[name]) ? null : row[name]!));
  const bits = (name: string) => ({
    validity: validityOf(cellsOf(name), bitOffset),
    validityBitOffset: bitOffset,
  });
  // What stands where a row is absent must not matter.
  const numbers = (name: string) => cellsOf(name).map((cell) => Number(cell ?? 7));
  const cities = cellsOf("city").map(String);
  const known = [...new Set(cities), null];
  return {
    temperature: { values: Float64Array.from(numbers("temperature")), ...bits("temperature") },
    narrow: Float64Array.from(cellsOf("narrow"), (cell) => (cell === null ? Number.NaN : Number(cell))),
    whole: { values: Float64Array.from(numbers("whole")), ...bits("whole") },
    flag: { values: Uint8Array.from(numbers("flag")), ...bits("flag") },
    city: { codes: Int16Array.from(cities, (city) => known.indexOf(city)), names: known, ...bits("city") },
  };
}

/** The same rows as Arrow data. */
export function asRecordBatch(rows: readonly Row[]): RecordBatch {
  const cellsOf = (name: string) => rows.map((row) => (missing(row[name]) ? null : row[name]!));
  const numbers = (name: string) => cellsOf(name).map((cell) => (cell === null ? null : Number(cell)));
  const texts = cellsOf("city").map((cell) => (cell === null ? null : String(cell)));
  return recordBatch([
    ["temperature", rawVector(new Float64(), numbers("temperature"))],
    ["city", vectorFromArray(texts, new Utf8())],
    ["narrow", rawVector(new Float32(), numbers("narrow"))],
    ["whole", rawVector(new Float64(), numbers("whole"))],
    ["flag", vectorFromArray(cellsOf("flag") as (boolean | null)[], new Bool())],
  ]);
}

/** A closed window without the time of day. */
export type Told = Omit<WindowReport, "window"> & { window: Omit<WindowReport["window"], "closedMs"> };

export function collect(monitor: DriftMonitor): Told[] {
  const told: Told[] = [];
  monitor.on("window", ({ window: { closedMs, ...window }, ...rest }) => {
    assert.ok(Number.isInteger(closedMs));
    told.push({ window, ...rest });
  });
  return told;
}

export function refused(work: () => unknown, code: ErrorCode, pattern = /./): void {
  assert.throws(
    work,
    (thrown: unknown) =>
      thrown instanceof MendlineError && thrown.code === code && pattern.test(thrown.message),
    `${code} ${pattern}`,
  );
}
