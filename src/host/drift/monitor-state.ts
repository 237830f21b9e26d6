/**
 * A monitor's state as bytes: what it needs to go on where it was, and nothing of its rows.
 *
 * Framed as state-frame.ts says; its values are counts, in the order in which the JSON lists panes, their segments, and the features.
 * Counts are unsigned LEB128; a 0 is followed by how many more stand behind it. Equal states are equal bytes.
 */
import { Pane } from "./panes.js";
import { framedState, partsOfState, type StateFormat } from "./state-frame.js";
import type { TriggerState } from "./trigger.js";
import type { WindowsState } from "./window.js";

const format: StateFormat = { letters: "MLMS", version: 1, what: "state of a monitor" };

/** What a state belongs to: counts over other grids, or of other windows, cannot be gone on with. By what it is about. */
export type MonitorIdentity = Readonly<Record<string, string>>;

export interface MonitorState {
  readonly identity: MonitorIdentity;
  /** When this watch began. */
  readonly sinceMs: number;
  readonly windows: WindowsState;
  readonly trigger: TriggerState;
}

export function monitorStateToBytes(state: MonitorState): Uint8Array {
  const { panes, ...windows } = state.windows;
  const listed = panes.map(({ number, rowsCounted, segments }) => ({
    number,
    rows: rowsCounted,
    segments: segments.flatMap((held, segment) => (held === undefined ? [] : [[segment, held.rowCount]])),
  }));
  const document = { ...state, windows: { ...windows, panes: listed } };
  const writer = new CountWriter();
  for (const { segments } of panes) {
    for (const held of segments) for (const counts of held?.counts ?? []) writer.addAll(counts);
  }
  return framedState(format, document, writer.finish());
}

/** @throws RangeError  damaged, of another version, or of other counts */
export function monitorStateFromBytes(bytes: Uint8Array, slotCounts: readonly number[]): MonitorState {
  const { document, values } = partsOfState(format, bytes);
  const { windows, ...rest } = document as Omit<MonitorState, "windows"> & {
    windows: Omit<WindowsState, "panes"> & { panes: ListedPane[] };
  };
  const reader = new CountReader(values);
  const panes = windows.panes.map(({ number, rows, segments }) => {
    const pane = new Pane(number, slotCounts);
    pane.rowsTaken = rows;
    pane.rowsCounted = rows;
    for (const [segment, rowCount] of segments) {
      const held = pane.segment(segment);
      held.rowCount = rowCount;
      for (const feature of held.counts) reader.readAll(feature);
    }
    return pane;
  });
  if (!reader.isAtEnd) throw new RangeError("more counts than panes");
  return { ...rest, windows: { ...windows, panes } as unknown as WindowsState };
}

/** Only what a state belongs to: it can be told before its counts are read. @throws RangeError  as above */
export function monitorIdentityOf(bytes: Uint8Array): MonitorIdentity {
  return (partsOfState(format, bytes).document as MonitorState).identity;
}

interface ListedPane {
  readonly number: number;
  readonly rows: number;
  readonly segments: readonly (readonly [segment: number, rowCount: number])[];
}

class CountWriter {
  #bytes = Buffer.alloc(4_096);
  #length = 0;
  #zeros = 0;

  addAll(counts: Float64Array): void {
    for (const count of counts) {
      if (count === 0) this.#zeros += 1;
      else {
        this.#endZeros();
        this.#add(count);
      }
    }
  }

  finish(): Buffer {
    this.#endZeros();
    return this.#bytes.subarray(0, this.#length);
  }

  #endZeros(): void {
    if (this.#zeros === 0) return;
    this.#add(0);
    this.#add(this.#zeros - 1);
    this.#zeros = 0;
  }

  /** A whole number of up to 2^53: eight bytes at most. */
  #add(value: number): void {
    if (this.#length + 8 > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length);
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.#bytes[this.#length++] = (left % 128) + 128;
    this.#bytes[this.#length++] = left;
  }
}

class CountReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #zeros = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length && this.#zeros === 0;
  }

  readAll(counts: Float64Array): void {
    for (let slot = 0; slot < counts.length; slot++) counts[slot] = this.#next();
  }

  #next(): number {
    if (this.#zeros > 0) {
      this.#zeros -= 1;
      return 0;
    }
    const count = this.#read();
    if (count === 0) this.#zeros = this.#read();
    return count;
  }

  #read(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined || factor > Number.MAX_SAFE_INTEGER)
        throw new RangeError("its counts are cut off");
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }
}
