/** A numeric column that is too long to sort, read several times: wanted order statistics (rank-selection.ts), and moments. */
import { selectionBlockRows, selectionCounters } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, Field } from "../columns/column.js";
import { exactSumBytes, type Kernels, sortCounterBytes } from "../kernels/kernels.js";
import { keyKindOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { type BlockReader, keyBlocks } from "./block-reads.js";
import { ExactMoments } from "./exact-moments.js";
import type { Moments } from "./profile.js";
import { RankSelection, type SortRoom, selectionBytes } from "./rank-selection.js";
import type { SelectedSample } from "./selected-sample.js";

/** Reads that a column's moments take: the mean, then the powers. */
const momentReads = 2;

/** What the streams of a group have in common, since they work one after the other. */
export interface StreamRoom extends SortRoom {
  /** Keys of one block. */
  readonly keysPtr: number;
}

const streamRoomBytes = selectionBlockRows * 8 + selectionCounters * 4 + sortCounterBytes;

export function streamRoom(scope: Scope): StreamRoom {
  return {
    keysPtr: scope.allocate(selectionBlockRows * 8),
    scratchPtr: scope.allocate(selectionCounters * 4),
    countersPtr: scope.allocate(sortCounterBytes),
  };
}

/** As many streams as fit half of the free memory; the other half is for batches. */
export function streamsAtOnce({ arena }: Runtime, ranksMax: number): number {
  const each = selectionBytes(ranksMax) + 4 * exactSumBytes + 64;
  return Math.max(1, Math.floor((arena.availableBytes / 2 - streamRoomBytes) / each));
}

export interface NumericStreamOptions {
  readonly field: Field;
  /** Names the data in messages. */
  readonly label: string;
  /** The wanted ranks among n finite values, ascending, `ranksMax` at most. */
  readonly ranksOf: (count: number) => readonly number[];
  readonly ranksMax: number;
}

export class NumericStream implements BlockReader {
  readonly field: Field;
  readonly #kernels: Kernels;
  readonly #selection: RankSelection;
  readonly #moments: ExactMoments;
  readonly #room: StreamRoom;
  #readsDone = 0;

  /** Its memory belongs to `scope`. */
  constructor(
    kernels: Kernels,
    scope: Scope,
    room: StreamRoom,
    { field, label, ...ranks }: NumericStreamOptions,
  ) {
    this.#kernels = kernels;
    this.field = field;
    this.#room = room;
    const type = field.type!;
    this.#moments = new ExactMoments(kernels, keyKindOf(type), scope);
    this.#selection = new RankSelection(kernels, scope, {
      type,
      label: `${label}, column "${field.name}"`,
      ...ranks,
    });
  }

  get isDone(): boolean {
    return this.#selection.isDone && this.#readsDone >= momentReads;
  }

  begin(): void {
    if (!this.#selection.isDone) this.#selection.begin();
  }

  *steps(batch: Batch): Generator<void> {
    const { keysPtr } = this.#room;
    for (const keyCount of keyBlocks(this.#kernels, batch, this.field.name, keysPtr)) {
      if (!this.#selection.isDone) this.#selection.add(keysPtr, keyCount);
      if (this.#readsDone < momentReads) this.#moments.add(keysPtr, keyCount);
      yield;
    }
  }

  end(): void {
    if (!this.#selection.isDone) this.#selection.end(this.#room);
    if (this.#readsDone === 0) this.#moments.closeMean(this.#selection.finiteCount);
    this.#readsDone += 1;
  }

  /** When done. */
  get sample(): SelectedSample {
    return this.#selection.result();
  }

  /** When done: of the finite values. */
  get moments(): Moments {
    const { finiteCount: count, min, max } = this.sample;
    const [lowest, highest] =
      count === 0 ? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] : [Number(min), Number(max)];
    return this.#moments.result(count, lowest, highest);
  }
}
