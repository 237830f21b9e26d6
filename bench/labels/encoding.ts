/** From raw rows to a network's inputs: numbers scaled by the base's training data, a season as an angle, categories one-hot. */
import type { EncodedRows } from "./network.js";
import type { RawRow } from "./scene.js";

export interface Scaling {
  readonly mean: number;
  readonly deviation: number;
}

export type Input =
  | { readonly kind: "number"; readonly name: string; readonly scaling: Scaling }
  /** Two inputs: sine and cosine of a day of the year. */
  | { readonly kind: "season"; readonly name: string }
  /** One input a name. */
  | { readonly kind: "category"; readonly name: string; readonly names: readonly string[] };

const yearDays = 365.25;

export function scalingOf(rows: readonly RawRow[], name: string): Scaling {
  const values = rows.map((row) => Number(row[name]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) || 1 };
}

export function encode(rows: readonly RawRow[], inputs: readonly Input[]): EncodedRows {
  const encoded = rows.map((row) => inputs.flatMap((input) => valuesOf(row, input)));
  return { inCount: encoded[0]!.length, values: Float64Array.from(encoded.flat()) };
}

function valuesOf(row: RawRow, input: Input): number[] {
  const value = row[input.name]!;
  if (input.kind === "category") return input.names.map((name) => (name === value ? 1 : 0));
  if (input.kind === "number") return [(Number(value) - input.scaling.mean) / input.scaling.deviation];
  const angle = (2 * Math.PI * Number(value)) / yearDays;
  return [Math.sin(angle), Math.cos(angle)];
}
