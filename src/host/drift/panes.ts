/** Panes: a stretch of rows or of time as counts, and the sums of several. What a window's memory is, whatever the number of rows. */
import type { ClosedWindow, FeatureCounts } from "./window.js";

export interface PaneSegment {
  rowCount: number;
  readonly counts: FeatureCounts;
}

export class Pane {
  readonly number: number;
  /** Rows assigned so far, and those of them that are counted. */
  rowsTaken = 0;
  rowsCounted = 0;
  /** By segment; one alone where none are told apart. Those without rows take no memory. */
  readonly segments: (PaneSegment | undefined)[] = [];
  readonly #slotCounts: readonly number[];

  constructor(number: number, slotCounts: readonly number[]) {
    this.number = number;
    this.#slotCounts = slotCounts;
  }

  segment(index: number): PaneSegment {
    return (this.segments[index] ??= {
      rowCount: 0,
      counts: this.#slotCounts.map((slots) => new Float64Array(slots)),
    });
  }
}

/** Rows of what was offered that belong to one pane: [from, from + rowCount), or those that `rows` lists. */
export interface PaneShare {
  readonly pane: Pane;
  readonly from: number;
  readonly rowCount: number;
  readonly rows: Int32Array | null;
}

/** Sorts rows by their panes: mostly one stretch each, lists where they are mixed. The lists are valid until the next rows begin. */
export class PaneRows {
  readonly #places: Int32Array;
  readonly #rows: Int32Array;
  readonly #panes: Pane[] = [];
  readonly #placeOf = new Map<Pane, number>();
  #from = 0;
  #count = 0;
  #last: Pane | null = null;
  #lastPlace = -1;
  /** Whether there are rows that are in no pane. */
  #hasOthers = false;

  constructor(capacity: number) {
    this.#places = new Int32Array(capacity);
    this.#rows = new Int32Array(capacity);
  }

  /** @param from  position of the first row */
  begin(from: number): void {
    this.#from = from;
    this.#count = 0;
    this.#panes.length = 0;
    this.#placeOf.clear();
    this.#last = null;
    this.#hasOthers = false;
  }

  /** The next row's pane; null where it is in none. */
  add(pane: Pane | null): void {
    if (pane !== null && pane !== this.#last) {
      this.#last = pane;
      this.#lastPlace = this.#placeOf.get(pane) ?? this.#panes.push(pane) - 1;
      this.#placeOf.set(pane, this.#lastPlace);
    }
    if (pane === null) this.#hasOthers = true;
    this.#places[this.#count++] = pane === null ? -1 : this.#lastPlace;
  }

  /** Takes the rows as rows of their panes. */
  shares(): PaneShare[] {
    const places = this.#places;
    if (this.#panes.length === 1 && !this.#hasOthers) {
      const [pane] = this.#panes;
      pane!.rowsTaken += this.#count;
      pane!.rowsCounted += this.#count;
      return [{ pane: pane!, from: this.#from, rowCount: this.#count, rows: null }];
    }
    const ends = sortByPlace(
      this.#count,
      this.#panes.length,
      (index) => places[index]!,
      (index) => this.#from + index,
      this.#rows,
    );
    return this.#panes.map((pane, place) => {
      const listed = this.#rows.subarray(place === 0 ? 0 : ends[place - 1]!, ends[place]!);
      pane.rowsTaken += listed.length;
      pane.rowsCounted += listed.length;
      return { pane, ...stretchOrList(listed) };
    });
  }
}

/**
 * Writes the rows that have a place from 0 on, by their places, in their order.
 *
 * @returns where each place's rows end in `out`
 */
export function sortByPlace(
  count: number,
  placeCount: number,
  placeAt: (index: number) => number,
  rowAt: (index: number) => number,
  out: Int32Array,
): Int32Array {
  const next = new Int32Array(placeCount + 1);
  for (let index = 0; index < count; index++) next[placeAt(index) + 1]! += 1;
  // Rows without a place were counted in front.
  next[0] = 0;
  for (let place = 1; place <= placeCount; place++) next[place]! += next[place - 1]!;
  for (let index = 0; index < count; index++) {
    const place = placeAt(index);
    if (place >= 0) out[next[place]!++] = rowAt(index);
  }
  return next.subarray(0, placeCount);
}

/** Rows of an ascending list, which is not empty: as a stretch where they are neighbours. */
export function stretchOrList(rows: Int32Array): Omit<PaneShare, "pane"> {
  const from = rows[0]!;
  const rowCount = rows.length;
  return { from, rowCount, rows: rows[rowCount - 1]! - from + 1 === rowCount ? null : rows };
}

/** The sum of panes, in new arrays, as a whole and by segment. */
export function sumOfPanes(
  panes: readonly Pane[],
  slotCounts: readonly number[],
  bySegment: boolean,
): Pick<ClosedWindow, "rowCount" | "counts" | "segments"> {
  const empty = () => slotCounts.map((slots) => new Float64Array(slots));
  const counts = empty();
  const segments = new Map<number, { segment: number; rowCount: number; counts: FeatureCounts }>();
  let rowCount = 0;
  for (const pane of panes) {
    rowCount += pane.rowsCounted;
    pane.segments.forEach((held, segment) => {
      if (held === undefined) return;
      addCounts(held.counts, counts);
      if (!bySegment) return;
      const sum = segments.get(segment) ?? { segment, rowCount: 0, counts: empty() };
      sum.rowCount += held.rowCount;
      addCounts(held.counts, sum.counts);
      segments.set(segment, sum);
    });
  }
  return { rowCount, counts, segments: [...segments.values()].sort((a, b) => a.segment - b.segment) };
}

function addCounts(source: FeatureCounts, target: FeatureCounts): void {
  for (let feature = 0; feature < source.length; feature++) {
    const from = source[feature]!;
    const to = target[feature]!;
    for (let slot = 0; slot < from.length; slot++) to[slot]! += from[slot]!;
  }
}
