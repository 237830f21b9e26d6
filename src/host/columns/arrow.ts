/**
 * Arrow IPC, stream or file, as a source of columns in the arena.
 *
 * The wanted columns' buffers are read by row range straight into the shared memory, where the kernels work on them in place. A record
 * batch larger than the memory streams through in pieces, and columns that nobody asked for are not read at all. The Arrow library is
 * not needed for that: it takes as long to load as a report takes.
 */
import { MendlineError } from "../../errors.js";
import { type OpenByteSource, openByteSource } from "../bytes/byte-source.js";
import type { Arena } from "../memory/arena.js";
import { readArrowFrames } from "./arrow-frames.js";
import { type ArrowColumn, type Layout, layoutOf, storedBytes } from "./arrow-layout.js";
import type { BatchParts } from "./arrow-message.js";
import { ArrowRead } from "./arrow-read.js";
import type { ArrowField } from "./arrow-schema.js";
import { unpackedFrames } from "./arrow-unpack.js";
import type { DataSource } from "./column.js";

export async function openArrow(input: { path: string; label: string }, arena: Arena): Promise<DataSource> {
  const source = await openByteSource(input.path, input.label);
  try {
    return await arrowSource(source, arena);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_FORMAT; MENDLINE_DATA_SCHEMA  two columns of one name */
export async function arrowSource(packed: OpenByteSource, arena: Arena): Promise<DataSource> {
  const found = await readArrowFrames(packed);
  const layout = checkedLayout(found.fields, packed.label);
  const { source, frames } = await unpackedFrames(packed, found, layout.columns);
  const fields = layout.columns.map((column) => column.field);
  for (const batch of frames.batches) checkBatch(batch, layout, source.label);
  return {
    label: source.label,
    fields,
    rowCount: frames.batches.reduce((sum, batch) => sum + batch.rowCount, 0),
    read: (options = {}) => {
      const columns = pickColumns(layout.columns, options.columns, source.label);
      return new ArrowRead(source, arena, frames, columns, options.signal).batches();
    },
    close: () => source.close(),
  };
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA  two columns of one name */
export function checkedLayout(arrowFields: readonly ArrowField[], label: string): Layout {
  const layout = layoutOf(arrowFields);
  const names = new Set<string>();
  for (const { field } of layout.columns) {
    if (names.has(field.name)) {
      throw new MendlineError("MENDLINE_DATA_SCHEMA", `${label} has two columns "${field.name}"; rename one`);
    }
    names.add(field.name);
  }
  return layout;
}

/** That a record batch has the buffers its schema wants, and each monitored column's hold all its rows: then rowCount can be relied on. */
export function checkBatch({ rowCount, nodes, buffers }: BatchParts, layout: Layout, label: string): void {
  if (nodes.length !== layout.nodeCount || buffers.length !== layout.bufferCount) {
    throw new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label}: a record batch has ${nodes.length} nodes and ${buffers.length} buffers where its schema has ${layout.nodeCount} and ${layout.bufferCount}`,
    );
  }
  for (const { field, storage, nodeIndex, bufferIndex } of layout.columns) {
    const node = nodes[nodeIndex]!;
    const broken = (what: string) =>
      new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: column "${field.name}": ${what}`);
    if (node.rowCount !== rowCount) throw broken(`${node.rowCount} rows in a record batch of ${rowCount}`);
    const validityBytes = node.nullCount === 0 ? 0 : Math.ceil(rowCount / 8);
    for (const [index, needed] of [validityBytes, storedBytes(storage, rowCount)].entries()) {
      const { byteLength } = buffers[bufferIndex + index]!;
      if (byteLength < needed)
        throw broken(`${rowCount} rows need ${needed} bytes, the buffer has ${byteLength}`);
    }
  }
}

export function pickColumns(
  columns: readonly ArrowColumn[],
  wanted: readonly string[] | undefined,
  label: string,
): ArrowColumn[] {
  if (wanted === undefined) return [...columns];
  return wanted.map((name) => {
    const column = columns.find((candidate) => candidate.field.name === name);
    if (column !== undefined) return column;
    const known = columns.slice(0, 8).map((candidate) => candidate.field.name);
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${label} has no column "${name}"; it has ${known.join(", ")}`,
    );
  });
}
