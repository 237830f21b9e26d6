/** The segment of each staged row. */
import { type PaneShare, sortByPlace, stretchOrList } from "./panes.js";
import type { Segments } from "./segments.js";
import { StagedCategories } from "./staged-categories.js";

/** Rows of one segment among those of a share. */
export type SegmentShare = Omit<PaneShare, "pane"> & { readonly segment: number };

export class StagedSegments {
  readonly column: StagedCategories;
  readonly #count: number;
  readonly #rows: Int32Array;

  constructor(segments: Segments, capacity: number) {
    this.column = new StagedCategories(
      { name: segments.column, logical: "text", type: null },
      segments,
      capacity,
    );
    this.#count = segments.count;
    this.#rows = new Int32Array(capacity);
  }

  /** The rows of a share by their segments; lists are valid until the next call. */
  partsOf({ from, rowCount, rows }: PaneShare): SegmentShare[] {
    const { slots } = this.column;
    const rowAt = (index: number) => (rows === null ? from + index : rows[index]!);
    const ends = sortByPlace(rowCount, this.#count, (index) => slots[rowAt(index)]!, rowAt, this.#rows);
    const parts: SegmentShare[] = [];
    let begin = 0;
    ends.forEach((end, segment) => {
      const listed = this.#rows.subarray(begin, end);
      if (end > begin) parts.push({ segment, ...stretchOrList(listed) });
      begin = end;
    });
    return parts;
  }
}
