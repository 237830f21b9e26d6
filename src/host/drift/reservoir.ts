/**
 * The reservoir: a bounded, seeded sample of the newest rows that a monitor saw, so that there is something to ask people about when
 * drift strikes. Row i (in the order in which rows were taken) is in it after n rows exactly if
 *
 *     n - recentRows <= i < n    and    u(i) < rows / min(n, recentRows)
 *
 * u(i) is a keyed hash of i, uniform on [0, 1). So the sample is a function of the seed and of n alone: the same however the rows are cut
 * up, before and after a restart, and every recent row is as likely in it as every other. About `rows` rows are held (a binomial count),
 * and the `rows` of the smallest hashes offered. Where `recentRows` follows the windows, the share is that of the largest `recentRows` since
 * the oldest row that is held: so all are alike still.
 *
 * Not taken: Algorithm L, whose rows never grow old; priority samples of a sliding window, which take hold of every row at first.
 */
import { stagedRowsMax } from "../../limits.js";
import type { Row } from "../columns/rows.js";

export interface ReservoirOptions {
  /** Rows offered at most; 1,000 by default, fewer where so many would take more than `reservoirBytesMax`. */
  readonly rows?: number;
  /** Of the newest so many rows; by default those of the last two windows. */
  readonly recentRows?: number;
  /** None older than that: by event time where windows are by time (two windows by default), else by this machine's clock (no limit). */
  readonly maxAgeMs?: number;
  readonly seed?: number;
}

export interface ReservoirSettings extends Required<ReservoirOptions> {
  readonly columns: readonly ReservoirColumn[];
  /** `recentRows` is where it begins: from the first window on it is what two of them hold. */
  readonly followsWindows: boolean;
  /** What ages are counted by: rows' own times, or this machine's clock. */
  readonly ageBy: "event" | "clock";
}

/** From a row on, how many rows are recent. */
interface Span {
  readonly from: number;
  readonly recentRows: number;
}

export interface ReservoirColumn {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
}

/** Of one row, in the order of the columns; null is missing. */
export type KeptCells = readonly (number | string | null)[];

export interface KeptRow {
  /** Its place among the rows taken, from 0. */
  readonly number: number;
  readonly hash: number;
  /** When it happened; null where no age is asked for. */
  readonly ms: number | null;
  readonly cells: KeptCells;
}

/** What a reservoir needs to go on. */
export interface ReservoirState {
  readonly rowsTaken: number;
  readonly spans: readonly Span[];
  /** Rows before it are gone. */
  readonly oldest: number;
  readonly rows: readonly Omit<KeptRow, "hash">[];
}

/** An alarm is told by the last windows: rows from before them would not be of its regime. */
export const windowsKept = 2;
const hashes = 2 ** 32;
const noRows: readonly number[] = [];

export class Reservoir {
  readonly settings: ReservoirSettings;
  readonly #newestMs: () => number;
  /** Held at once; a binomial count goes beyond it once in 10^9 windows, and is then cut to it. */
  readonly #heldMax: number;
  readonly #key: number;
  #rowsTaken = 0;
  #spans: Span[];
  #oldest = 0;
  /** The one that rows are taken in. */
  #span: Span & { readonly end: number };
  /** By number. Rows that have grown old, or lost to a lower share, may still be among them. */
  #held: KeptRow[] = [];

  /** @param newestMs  the time that ages are counted from: rows' own or the machine's */
  constructor(settings: ReservoirSettings, newestMs: () => number) {
    this.settings = settings;
    this.#newestMs = newestMs;
    this.#spans = [{ from: 0, recentRows: settings.recentRows }];
    this.#span = this.#spanAt(0);
    this.#heldMax = Math.ceil(settings.rows + 6 * Math.sqrt(settings.rows)) + 16;
    this.#key = mixed(mixed(settings.seed | 0) + Math.floor(settings.seed / hashes));
  }

  get rowsTaken(): number {
    return this.#rowsTaken;
  }

  /** Whether rows need their time. */
  get hasAges(): boolean {
    return this.settings.maxAgeMs !== Number.POSITIVE_INFINITY;
  }

  /**
   * Told that a window closed, by rows that were taken long before the rows still to be counted.
   *
   * @param windowRows  rows of the window
   * @param ahead  rows taken that are not counted yet. They are decided; what the window tells begins where none can be staged now, so
   * that it does not depend on how many are
   */
  follow(windowRows: number, ahead: number): void {
    const { followsWindows, rows } = this.settings;
    if (!followsWindows) return;
    const from = this.#rowsTaken - ahead + stagedRowsMax;
    const recentRows = Math.max(rows, windowsKept * windowRows);
    this.#spans = this.#spans.filter((span) => span.from < from);
    if (this.#spans.at(-1)!.recentRows !== recentRows) this.#spans.push({ from, recentRows });
    this.#span = this.#spanAt(this.#rowsTaken);
  }

  /** Takes the next `count` rows; returns those of them, from 0, that are in the sample, to be given to `keep` one after the other. */
  choose(count: number): readonly number[] {
    const first = this.#rowsTaken;
    const end = first + count;
    let chosen: number[] | null = null;
    while (this.#rowsTaken < end) {
      const from = this.#rowsTaken;
      if (from >= this.#span.end) this.#span = this.#spanAt(from);
      const { recentRows } = this.#span;
      const to = Math.min(end, this.#span.end);
      this.#rowsTaken = to;
      this.#oldest = Math.max(this.#oldest, to - recentRows);
      chosen = this.#chooseBelow(this.#shareOf(recentRows), first, Math.max(from, this.#oldest), to, chosen);
    }
    return chosen ?? noRows;
  }

  /** Of rows [from, to); as offsets from row `first`. */
  #chooseBelow(
    threshold: number,
    first: number,
    from: number,
    to: number,
    before: number[] | null,
  ): number[] | null {
    let chosen = before;
    for (let row = from; row < to; ) {
      // Of a number beyond 32 bits the upper ones are part of the key.
      const upper = Math.floor(row / hashes);
      const end = Math.min(to, (upper + 1) * hashes);
      const start = (row - upper * hashes + this.#keyFor(upper)) | 0;
      const count = end - row;
      const offset = row - first;
      for (
        let i = nextBelow(start, 0, count, threshold);
        i < count;
        i = nextBelow(start, i + 1, count, threshold)
      ) {
        chosen ??= [];
        chosen.push(offset + i);
      }
      row = end;
    }
    return chosen;
  }

  /**
   * Keeps a row that `choose` returned last.
   *
   * @param cells  null: it cannot be shown to a person (infinite, or a text that is too long), and is left out
   * @param ms  NaN: its age cannot be told, and it is left out
   */
  keep(offset: number, count: number, cells: KeptCells | null, ms: number | null): void {
    if (cells === null || Number.isNaN(ms)) return;
    const number = this.#rowsTaken - count + offset;
    this.#held.push({ number, hash: this.#hashOf(number), ms, cells });
    if (this.#held.length > 2 * this.#heldMax) this.#settle();
  }

  /** The sample, oldest first. */
  rows(): readonly KeptRow[] {
    this.#settle();
    const least = Math.min(...this.#thresholds());
    return smallest(
      this.#held.filter(({ hash }) => hash < least),
      this.settings.rows,
    );
  }

  /** The sample as an application has rows. */
  asRows(): Row[] {
    const { columns } = this.settings;
    return this.rows().map(({ cells }) =>
      Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null])),
    );
  }

  get state(): ReservoirState {
    this.#settle();
    return {
      rowsTaken: this.#rowsTaken,
      spans: [...this.#spans],
      oldest: this.#oldest,
      rows: this.#held.map(({ number, ms, cells }) => ({ number, ms, cells })),
    };
  }

  /** Goes on from a state of the same seed and columns; before any row. */
  restore({ rowsTaken, spans, oldest, rows }: ReservoirState): void {
    const { followsWindows, recentRows } = this.settings;
    this.#rowsTaken = rowsTaken;
    this.#oldest = oldest;
    if (followsWindows) this.#spans = [...spans];
    else this.#oldest = Math.max(oldest, rowsTaken - recentRows);
    this.#span = this.#spanAt(rowsTaken);
    this.#held = rows.map((row) => ({ ...row, hash: this.#hashOf(row.number) }));
    this.#settle();
  }

  /** Drops what is not in the sample, and cannot come to be in it when an older span is over. */
  #settle(): void {
    // A span that ended before the oldest row tells of no row that is held.
    while (this.#spans.length > 1 && this.#spans[1]!.from <= this.#oldest) this.#spans.shift();
    const thresholds = this.#thresholds();
    const since = this.hasAges ? this.#newestMs() - this.settings.maxAgeMs : Number.NEGATIVE_INFINITY;
    let span = 0;
    const left = this.#held.filter(({ number, hash, ms }) => {
      while (span + 1 < thresholds.length && this.#spans[span + 1]!.from <= number) span += 1;
      return number >= this.#oldest && hash < thresholds[span]! && (ms === null || ms >= since);
    });
    this.#held = smallest(left, this.#heldMax);
  }

  /** Hashes of the rows of each span that has begun lie below it: by the most rows that are recent in it or in a later one. */
  #thresholds(): number[] {
    const begun = this.#spans.filter(({ from }, index) => index === 0 || from < this.#rowsTaken);
    let widest = 0;
    return begun
      .toReversed()
      .map(({ recentRows }) => {
        widest = Math.max(widest, recentRows);
        return this.#shareOf(widest);
      })
      .toReversed();
  }

  /** The span that a row is in, and the first row behind it. */
  #spanAt(row: number): Span & { readonly end: number } {
    const at = Math.max(
      0,
      this.#spans.findLastIndex(({ from }) => from <= row),
    );
    return { ...this.#spans[at]!, end: this.#spans[at + 1]?.from ?? Number.POSITIVE_INFINITY };
  }

  /** Hashes below it are in the sample. */
  #shareOf(recentRows: number): number {
    return hashes * Math.min(1, this.settings.rows / Math.min(Math.max(1, this.#rowsTaken), recentRows));
  }

  #hashOf(number: number): number {
    const upper = Math.floor(number / hashes);
    return mixed((number - upper * hashes + this.#keyFor(upper)) | 0);
  }

  #keyFor(upper: number): number {
    return upper === 0 ? this.#key : mixed(this.#key ^ upper);
  }
}

/** The `count` of the smallest hashes, in their order. */
function smallest(rows: KeptRow[], count: number): KeptRow[] {
  if (rows.length <= count) return rows;
  const least = [...rows].sort((one, other) => one.hash - other.hash || one.number - other.number);
  return least.slice(0, count).sort((one, other) => one.number - other.number);
}

/**
 * A number of 32 bits to another one, each to a different one, with no bit of the first to be seen in the second.
 *
 * Source: Chris Wellons, hash-prospector, "lowbias32" (public domain): exact bias 0.17.
 */
function mixed(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The first i in [from, count) for which `mixed(start + i)` lies below the threshold, or `count`. In whole numbers of 32 bits. */
function nextBelow(start: number, from: number, count: number, threshold: number): number {
  if (threshold >= hashes) return from;
  // Compared as signed numbers: half the range is taken off both sides.
  const signed = (Math.ceil(threshold) - hashes / 2) | 0;
  for (let i = from; i < count; i++) {
    let x = (start + i) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    if ((x ^ (x >>> 16) ^ 0x80000000) < signed) return i;
  }
  return count;
}
