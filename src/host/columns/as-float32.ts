/** Columns of numbers that f32 cannot hold read as f32: what a model that takes f32 is given of them. */
import { isWideInteger, type NumericType, viewOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import type { Batch, Column, DataSource, Field } from "./column.js";

/** Whole numbers of up to 16 bits are f32 already. */
const narrowedTypes: readonly NumericType[] = ["f64", "i32", "u32", "i64", "u64"];

/** The same source with the columns that `isWanted` names, where they hold doubles or wide whole numbers, as the nearest f32. */
export function asFloat32(source: DataSource, isWanted: (name: string) => boolean, arena: Arena): DataSource {
  const isNarrowed = ({ name, type }: Field) =>
    type !== null && narrowedTypes.includes(type) && isWanted(name);
  if (!source.fields.some(isNarrowed)) return source;
  const fields = source.fields.map((field): Field => (isNarrowed(field) ? { ...field, type: "f32" } : field));
  return {
    label: source.label,
    path: source.path,
    rowCount: source.rowCount,
    fields,
    async *read(options) {
      for await (const batch of source.read(options)) {
        const scope = arena.scope();
        try {
          yield narrowed(batch, isWanted, arena, scope);
        } finally {
          scope.close();
        }
      }
    },
    close: () => source.close(),
  };
}

function narrowed(batch: Batch, isWanted: (name: string) => boolean, arena: Arena, scope: Scope): Batch {
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns) {
    if (column.kind !== "numeric" || !narrowedTypes.includes(column.type) || !isWanted(name)) {
      columns.set(name, column);
      continue;
    }
    const { type, valuesPtr, rowCount } = column;
    const ptr = scope.allocate(rowCount * 4);
    const values = viewOf(arena.memory, type, valuesPtr, rowCount);
    const floats = new Float32Array(arena.memory.buffer, ptr, rowCount);
    if (isWideInteger(type)) for (let row = 0; row < rowCount; row++) floats[row] = Number(values[row]!);
    else floats.set(values as Float64Array);
    columns.set(name, { ...column, type: "f32", valuesPtr: ptr });
  }
  return { rowCount: batch.rowCount, columns };
}
