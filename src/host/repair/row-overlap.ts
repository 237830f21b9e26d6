/**
 * Whether slices that came as files of their own hold the same rows: a gate that sees the rows which chose the scale proves nothing.
 * Rows are told by a hash of their features and label; where the features are coarse, equal rows come by chance, and as many of them
 * are within one slice as between two.
 */
import { MendlineError } from "../../errors.js";
import type { LabelledData } from "./labelled-data.js";

/** Share of a slice's rows that may stand in another one, beyond those that have a twin in their own. */
const overlapShareMax = 0.1;

export interface Overlap {
  /** Rows of the slice that are in the other one too. */
  readonly shared: number;
  /** Rows of the slice that have a twin in it. */
  readonly twins: number;
}

export function overlapOf(slice: LabelledData, other: LabelledData): Overlap {
  const hashes = sortedHashes(slice);
  const others = sortedHashes(other);
  let shared = 0;
  let twins = 0;
  let at = 0;
  hashes.forEach((hash, row) => {
    if (hash === hashes[row - 1] || hash === hashes[row + 1]) twins += 1;
    while (at < others.length && others[at]! < hash) at += 1;
    if (others[at] === hash) shared += 1;
  });
  return { shared, twins };
}

/** @throws MendlineError MENDLINE_REPAIR_INPUTS  more rows in common than chance gives */
export function refuseOverlap(what: string, slice: LabelledData, other: LabelledData): Overlap {
  const overlap = overlapOf(slice, other);
  const { shared, twins } = overlap;
  if (shared - twins <= overlapShareMax * slice.rowCount) return overlap;
  throw new MendlineError(
    "MENDLINE_REPAIR_INPUTS",
    `${slice.source}: ${shared} of the ${slice.rowCount} ${what} rows are among the ${other.rowCount} rows of ${other.source} that choose the scale: give rows that have no part in it`,
    { details: { file: slice.source, rows: slice.rowCount, shared } },
  );
}

/** One a row, ascending. Two different rows meet with a probability of 2^-53. */
function sortedHashes(data: LabelledData): Float64Array {
  const hashes = new Float64Array(data.rowCount);
  const names = data.texts.map((texts) => texts?.map(hashOfText) ?? null);
  const value = new Float64Array(1);
  const words = new Uint32Array(value.buffer);
  for (let row = 0; row < data.rowCount; row++) {
    let high = 0x811c9dc5;
    let low = 0x9e3779b9;
    const take = (word: number) => {
      high = mixed(high ^ word);
      low = mixed((low + word) ^ high);
    };
    data.columns.forEach((column, index) => {
      const of = names[index];
      const code = column[row]!;
      // -0 is 0, and every NaN is one.
      value[0] = of == null || Number.isNaN(code) ? code + 0 : of[code]!;
      if (Number.isNaN(value[0]!)) value[0] = Number.NaN;
      take(words[0]!);
      take(words[1]!);
    });
    value[0] = data.labels[row]! + 0;
    take(words[0]!);
    take(words[1]!);
    hashes[row] = (high >>> 0) * 2 ** 21 + (low >>> 11);
  }
  return hashes.sort();
}

/** The finalizer of MurmurHash3 (Austin Appleby, public domain). */
function mixed(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function hashOfText(text: string): number {
  let high = 1;
  let low = 2;
  for (let at = 0; at < text.length; at++) {
    high = mixed(high ^ text.charCodeAt(at));
    low = mixed((low + text.charCodeAt(at)) ^ high);
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}
