/** How rows are cut into tasks: by the data alone, never by the number of threads, so that results are the same bytes for any pool. */
import { partitionRows } from "../limits.js";

export interface RowRange {
  readonly from: number;
  readonly rowCount: number;
}

export function rowRanges(rowCount: number, rowsMax: number = partitionRows): RowRange[] {
  const ranges: RowRange[] = [];
  for (let from = 0; from < rowCount; from += rowsMax) {
    ranges.push({ from, rowCount: Math.min(rowsMax, rowCount - from) });
  }
  return ranges;
}
