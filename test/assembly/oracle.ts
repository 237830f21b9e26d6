/**
 * The kernels once more, as plain as they can be written: one value at a time, numbers and bigints, no lanes and no tricks. What the
 * kernels must equal. Logarithms of the divergences are taken in 256-bit fixed point, so that the oracle has no rounding of its own.
 */

/** A value as the host sees it; bigint for 64-bit integers. */
export type Value = number | bigint;

/** Whether a row is present. */
export type Presence = (row: number) => boolean;

export const allPresent: Presence = () => true;

/** Bins, missing, nonFinite. */
export function countByEdges(values: readonly Value[], present: Presence, edges: readonly Value[]): number[] {
  const counts: number[] = new Array(edges.length + 3).fill(0);
  values.forEach((value, row) => {
    if (!present(row) || Number.isNaN(value)) {
      counts[edges.length + 1]! += 1;
      return;
    }
    counts[edges.filter((edge) => value >= edge).length]! += 1;
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
      counts[edges.length + 2]! += 1;
  });
  return counts;
}

/** Slots, then codes out of range. */
export function countCategories(
  codes: readonly number[],
  present: Presence,
  remap: readonly number[],
  missingSlot: number,
  slotCount: number,
): number[] {
  const counts: number[] = new Array(slotCount + 1).fill(0);
  codes.forEach((code, row) => {
    const slot = present(row) ? (remap[code] ?? slotCount) : missingSlot;
    counts[slot]! += 1;
  });
  return counts;
}

export function presentValues(values: readonly Value[], present: Presence): Value[] {
  return values.filter((value, row) => present(row) && !Number.isNaN(value)).map((value) => zeroed(value));
}

function zeroed(value: Value): Value {
  return value === 0 ? 0 : value;
}

export function sortValues(values: readonly Value[]): Value[] {
  return [...values].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}

/** max |R m - C n| over every value of either sample, with R and C the numbers of values at or below it. */
export function ksNumerator(reference: readonly Value[], current: readonly Value[]): bigint {
  let numerator = 0n;
  for (const point of [...reference, ...current]) {
    const r = BigInt(reference.filter((value) => value <= point).length) * BigInt(current.length);
    const c = BigInt(current.filter((value) => value <= point).length) * BigInt(reference.length);
    const gap = r > c ? r - c : c - r;
    if (gap > numerator) numerator = gap;
  }
  return numerator;
}

export function ksNumeratorOfCounts(reference: readonly number[], current: readonly number[]): bigint {
  const n = reference.reduce((sum, count) => sum + BigInt(count), 0n);
  const m = current.reduce((sum, count) => sum + BigInt(count), 0n);
  let r = 0n;
  let c = 0n;
  let numerator = 0n;
  reference.forEach((count, bin) => {
    r += BigInt(count);
    c += BigInt(current[bin]!);
    const gap = r * m > c * n ? r * m - c * n : c * n - r * m;
    if (gap > numerator) numerator = gap;
  });
  return numerator;
}

export interface PlainMoments {
  count: number;
  mean: number;
  m2: number;
  m3: number;
  m4: number;
  min: number;
  max: number;
}

/** Two passes in doubles over the present, finite values. */
export function moments(values: readonly Value[], present: Presence): PlainMoments {
  const finite = presentValues(values, present).map(Number).filter(Number.isFinite);
  const count = finite.length;
  const mean = count === 0 ? 0 : finite.reduce((sum, x) => sum + x, 0) / count;
  const power = (k: number) => finite.reduce((sum, x) => sum + (x - mean) ** k, 0);
  return {
    count,
    mean,
    m2: power(2),
    m3: power(3),
    m4: power(4),
    min: Math.min(...finite),
    max: Math.max(...finite),
  };
}

/** A fraction of whole numbers. */
interface Ratio {
  readonly top: bigint;
  readonly bottom: bigint;
}

const fixedBits = 256n;
const one = 1n << fixedBits;

function fixed({ top, bottom }: Ratio): bigint {
  return (top << fixedBits) / bottom;
}

/** ln(x) for x in fixed point, by ln(x) = k ln 2 + 2 atanh((y - 1) / (y + 1)) with y = x / 2^k in [0.5, 2). */
function fixedLog(x: bigint): bigint {
  let k = 0n;
  let y = x;
  for (; y >= 2n * one; k++) y >>= 1n;
  for (; 2n * y < one; k--) y <<= 1n;
  return k * twiceAtanh(one / 3n) + twiceAtanh(((y - one) << fixedBits) / (y + one));
}

function twiceAtanh(z: bigint): bigint {
  const square = (z * z) >> fixedBits;
  let power = z;
  let sum = 0n;
  for (let k = 1n; power !== 0n && power !== -1n; k += 2n) {
    sum += power / k;
    power = (power * square) >> fixedBits;
  }
  return 2n * sum;
}

function logRatio(ratio: Ratio): bigint {
  return fixedLog(fixed(ratio));
}

function toNumber(value: bigint): number {
  // Scaled by powers of two in two steps, so that nothing underflows on the way.
  return Number(value) * 2 ** -128 * 2 ** -128;
}

export interface PlainDivergence {
  psi: number;
  kl: number;
  g: number;
  slotsUsed: number;
}

/** Smoothing s = halves / 2. */
export function divergence(
  reference: readonly number[],
  current: readonly number[],
  halves: number,
): PlainDivergence {
  const used = reference
    .map((count, slot) => [BigInt(count), BigInt(current[slot]!)] as const)
    .filter(([r, c]) => r + c > 0n);
  const n = used.reduce((sum, [r]) => sum + r, 0n);
  const m = used.reduce((sum, [, c]) => sum + c, 0n);
  const slots = BigInt(used.length);
  if (used.length < 2) return { psi: 0, kl: 0, g: 0, slotsUsed: used.length };
  const s = BigInt(halves);
  let psi = 0n;
  let kl = 0n;
  let g = 0n;
  for (const [r, c] of used) {
    const pr = { top: 2n * r + s, bottom: 2n * n + s * slots };
    const pc = { top: 2n * c + s, bottom: 2n * m + s * slots };
    const log = logRatio({ top: pc.top * pr.bottom, bottom: pc.bottom * pr.top });
    psi += ((fixed(pc) - fixed(pr)) * log) >> fixedBits;
    kl += (fixed(pc) * log) >> fixedBits;
    if (c > 0n) g += 2n * c * logRatio({ top: c * (n + m), bottom: m * (r + c) });
    if (r > 0n) g += 2n * r * logRatio({ top: r * (n + m), bottom: n * (r + c) });
  }
  return { psi: toNumber(psi), kl: toNumber(kl), g: toNumber(g), slotsUsed: used.length };
}

/** Zero proportions become 1 / inverseFloor; nothing is renormalised. */
export function divergenceWithFloor(
  reference: readonly number[],
  current: readonly number[],
  inverseFloor: number,
): { psi: number; kl: number } {
  const n = BigInt(reference.reduce((sum, count) => sum + count, 0));
  const m = BigInt(current.reduce((sum, count) => sum + count, 0));
  const floor = { top: 1n, bottom: BigInt(inverseFloor) };
  let psi = 0n;
  let kl = 0n;
  reference.forEach((count, slot) => {
    if (count + current[slot]! === 0) return;
    const pr = count > 0 ? { top: BigInt(count), bottom: n } : floor;
    const pc = current[slot]! > 0 ? { top: BigInt(current[slot]!), bottom: m } : floor;
    const log = logRatio({ top: pc.top * pr.bottom, bottom: pc.bottom * pr.top });
    psi += ((fixed(pc) - fixed(pr)) * log) >> fixedBits;
    kl += (fixed(pc) * log) >> fixedBits;
  });
  return { psi: toNumber(psi), kl: toNumber(kl) };
}

type Round = (x: number) => number;

export function subtract(source: readonly number[], target: readonly number[], round: Round): number[] {
  return source.map((x, i) => round(target[i]! - x));
}

export function scale(source: readonly number[], factor: number, round: Round): number[] {
  return source.map((x) => round(round(factor) * x));
}

/** source + factor (target - source), every step rounded. */
export function blend(
  source: readonly number[],
  target: readonly number[],
  factor: number,
  round: Round,
): number[] {
  return source.map((x, i) => round(x + round(round(factor) * round(target[i]! - x))));
}

/** dot, |source|^2, |target|^2, |target - source|^2, elements that differ. */
export function compareVectors(source: readonly number[], target: readonly number[]): number[] {
  const sum = (term: (x: number, y: number) => number) =>
    source.reduce((total, x, i) => total + term(x, target[i]!), 0);
  return [
    sum((x, y) => x * y),
    sum((x) => x * x),
    sum((_, y) => y * y),
    sum((x, y) => (y - x) * (y - x)),
    sum((x, y) => (x === y ? 0 : 1)),
  ];
}
