/** Live rows as a model takes them: the features alone, evenly spread over the data, whole in memory. */
import { recalibrationRowsMax } from "../../limits.js";
import type { DataSource } from "../columns/column.js";
import { columnOf, readNumbers, sharedF64 } from "./column-values.js";
import type { JudgeRows } from "./onnx-inputs.js";

export interface LiveRowsOptions {
  readonly features: readonly string[];
  /** The memory that the source's columns are in. */
  readonly memory: WebAssembly.Memory;
  readonly signal?: AbortSignal | undefined;
}

/** Why these features cannot be read as numbers; null where they can. */
export function liveRowsRefusal(source: DataSource, features: readonly string[]): string | null {
  for (const name of features) {
    const field = source.fields.find((one) => one.name === name);
    if (field === undefined) return `the live data has no column ${name}`;
    if (field.type === null) return `feature ${name} is text`;
  }
  return null;
}

/** Every n-th row, so that there are at most recalibrationRowsMax; the same data gives the same rows. */
export async function readLiveRows(source: DataSource, options: LiveRowsOptions): Promise<JudgeRows> {
  const { features, memory, signal } = options;
  const stride = Math.max(1, Math.ceil(source.rowCount / recalibrationRowsMax));
  const roomFor = Math.ceil(source.rowCount / stride);
  const columns = features.map(() => sharedF64(roomFor));
  const rowNumbers = new Uint32Array(roomFor);
  let seen = 0;
  let rowCount = 0;
  for await (const batch of source.read({ columns: [...features], ...(signal && { signal }) })) {
    const rows = everyNth(stride, seen, batch.rowCount).subarray(0, roomFor - rowCount);
    const to = rowCount + rows.length;
    features.forEach((name, index) => {
      const column = columnOf(batch, name);
      readNumbers(memory, column, rows, columns[index]!.subarray(rowCount, to));
    });
    for (let i = 0; i < rows.length; i++) rowNumbers[rowCount + i] = seen + rows[i]! + 1;
    rowCount = to;
    seen += batch.rowCount;
  }
  return {
    source: source.label,
    rowCount,
    features: [...features],
    columns: columns.map((column) => column.subarray(0, rowCount)),
    texts: features.map(() => null),
    rowNumbers: rowNumbers.subarray(0, rowCount),
  };
}

/** The rows of a batch that begins at row `from` whose place in the whole is a multiple of the stride. */
function everyNth(stride: number, from: number, rowCount: number): Uint32Array {
  const first = (stride - (from % stride)) % stride;
  const count = first >= rowCount ? 0 : Math.ceil((rowCount - first) / stride);
  return Uint32Array.from({ length: count }, (_, index) => first + index * stride);
}
