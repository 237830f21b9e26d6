/**
 * Counts of one feature over the merged grid of several profiles (the deployed model's and its ancestors'): one pass over the data,
 * from which every profile's own bins follow exactly, since each profile's edges are among the merged ones.
 *
 *     counts (Float64Array, whole numbers):   value slots ... | missing | nonFinite (numeric; also in the tails)
 */
import { MendlineError } from "../../errors.js";
import { edgesMax } from "../../limits.js";
import type { Task } from "../../scheduler/tasks.js";
import type { Column, TextColumn } from "../columns/column.js";
import { type ColumnSlice, cellEdgesMin, type Kernels } from "../kernels/kernels.js";
import { bytesOf, type NumericType, viewOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import { CategorySlots } from "./category-slots.js";
import {
  compareEdges,
  type Edge,
  edgeInType,
  edgesAsFloat32,
  mergeEdges,
  roundingBoundary,
} from "./edges.js";
import type { CategoricalFeatureProfile, FeatureProfile, NumericFeatureProfile } from "./profile.js";

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

/** A region for the results of inline counting, which happens one column after the other. */
export class CountScratch {
  readonly #arena: Arena;
  #byteLength = 0;
  #ptr = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get ptr(): number {
    return this.#ptr;
  }

  /** The results begin here. */
  words = new Uint32Array(0);

  /** Has room for so many bytes from now on. */
  reserve(byteLength: number): void {
    if (byteLength <= this.#byteLength) return;
    const ptr = this.#arena.allocate(byteLength);
    this.close();
    this.#ptr = ptr;
    this.#byteLength = byteLength;
    // Shared memory may grow under a view: what the view shows stays where it is.
    this.words = new Uint32Array(this.#arena.memory.buffer, ptr, byteLength / 4);
  }

  close(): void {
    if (this.#byteLength > 0) this.#arena.release(this.#ptr);
    this.#byteLength = 0;
  }
}

export interface CounterHost {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA  the profiles disagree about the feature's kind */
export function counterFor(
  host: CounterHost,
  name: string,
  profiles: readonly FeatureProfile[],
): FeatureCounter {
  const numeric = profiles.filter((profile) => profile.kind === "numeric");
  if (numeric.length === profiles.length) return new NumericCounter(host, name, numeric);
  const categorical = profiles.filter((profile) => profile.kind === "categorical");
  if (categorical.length === profiles.length)
    return new CategoricalCounter(host, name, new CategorySlots(categorical));
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `feature "${name}" is numeric in one profile and categorical in another: profile both with the same --categorical`,
  );
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

/** The merged edges as one storage type compares them, in the arena. */
interface TypedEdges {
  /** The edges, or where they are many a cell table over them. */
  readonly ptr: number;
  readonly isCellTable: boolean;
  readonly count: number;
  /** For each merged edge, its index among the typed ones; -1 where the type reaches no such value. */
  readonly indexOf: Int32Array;
}

/** A profile's edges as they stand among those of other profiles, and among values of other types. */
interface ComparableEdges {
  readonly psi: readonly Edge[];
  readonly ks: readonly Edge[];
}

function comparableEdges({ type, psi, ks }: NumericFeatureProfile): ComparableEdges {
  if (type !== "f32") return { psi: psi.edges, ks: ks.edges };
  return { psi: psi.edges.map(roundingBoundary), ks: ks.edges.map(roundingBoundary) };
}

function mergedEdges(name: string, profiles: Iterable<ComparableEdges>): Edge[] {
  const edges = mergeEdges(Array.from(profiles, ({ psi, ks }) => [psi, ks]).flat());
  if (edges.length > edgesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `feature "${name}" has ${edges.length} merged edges, the limit is ${edgesMax}: watch fewer ancestors`,
    );
  }
  return edges;
}

class NumericCounter implements NumericFeatureCounter {
  readonly kind = "numeric";
  readonly name: string;
  readonly slotCount: number;
  readonly #host: CounterHost;
  readonly #comparable: ReadonlyMap<FeatureProfile, ComparableEdges>;
  /** Edges of the profiles of doubles. */
  readonly #doubles: ReadonlySet<Edge>;
  readonly #edges: readonly Edge[];
  readonly #typed = new Map<NumericType, TypedEdges>();
  readonly #scope: Scope;

  constructor(host: CounterHost, name: string, profiles: readonly NumericFeatureProfile[]) {
    this.#host = host;
    this.name = name;
    this.#comparable = new Map(profiles.map((profile) => [profile, comparableEdges(profile)]));
    const ofDoubles = profiles.filter(({ type }) => type === "f64");
    this.#doubles = new Set(ofDoubles.flatMap(({ psi, ks }) => [...psi.edges, ...ks.edges]));
    this.#edges = mergedEdges(name, this.#comparable.values());
    this.slotCount = this.#edges.length + 3;
    this.#scope = host.arena.scope();
  }

  step(column: Column, from: number, rowCount: number, scope: Scope): CountingStep {
    if (column.kind !== "numeric") throw kindError(this.name, "numbers", "text");
    const edges = this.#edgesFor(column.type);
    const slice = sliceOf(column, from, rowCount);
    const countsPtr = scope.allocate(this.#host.kernels.countWorkBytes(edges.count));
    return {
      task: {
        kernel: edges.isCellTable ? "countByCells" : "countByEdges",
        args: [column.type, slice, edges.ptr, edges.count, countsPtr],
        workBytes: rowCount * bytesOf(column.type),
      },
      check: () => {},
      collect: (counts) => {
        const { buffer } = this.#host.arena.memory;
        this.#collect(edges, new Uint32Array(buffer, countsPtr, edges.count + 3), counts);
      },
    };
  }

  inline(type: NumericType, scratch: CountScratch): InlineCount {
    const edges = this.#edgesFor(type);
    const { kernels } = this.#host;
    const { ptr, count, isCellTable } = edges;
    scratch.reserve(kernels.countWorkBytes(edges.count));
    return (slice, counts) => {
      if (isCellTable) kernels.countByCells(type, slice, ptr, count, scratch.ptr);
      else kernels.countByEdges(type, slice, ptr, count, scratch.ptr);
      this.#collect(edges, scratch.words, counts);
    };
  }

  binsFor(profile: FeatureProfile, counts: Float64Array) {
    const { psi, ks } = this.#comparable.get(profile)!;
    const missing = counts[this.#edges.length + 1]!;
    return {
      psi: [...this.#coarsen(psi, counts), missing],
      ks: this.#coarsen(ks, counts),
      nonFinite: counts[this.#edges.length + 2]!,
    };
  }

  close(): void {
    this.#scope.close();
  }

  #edgesFor(type: NumericType): TypedEdges {
    const known = this.#typed.get(type);
    if (known !== undefined) return known;
    const typed: Edge[] = [];
    // Of doubles, 0.1 is what f32 calls 0.1: not the first f32 that is no less.
    const inType =
      type === "f32"
        ? edgesAsFloat32(this.#edges, (edge) => this.#doubles.has(edge))
        : this.#edges.map((edge) => edgeInType(edge, type));
    const indexOf = Int32Array.from(inType, (reached) => {
      if (reached === null) return -1;
      if (typed.length === 0 || compareEdges(typed.at(-1)!, reached) !== 0) typed.push(reached);
      return typed.length - 1;
    });
    const edges = { ...this.#upload(typed, type), count: typed.length, indexOf };
    this.#typed.set(type, edges);
    return edges;
  }

  #upload(typed: readonly Edge[], type: NumericType): Pick<TypedEdges, "ptr" | "isCellTable"> {
    const { arena, kernels } = this.#host;
    const ptr = this.#scope.allocate(typed.length * bytesOf(type));
    const view = viewOf(arena.memory, type, ptr, typed.length);
    typed.forEach((edge, index) => {
      view[index] = edge;
    });
    if (typed.length < cellEdgesMin) return { ptr, isCellTable: false };
    const tablePtr = this.#scope.allocate(kernels.cellTableBytes(type, typed.length));
    kernels.buildCellTable(type, ptr, typed.length, tablePtr);
    this.#scope.release(ptr);
    return { ptr: tablePtr, isCellTable: true };
  }

  /** @param found  at least edges.count + 3 words */
  #collect(edges: TypedEdges, found: Uint32Array, counts: Float64Array): void {
    if (edges.count === this.#edges.length) {
      for (let i = 0; i < edges.count + 3; i++) counts[i]! += found[i]!;
      return;
    }
    // Several merged edges became one in this type, or were out of its reach: the bins between them are empty.
    let below = 0;
    let typedBin = 0;
    for (let slot = 0; slot <= this.#edges.length; slot++) {
      const end = slot < this.#edges.length ? edges.indexOf[slot]! : -1;
      const lastBin = end < 0 ? edges.count : end;
      for (; typedBin <= lastBin; typedBin++) below += found[typedBin]!;
      counts[slot]! += below;
      below = 0;
    }
    counts[this.#edges.length + 1]! += found[edges.count + 1]!;
    counts[this.#edges.length + 2]! += found[edges.count + 2]!;
  }

  #coarsen(edges: readonly Edge[], counts: Float64Array): number[] {
    const bins: number[] = new Array(edges.length + 1).fill(0);
    let bin = 0;
    for (let slot = 0; slot <= this.#edges.length; slot++) {
      bins[bin]! += counts[slot]!;
      if (
        bin < edges.length &&
        slot < this.#edges.length &&
        compareEdges(this.#edges[slot]!, edges[bin]!) === 0
      ) {
        bin += 1;
      }
    }
    return bins;
  }
}

class CategoricalCounter implements CategoricalFeatureCounter {
  readonly kind = "categorical";
  readonly name: string;
  readonly slotCount: number;
  readonly #host: CounterHost;
  readonly #slots: CategorySlots;
  #remap: { names: readonly (string | null)[]; count: number; ptr: number } | null = null;

  constructor(host: CounterHost, name: string, slots: CategorySlots) {
    this.#host = host;
    this.name = name;
    this.#slots = slots;
    this.slotCount = slots.count + 1;
  }

  get missingSlot(): number {
    return this.slotCount - 1;
  }

  slotOf(category: string): number {
    return this.#slots.slotOf(category);
  }

  step(column: Column, from: number, rowCount: number, scope: Scope): CountingStep {
    if (column.kind !== "text") throw kindError(this.name, "categories", "numbers");
    const remap = this.#remapFor(column);
    const countsPtr = scope.allocate(this.#host.kernels.categoryWorkBytes(this.slotCount));
    const slice = sliceOf(column, from, rowCount);
    const { missingSlot } = this;
    const found = () => new Uint32Array(this.#host.arena.memory.buffer, countsPtr, this.slotCount + 1);
    return {
      task: {
        kernel: "countCategories",
        args: [column.type, slice, remap.ptr, remap.count, missingSlot, this.slotCount, countsPtr],
        workBytes: rowCount * bytesOf(column.type),
      },
      check: () => {
        const outside = found()[this.slotCount]!;
        if (outside === 0) return;
        throw new MendlineError(
          "MENDLINE_DATA_MALFORMED",
          `column "${this.name}": ${outside} codes lie outside its dictionary of ${remap.count} names`,
        );
      },
      collect: (counts) => {
        const held = found();
        for (let slot = 0; slot < this.slotCount; slot++) counts[slot]! += held[slot]!;
      },
    };
  }

  binsFor(profile: FeatureProfile, counts: Float64Array) {
    const { categories, other } = profile as CategoricalFeatureProfile;
    // The categories, other where there is one, unseen.
    const bins: number[] = new Array(categories.length + (other === null ? 1 : 2)).fill(0);
    this.#slots.binsOf(profile as CategoricalFeatureProfile).forEach((bin, slot) => {
      bins[bin]! += counts[slot]!;
    });
    const unseen = bins.pop()!;
    return { psi: [...bins, counts[this.missingSlot]!, unseen], ks: null, nonFinite: 0 };
  }

  close(): void {
    if (this.#remap !== null) this.#host.arena.release(this.#remap.ptr);
    this.#remap = null;
  }

  /** Uploaded once a dictionary; a growing one only when it has grown. */
  #remapFor({ names }: TextColumn) {
    if (this.#remap !== null && this.#remap.names === names && this.#remap.count === names.length)
      return this.#remap;
    // A dictionary that has grown: what was looked up stays.
    const known = this.#remap?.names === names ? this.#remap.count : 0;
    const ptr = this.#host.arena.allocate(Math.max(1, names.length) * 4);
    const view = new Uint32Array(this.#host.arena.memory.buffer, ptr, names.length);
    if (known > 0) view.set(new Uint32Array(view.buffer, this.#remap!.ptr, known));
    this.close();
    for (let code = known; code < names.length; code++) {
      const name = names[code]!;
      view[code] = name === null ? this.missingSlot : this.slotOf(name);
    }
    this.#remap = { names, count: names.length, ptr };
    return this.#remap;
  }
}

function kindError(name: string, expected: string, found: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `feature "${name}" was trained on ${expected} and now holds ${found}: correct the column, or name it in --categorical for both`,
  );
}
