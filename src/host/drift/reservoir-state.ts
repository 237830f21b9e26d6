/**
 * A reservoir as bytes, to be kept beside the monitor's state.
 *
 * Framed as state-frame.ts says. JSON: how rows were chosen, number and time of each, texts. Values column by column, f64 little-endian:
 * numbers, or places in the column's texts; NaN is missing.
 */
import { reservoirBytesMax } from "../../limits.js";
import type { KeptCells, ReservoirSettings, ReservoirState } from "./reservoir.js";
import { framedState, partsOfState, type StateFormat } from "./state-frame.js";

const format: StateFormat = { letters: "MLRV", version: 1, what: "reservoir" };

/** A reservoir's rows, and how they were chosen. */
export interface StoredReservoir {
  readonly settings: ReservoirSettings;
  readonly state: ReservoirState;
}

export interface KeptReservoir {
  readonly bytes: Uint8Array;
  /** Rows that it offers. */
  readonly rows: number;
}

interface Head extends Omit<ReservoirState, "rows"> {
  /** null: no limit, which JSON has no number for. */
  readonly settings: Omit<ReservoirSettings, "maxAgeMs"> & { readonly maxAgeMs: number | null };
  readonly numbers: readonly number[];
  readonly ms: readonly number[] | null;
  readonly texts: readonly (readonly string[] | null)[];
}

export function reservoirToBytes(settings: ReservoirSettings, state: ReservoirState): Uint8Array {
  const { columns, maxAgeMs } = settings;
  const { rows, ...taken } = state;
  const texts = columns.map(({ kind }, column) =>
    kind === "numeric" ? null : [...new Set(rows.flatMap(({ cells }) => cells[column] ?? []))].map(String),
  );
  const places = texts.map((names) => new Map(names?.map((name, place) => [name, place])));
  const head: Head = {
    settings: { ...settings, maxAgeMs: Number.isFinite(maxAgeMs) ? maxAgeMs : null },
    ...taken,
    numbers: rows.map(({ number }) => number),
    ms: rows.some(({ ms }) => ms === null) ? null : rows.map(({ ms }) => ms!),
    texts,
  };
  const values = Buffer.alloc(8 * rows.length * columns.length);
  columns.forEach(({ kind }, column) => {
    rows.forEach(({ cells }, row) => {
      const cell = cells[column] ?? Number.NaN;
      const value = kind === "numeric" || typeof cell === "number" ? cell : places[column]!.get(cell)!;
      values.writeDoubleLE(value as number, 8 * (column * rows.length + row));
    });
  });
  return framedState(format, head, values);
}

/** @throws RangeError  damaged, or of another version */
export function reservoirFromBytes(bytes: Uint8Array): StoredReservoir {
  const { document, values } = partsOfState(format, bytes);
  const head = document as Head;
  const { numbers, ms, texts, settings, ...taken } = head;
  const { columns, maxAgeMs } = settings;
  const { byteLength } = values;
  if (byteLength !== 8 * numbers.length * columns.length || byteLength > 2 * reservoirBytesMax)
    throw new RangeError(`it has ${byteLength} bytes of values for ${numbers.length} rows`);
  const rows = numbers.map((number, row) => {
    const cells: KeptCells = columns.map((_, column) => {
      const value = values.readDoubleLE(8 * (column * numbers.length + row));
      return Number.isNaN(value) ? null : (texts[column]?.[value] ?? value);
    });
    return { number, ms: ms?.[row] ?? null, cells };
  });
  return {
    settings: { ...settings, maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY },
    state: { ...taken, rows },
  };
}
