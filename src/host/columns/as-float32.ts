/** Columns of doubles read as f32: what a model that takes f32 is given of them, and what its profile was taken from. */
import type { Arena, Scope } from "../memory/arena.js";
import type { Batch, Column, DataSource, Field } from "./column.js";

/** The same source with the columns that `isWanted` names, where they hold f64, as the nearest f32. */
export function asFloat32(source: DataSource, isWanted: (name: string) => boolean, arena: Arena): DataSource {
  const isNarrowed = ({ name, type }: Field) => type === "f64" && isWanted(name);
  if (!source.fields.some(isNarrowed)) return source;
  const fields = source.fields.map((field): Field => (isNarrowed(field) ? { ...field, type: "f32" } : field));
  return {
    label: source.label,
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
    if (column.kind !== "numeric" || column.type !== "f64" || !isWanted(name)) {
      columns.set(name, column);
      continue;
    }
    const { valuesPtr, rowCount } = column;
    const ptr = scope.allocate(rowCount * 4);
    const { buffer } = arena.memory;
    new Float32Array(buffer, ptr, rowCount).set(new Float64Array(buffer, valuesPtr, rowCount));
    columns.set(name, { ...column, type: "f32", valuesPtr: ptr });
  }
  return { rowCount: batch.rowCount, columns };
}
