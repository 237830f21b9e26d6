/** Counts of a numeric feature over the merged edges of its profiles, in columns of any type. */
import { MendlineError } from "../../errors.js";
import { edgesMax } from "../../limits.js";
import type { Column } from "../columns/column.js";
import { cellEdgesMin } from "../kernels/kernels.js";
import { bytesOf, type NumericType, viewOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { CountScratch } from "./count-scratch.js";
import {
  compareEdges,
  type Edge,
  edgeInType,
  edgesAsFloat32,
  mergeEdges,
  roundingBoundary,
} from "./edges.js";
import {
  type CounterHost,
  type CountingStep,
  type InlineCount,
  kindError,
  type NumericFeatureCounter,
  sliceOf,
} from "./feature-counter.js";
import type { FeatureProfile, NumericFeatureProfile } from "./profile.js";

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

export class NumericCounter implements NumericFeatureCounter {
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
