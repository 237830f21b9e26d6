/** Labelled data by hand, days of the rain example, and expecting a refusal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../../../src/errors.js";
import { type Judgement, judgementOfLoss } from "../../../src/host/repair/judgement.js";
import type { LabelledData } from "../../../src/host/repair/labelled-data.js";
import { type Candidate, candidateOfBytes } from "../../../src/host/repair/validator.js";
import { packageRoot } from "../../support.js";

export function labelled(
  columns: Readonly<Record<string, readonly number[]>>,
  labels: readonly number[],
  texts: Readonly<Record<string, readonly string[]>> = {},
): LabelledData {
  const features = Object.keys(columns);
  return {
    source: "data.csv",
    rowCount: labels.length,
    features,
    label: "y",
    columns: features.map((name) => Float64Array.from(columns[name]!)),
    texts: features.map((name) => texts[name] ?? null),
    labels: Float64Array.from(labels),
    weights: null,
    weight: null,
    rowNumbers: Uint32Array.from(labels, (_, row) => row + 1),
    skippedUnlabelled: 0,
  };
}

/** Rows that count all the same, as judgements of them take them. */
export function unweighted(labels: Float64Array): { labels: Float64Array; weights: null; rowCount: number } {
  return { labels, weights: null, rowCount: labels.length };
}

/** What a command printed for so many rows. */
export function printed(loss: Float64Array | number, rowCount: number): Judgement {
  return judgementOfLoss(loss, { rowCount, weights: null });
}

export function rainModel(name: string): Candidate {
  const bytes = readFileSync(join(packageRoot, "examples", "rain", "models", `${name}.onnx`));
  return candidateOfBytes(bytes, "onnx", name);
}

/** One city's year: day_of_year, temp_min, temp_max, wind, and whether it rained. */
export function rainDays(city: string, year: number): LabelledData {
  const path = join(packageRoot, "node_modules", "vega-datasets", "data", "weather.csv");
  const rows = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","))
    .filter(([location, date]) => location === city && date!.startsWith(`${year}-`));
  const column = (index: number) => rows.map((row) => Number(row[index]));
  return labelled(
    {
      day_of_year: rows.map((_, index) => index + 1),
      temp_min: column(4),
      temp_max: column(3),
      wind: column(5),
    },
    column(2).map((precipitation) => (precipitation > 0 ? 1 : 0)),
  );
}

export async function refuses(work: () => unknown, code: ErrorCode, message: RegExp): Promise<MendlineError> {
  let thrown: unknown = null;
  try {
    await work();
  } catch (error) {
    thrown = error;
  }
  assert.instance(thrown, MendlineError, `expected ${code} ${message}, got ${String(thrown)}`);
  const error = thrown as MendlineError;
  assert.is(error.code, code, error.message);
  assert.match(error.message, message);
  assert.not.match(error.message, /\n/);
  return error;
}

export function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

export function nearAll(actual: Iterable<number>, expected: readonly number[], tolerance: number): void {
  const values = [...actual];
  assert.is(values.length, expected.length);
  for (const [at, value] of values.entries()) near(value, expected[at]!, tolerance);
}
