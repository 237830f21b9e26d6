/** What a counter of one feature can do, whatever its kind; the two kinds are numeric-counter.ts and categorical-counter.ts. */
import { MendlineError } from "../../errors.js";
import type { Task } from "../../scheduler/tasks.js";
import type { Column } from "../columns/column.js";
import type { ColumnSlice, Kernels } from "../kernels/kernels.js";
import { bytesOf, type NumericType } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import type { CountScratch } from "./count-scratch.js";
import type { FeatureProfile } from "./profile.js";

/** A piece of counting that can run on any thread. Of several pieces all are checked before the first is collected: all or none. */
export interface CountingStep {
  readonly task: Task;
  /** @throws MendlineError MENDLINE_DATA_MALFORMED  what was counted is damaged */
  check(): void;
  /** Adds the result to `counts`. */
  collect(counts: Float64Array): void;
}

interface AnyCounter {
  readonly name: string;
  /** Length of this feature's counts. */
  readonly slotCount: number;
  /** Prepares the counting of rows [from, from + rowCount) of a column. `scope` holds the outputs until they are collected. */
  step(column: Column, from: number, rowCount: number, scope: Scope): CountingStep;
  /** This feature's counts as one of the profiles bins them: value slots, then missing (and unseen for categories). */
  binsFor(
    profile: FeatureProfile,
    counts: Float64Array,
  ): { psi: number[]; ks: number[] | null; nonFinite: number };
  close(): void;
}

export interface NumericFeatureCounter extends AnyCounter {
  readonly kind: "numeric";
  /** Prepares the counting of values of one type on this thread: what it takes is uploaded, and used again and again. */
  inline(type: NumericType, scratch: CountScratch): InlineCount;
}

export interface CategoricalFeatureCounter extends AnyCounter {
  readonly kind: "categorical";
  readonly missingSlot: number;
  /** The slot of a category; what no profile knows has one in common. */
  slotOf(category: string): number;
}

export type FeatureCounter = NumericFeatureCounter | CategoricalFeatureCounter;

/** Adds the counts of rows in the arena to `counts`. */
export type InlineCount = (slice: ColumnSlice, counts: Float64Array) => void;

export interface CounterHost {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** Rows of a column from `from` on. */
export function sliceOf(column: Column, from: number, rowCount: number): ColumnSlice {
  return {
    valuesPtr: column.valuesPtr + from * bytesOf(column.type),
    rowCount,
    validityPtr: column.validityPtr,
    validityBitOffset: column.validityPtr === 0 ? 0 : column.validityBitOffset + from,
  };
}

export function kindError(name: string, expected: string, found: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `feature "${name}" was trained on ${expected} and now holds ${found}: correct the column, or name it in --categorical for both`,
  );
}
