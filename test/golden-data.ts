/** Reads the golden columns (test/fixtures/golden) and turns them into Arrow tables. Generators: written from their description there. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Bool, Float32, Float64, Int32, Int64, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { mulberry32 } from "./random.js";
import { fixturePath } from "./support.js";

export type Cell = number | string | boolean | null;
export interface Generator {
  kind: string;
  n: number;
  first: Cell[];
  sha256: string;
  [parameter: string]: unknown;
}
export type GoldenColumn = Cell[] | Generator;

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(fixturePath("golden", name), "utf8")) as T;
}

/** Uniform doubles in [0, 1) with 53 random bits. */
export function uniforms(seed: number): () => number {
  const next = mulberry32(seed);
  return () => {
    const high = next() >>> 5;
    const low = next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
}

export function cellsOf(column: GoldenColumn): Cell[] {
  if (Array.isArray(column)) return column;
  const cells = generate(column);
  const found = digest(cells);
  if (found !== column.sha256)
    throw new Error(`generator ${column.kind} gives ${found}, not ${column.sha256}`);
  return cells;
}

function generate(g: Generator): Cell[] {
  const p = g as unknown as Record<string, number> & { prefix: string; type: string };
  const u = uniforms(p.seed ?? 0);
  const bell = () => {
    let sum = 0;
    for (let k = 0; k < 12; k++) sum += u();
    return p.mean! + p.sd! * (sum - 6);
  };
  const draws: Record<string, (index: number) => number | string> = {
    uniform: () => p.lo! + (p.hi! - p.lo!) * u(),
    bell,
    lomax: () => {
      const x = u();
      return p.scale! * (x / (1 - x));
    },
    ratio: () => {
      const t = 2 * u() - 1;
      return p.scale! * (t / (1 - Math.abs(t)));
    },
    integer: () => p.lo! + Math.floor(u() * (p.hi! - p.lo! + 1)),
    spike: () => {
      const first = u();
      const x = bell();
      return first < p.share! ? p.at! : x;
    },
    linspace: (i) =>
      (i === g.n - 1 ? p.stop! : i * ((p.stop! - p.start!) / (g.n - 1)) + p.start!) - (p.minus ?? 0),
    category: () => {
      const x = u();
      return p.prefix + Math.floor(x * x * p.kinds!);
    },
  };
  const shares = [p.missing, p.nan, p.plusInfinity, p.minusInfinity];
  const special = shares.some((share) => share !== undefined) ? uniforms((p.seed! ^ 0x9e3779b9) >>> 0) : null;
  const instead = [null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return Array.from({ length: g.n }, (_, index) => {
    let value: Cell = draws[g.kind]!(index);
    if (typeof value === "number") {
      if (p.quantum !== undefined) value = Math.floor(value / p.quantum) * p.quantum;
      if (p.type === "f32") value = Math.fround(value);
    }
    if (special !== null) {
      const w = special();
      let bound = 0;
      const mark = shares.findIndex((share) => w < (bound += share ?? 0));
      if (mark >= 0) value = instead[mark]!;
    }
    return value;
  });
}

function digest(cells: readonly Cell[]): string {
  const hash = createHash("sha256");
  const numbers: number[] = [];
  for (const cell of cells) {
    if (typeof cell === "string") hash.update(`${cell}\n`);
    else if (typeof cell === "number" && !Number.isNaN(cell)) numbers.push(cell);
  }
  return hash.update(new Uint8Array(new Float64Array(numbers).buffer)).digest("hex");
}

const words: Record<string, number | null> = {
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** One column `x` as an Arrow IPC stream. */
export function arrowColumn(cells: readonly Cell[], type: string): Uint8Array {
  const numbers = () => cells.map((cell) => (typeof cell === "string" ? words[cell]! : cell));
  const arrow = {
    f64: () => vectorFromArray(numbers() as number[], new Float64()),
    f32: () => vectorFromArray(numbers() as number[], new Float32()),
    int32: () => vectorFromArray(numbers() as number[], new Int32()),
    int64: () =>
      vectorFromArray(
        cells.map((cell) => (cell === null || cell === "null" ? null : BigInt(cell))),
        new Int64(),
      ),
    bool: () => vectorFromArray(cells as (boolean | null)[], new Bool()),
    category: () => vectorFromArray(cells as (string | null)[], new Utf8()),
  }[type]!();
  return tableToIPC(new Table({ x: arrow }), "stream");
}
