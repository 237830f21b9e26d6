/** Counts of a categorical feature by the slots of its profiles, whatever the columns' dictionaries are. */
import { MendlineError } from "../../errors.js";
import type { Column, TextColumn } from "../columns/column.js";
import { bytesOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { CategorySlots } from "./category-slots.js";
import {
  type CategoricalFeatureCounter,
  type CounterHost,
  type CountingStep,
  kindError,
  sliceOf,
} from "./feature-counter.js";
import type { CategoricalFeatureProfile, FeatureProfile } from "./profile.js";

export class CategoricalCounter implements CategoricalFeatureCounter {
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
