/** A source with columns that it does not have, each without a single value. */
import type { Arena, Scope } from "../memory/arena.js";
import type { Batch, Column, DataSource, Field } from "./column.js";

/** @param absent  fields whose names the source has not */
export function withAbsent(source: DataSource, absent: readonly Field[], arena: Arena): DataSource {
  if (absent.length === 0) return source;
  const byName = new Map(absent.map((field) => [field.name, field]));
  return {
    label: source.label,
    rowCount: source.rowCount,
    fields: [...source.fields, ...absent],
    async *read(options = {}) {
      const wanted = options.columns ?? [...source.fields, ...absent].map(({ name }) => name);
      const present = wanted.filter((name) => !byName.has(name));
      const empty = wanted.flatMap((name) => byName.get(name) ?? []);
      for await (const batch of source.read({ ...options, columns: present })) {
        const scope = arena.scope();
        try {
          yield completed(batch, empty, arena, scope);
        } finally {
          scope.close();
        }
      }
    },
    close: () => source.close(),
  };
}

/** All absent columns share one stretch of values that nobody reads and one of validity bits that are all 0. */
function completed(batch: Batch, absent: readonly Field[], arena: Arena, scope: Scope): Batch {
  const { rowCount } = batch;
  if (absent.length === 0) return batch;
  const validityBytes = (rowCount + 7) >>> 3;
  const validityPtr = scope.allocate(Math.max(1, validityBytes));
  new Uint8Array(arena.memory.buffer, validityPtr, validityBytes).fill(0);
  const valuesPtr = scope.allocate(Math.max(1, rowCount));
  new Uint8Array(arena.memory.buffer, valuesPtr, rowCount).fill(0);
  const rows = { rowCount, valuesPtr, validityPtr, validityBitOffset: 0 };
  const columns = new Map(batch.columns);
  for (const { name, logical, type } of absent) {
    const column: Column =
      type === null
        ? { kind: "text", name, type: "u8", names: [null], ...rows }
        : { kind: "numeric", name, logical, type: "u8", ...rows };
    columns.set(name, column);
  }
  return { rowCount, columns };
}
