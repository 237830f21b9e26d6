/**
 * When rows happened, as whole milliseconds since 1970, UTC; NaN where that cannot be told.
 *
 * Numbers are of the unit that was agreed, Arrow's dates and timestamps of their own. Texts are ISO 8601, UTC where they name no zone, or
 * such numbers; a Date is a Date. What lies outside of what a Date can hold (100 million days round 1970) is no time.
 */
import { eventMsMax } from "../../limits.js";
import type { Field } from "../columns/column.js";
import { eachAbsent, type HeldColumn } from "../columns/held.js";
import { textAt } from "../columns/held-arrow.js";
import { checkCells, isPresent, type StagedColumn } from "./staged-column.js";
import type { TimeUnit } from "./window.js";

/** Milliseconds of a unit are value * by / per: whole numbers, so that equal times come out equal from every unit. */
const units = {
  day: { by: 86_400_000, per: 1 },
  s: { by: 1_000, per: 1 },
  ms: { by: 1, per: 1 },
  us: { by: 1, per: 1_000 },
  ns: { by: 1, per: 1_000_000 },
} as const;
type Unit = keyof typeof units;

/** Date, perhaps time, perhaps zone: what Date.parse reads the same on every machine once it has a zone. */
const isoPattern =
  /^([+-]\d{6}|\d{4})-\d\d-\d\d(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/;
const isoLengthMax = 40;
/** What a number becomes where its column is taken as text. */
const numberPattern = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

export class StagedTimes implements StagedColumn {
  readonly field: Field;
  /** Of each staged row. */
  readonly times: Float64Array;
  readonly #unit: TimeUnit;
  /** Times of a column's names. A list of names may grow while it is in use. */
  #known: { readonly names: readonly (string | null)[]; readonly times: number[] } | null = null;

  constructor(name: string, unit: TimeUnit, capacity: number) {
    this.field = { name, logical: "timestamp[ms]", type: null };
    this.#unit = unit;
    this.times = new Float64Array(capacity);
  }

  set(row: number, cell: unknown): boolean {
    const time = timeOf(cell, this.#unit);
    this.times[row] = time ?? Number.NaN;
    return time !== undefined;
  }

  /** What rows can hold, and is no time, is counted as untimed. */
  check(column: HeldColumn, label: string): void {
    const { held } = column;
    const accepts = (cell: unknown) => timeOf(cell, this.#unit) !== undefined;
    if (held.kind === "cells") checkCells(this.field.name, column, held.cells, accepts, label);
  }

  takes(): boolean {
    return true;
  }

  prepareFor(): void {}

  append(row: number, column: HeldColumn, from: number, rowCount: number): void {
    const { held, validity, validityBitOffset, field } = column;
    const times = this.times;
    if (held.kind === "numbers") {
      const unit = unitOf(field, held.type) ?? this.#unit;
      const { by, per } = units[unit];
      for (let i = 0; i < rowCount; i++)
        times[row + i] = wholeMs((Number(held.values[from + i]!) * by) / per);
    } else if (held.kind === "codes") {
      const known = this.#timesOf(held.names);
      for (let i = 0; i < rowCount; i++) times[row + i] = known[held.codes[from + i]!] ?? Number.NaN;
    } else {
      for (let i = 0; i < rowCount; i++) {
        const cell = held.kind === "texts" ? textAt(held, from + i) : held.cells[from + i];
        times[row + i] = isPresent(column, from + i) ? (timeOf(cell, this.#unit) ?? Number.NaN) : Number.NaN;
      }
    }
    if (validity === null) return;
    eachAbsent(validity, validityBitOffset + from, rowCount, (index) => {
      times[row + index] = Number.NaN;
    });
  }

  reset(): void {}

  #timesOf(names: readonly (string | null)[]): readonly number[] {
    if (this.#known?.names !== names) this.#known = { names, times: [] };
    const { times } = this.#known;
    for (let code = times.length; code < names.length; code++)
      times.push(timeOf(names[code], this.#unit) ?? Number.NaN);
    return times;
  }
}

/** Undefined for what no row can hold. */
function timeOf(cell: unknown, unit: TimeUnit): number | undefined {
  switch (typeof cell) {
    case "number":
      return msOf(cell, unit);
    case "bigint":
      return msOf(Number(cell), unit);
    case "string":
      return numberPattern.test(cell) ? msOf(Number(cell), unit) : msOf(parseIso(cell), "ms");
    case "object":
      if (cell instanceof Date) return msOf(cell.getTime(), "ms");
      return cell === null ? Number.NaN : undefined;
    case "boolean":
    case "undefined":
      return Number.NaN;
    default:
      return undefined;
  }
}

function msOf(value: number, unit: Unit): number {
  const { by, per } = units[unit];
  return wholeMs((value * by) / per);
}

function wholeMs(value: number): number {
  const ms = Math.floor(value);
  return ms >= -eventMsMax && ms <= eventMsMax ? ms : Number.NaN;
}

/** Arrow's date of 32 bits counts days. */
function unitOf({ logical }: Field, type: string): Unit | null {
  if (logical === "date") return type === "i32" ? "day" : "ms";
  return logical.startsWith("timestamp[") ? (logical.slice(10, -1) as TimeUnit) : null;
}

function parseIso(text: string): number {
  if (text.length > isoLengthMax) return Number.NaN;
  const found = isoPattern.exec(text.trim());
  if (found === null) return Number.NaN;
  const [whole, , time, zone] = found;
  if (time === undefined) return Date.parse(whole);
  const date = whole.slice(0, whole.length - time.length - (zone?.length ?? 0) - 1);
  const digits = zone === undefined || zone === "Z" ? "" : zone.replace(":", "");
  const utc = digits === "" ? "Z" : `${digits.slice(0, 3)}:${digits.slice(3).padEnd(2, "0")}`;
  return Date.parse(`${date}T${time.replace(/(\.\d{3})\d+$/, "$1")}${utc}`);
}
