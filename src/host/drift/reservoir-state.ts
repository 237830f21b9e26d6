/**
 * A reservoir as bytes, to be kept beside the monitor's state.
 *
 *     // 0: "MLRV", format version (u8)
 *     // 5: JSON length (u32, little-endian), JSON with sorted keys: how rows were chosen, number and time of each, texts
 *     // ...: values column by column, f64 little-endian: numbers, or places in the column's texts; NaN is missing
 *     // end - 32: sha256 of all before it
 */
import { createHash } from "node:crypto";
import { reservoirBytesMax } from "../../limits.js";
import { canonicalJson } from "./profile.js";
import type { KeptCells, ReservoirSettings, ReservoirState } from "./reservoir.js";

const magic = "MLRV";
const formatVersion = 1;
const headerBytes = magic.length + 1 + 4;
const hashBytes = 32;

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
  const json = Buffer.from(canonicalJson(head));
  const values = Buffer.alloc(8 * rows.length * columns.length);
  columns.forEach(({ kind }, column) => {
    rows.forEach(({ cells }, row) => {
      const cell = cells[column] ?? Number.NaN;
      const value = kind === "numeric" || typeof cell === "number" ? cell : places[column]!.get(cell)!;
      values.writeDoubleLE(value as number, 8 * (column * rows.length + row));
    });
  });
  const header = Buffer.alloc(headerBytes);
  header.write(magic, "latin1");
  header[magic.length] = formatVersion;
  header.writeUInt32LE(json.length, magic.length + 1);
  const body = Buffer.concat([header, json, values]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** @throws RangeError  damaged, or of another version */
export function reservoirFromBytes(bytes: Uint8Array): StoredReservoir {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.length - hashBytes;
  if (end < headerBytes || buffer.toString("latin1", 0, magic.length) !== magic)
    throw new RangeError("it is no reservoir");
  const version = buffer[magic.length]!;
  if (version !== formatVersion)
    throw new RangeError(`it has format ${version}, this mendline reads ${formatVersion}`);
  const body = buffer.subarray(0, end);
  if (!createHash("sha256").update(body).digest().equals(buffer.subarray(end)))
    throw new RangeError("it does not match its hash");
  const valuesOffset = headerBytes + buffer.readUInt32LE(magic.length + 1);
  const head = JSON.parse(body.toString("utf8", headerBytes, Math.min(end, valuesOffset))) as Head;
  const { numbers, ms, texts, settings, ...taken } = head;
  const { columns, maxAgeMs } = settings;
  const byteLength = end - valuesOffset;
  if (byteLength !== 8 * numbers.length * columns.length || byteLength > 2 * reservoirBytesMax)
    throw new RangeError(`it has ${byteLength} bytes of values for ${numbers.length} rows`);
  const rows = numbers.map((number, row) => {
    const cells: KeptCells = columns.map((_, column) => {
      const value = body.readDoubleLE(valuesOffset + 8 * (column * numbers.length + row));
      return Number.isNaN(value) ? null : (texts[column]?.[value] ?? value);
    });
    return { number, ms: ms?.[row] ?? null, cells };
  });
  return {
    settings: { ...settings, maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY },
    state: { ...taken, rows },
  };
}
