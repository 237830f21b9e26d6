/** Numeric columns read as categories, by the shortest decimal text of each number: what `--categorical` asks for. */
import { bytesOf, type NumericType, viewOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import type { Batch, Column, DataSource, Logical, NumericColumn, TextColumn } from "./column.js";
import { TextDictionary } from "./text-dictionary.js";

/** The same source with the named columns as text; columns that are text already stay as they are. */
export function asText(source: DataSource, names: readonly string[], arena: Arena): DataSource {
  const turned = new Set(
    source.fields
      .filter((field) => field.type !== null && names.includes(field.name))
      .map((field) => field.name),
  );
  if (turned.size === 0) return source;
  return {
    label: source.label,
    path: source.path,
    rowCount: source.rowCount,
    fields: source.fields.map((field) =>
      turned.has(field.name) ? { name: field.name, logical: "text", type: null } : field,
    ),
    async *read(options) {
      const encoders = new Map(Array.from(turned, (name) => [name, new NumberEncoder(name)]));
      for await (const batch of source.read(options)) {
        const scope = arena.scope();
        try {
          yield turnBatch(batch, encoders, arena, scope);
        } finally {
          scope.close();
        }
      }
    },
    close: () => source.close(),
  };
}

function turnBatch(
  batch: Batch,
  encoders: ReadonlyMap<string, NumberEncoder>,
  arena: Arena,
  scope: Scope,
): Batch {
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns) {
    const encoder = encoders.get(name);
    const turned =
      encoder !== undefined && column.kind === "numeric" ? encoder.encode(column, arena, scope) : column;
    columns.set(name, turned);
  }
  return { rowCount: batch.rowCount, columns };
}

class NumberEncoder {
  readonly #dictionary: TextDictionary;
  readonly #names: (string | null)[] = [null];

  constructor(column: string) {
    this.#dictionary = new TextDictionary(column);
  }

  /** Code 0 is the missing value: NaN has no name, and what stands in an absent row is none of the column's values. */
  encode(column: NumericColumn, arena: Arena, scope: Scope): TextColumn {
    const codesPtr = scope.allocate(column.rowCount * bytesOf("i32"));
    const values = viewOf(arena.memory, column.type, column.valuesPtr, column.rowCount);
    const codes = new Int32Array(arena.memory.buffer, codesPtr, column.rowCount);
    const textOf = numberText(column.logical, column.type);
    const isAbsent = absenceIn(column, arena);
    for (let row = 0; row < column.rowCount; row++) {
      const value = values[row]!;
      if (Number.isNaN(value) || isAbsent(row)) codes[row] = 0;
      else codes[row] = this.#codeOf(textOf(value));
    }
    return { ...column, kind: "text", type: "i32", valuesPtr: codesPtr, names: this.#names };
  }

  #codeOf(text: string): number {
    const code = this.#dictionary.codeOf(text) + 1;
    if (code === this.#names.length) this.#names.push(text);
    return code;
  }
}

/** How the numbers of a column are written as categories. */
export function numberText(logical: Logical, type: NumericType): (value: number | bigint) => string {
  if (logical === "boolean") return (value) => String(value !== 0);
  return type === "f32" ? (value) => shortestF32(value as number) : String;
}

/** The fewest digits that give the same f32: 0.1, where the double beside it would be written 0.10000000149011612. */
function shortestF32(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

function absenceIn(
  { validityPtr, validityBitOffset }: NumericColumn,
  arena: Arena,
): (row: number) => boolean {
  if (validityPtr === 0) return () => false;
  const { bytes } = arena;
  return (row) => {
    const bit = validityBitOffset + row;
    return ((bytes[validityPtr + (bit >>> 3)]! >>> (bit & 7)) & 1) === 0;
  };
}
