/** What the tests of this folder share: golden values, tolerances, hostile arguments. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../../src/errors.js";
import { fixturePath } from "../../../support.js";

export interface GoldenEntry {
  readonly args: readonly number[];
  readonly expected: number;
}

export interface KsCase {
  readonly name: string;
  readonly n: number;
  readonly m: number;
  readonly numerator: number;
  readonly denominator: number;
  readonly statistic: number;
  readonly method: "exact" | "asymptotic";
  readonly effectiveN: number;
  readonly pValueAuto: number;
  readonly pValueExact: number | null;
  readonly pValueAsymptotic: number | null;
}

function readGolden(name: string): unknown {
  return JSON.parse(readFileSync(fixturePath("golden", name), "utf8"));
}

export function goldenSections(): Readonly<Record<string, unknown>> {
  return readGolden("distributions.json") as Readonly<Record<string, unknown>>;
}

/** One section of distributions.json; fails when it is missing or empty. */
export function goldenEntries(section: string): readonly GoldenEntry[] {
  const found = goldenSections()[section] as { entries: readonly GoldenEntry[] };
  assert.ok(found.entries.length > 5, `${section} has entries`);
  return found.entries;
}

export function ksCases(): readonly KsCase[] {
  const file = readGolden("ks.json") as { cases: readonly KsCase[]; generated: readonly KsCase[] };
  return [...file.cases, ...file.generated];
}

/** Passes when `actual` is within `relative` of `expected`, or `absolute`; NaN never passes. */
export function assertClose(
  actual: number,
  expected: number,
  relative: number,
  absolute: number,
  what: string,
): void {
  const error = Math.abs(actual - expected);
  const isClose = actual === expected || error <= absolute || error <= relative * Math.abs(expected);
  assert.ok(isClose, `${what}: ${actual} is not ${expected}, relative error ${error / Math.abs(expected)}`);
}

/** Every golden entry of a section, at the tolerance of ORIGIN.md: relative 1e-9, or `absolute`. */
export function assertGolden(section: string, f: (...args: number[]) => number, absolute: number): void {
  for (const { args, expected } of goldenEntries(section)) {
    assertClose(f(...args), expected, 1e-9, absolute, `${section}(${args})`);
  }
}

/** A domain error: code, and a message that names the argument. */
export function assertRefused(f: () => unknown, argument: string): void {
  try {
    f();
  } catch (error) {
    assert.ok(error instanceof MendlineError, `${argument}: a MendlineError, not ${error}`);
    assert.is(error.code, "MENDLINE_ARGUMENT_INVALID");
    assert.match(error.message, argument);
    return;
  }
  assert.unreachable(`${argument} was accepted`);
}

/** sf is within [0, 1] and does not rise along growing arguments, but for rounding. */
export function assertFalling(sf: (x: number) => number, xs: readonly number[], what: string): void {
  let before = 1;
  for (const x of xs) {
    const p = sf(x);
    assert.ok(p >= 0 && p <= 1, `${what} at ${x} is a probability: ${p}`);
    assert.ok(p <= before * (1 + 1e-11), `${what} falls at ${x}: ${p} after ${before}`);
    before = p;
  }
}

/** `count` numbers from low to high, in equal ratios. */
export function geometricGrid(low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => low * (high / low) ** (k / (count - 1)));
}
