/** Categories as slots: names that nobody asked for share one, so that no stream of identifiers fills the memory. */
import { MendlineError } from "../../errors.js";
import { numberText } from "../columns/as-text.js";
import type { Field } from "../columns/column.js";
import { eachAbsent, type HeldColumn, type HeldValues } from "../columns/held.js";
import { textAt } from "../columns/held-arrow.js";
import { type CountedColumn, checkCells, isPresent } from "./staged-column.js";

type Names = readonly (string | null)[];

/** What the names of a column stand for: places in its feature's counts, or segments. */
export interface CategorySlots {
  readonly missingSlot: number;
  slotOf(category: string): number;
}

export class StagedCategories implements CountedColumn {
  readonly field: Field;
  /** Of each staged row. */
  readonly slots: Int32Array;
  readonly #of: CategorySlots;
  /** Slots of a column's names. A list of names may grow while it is in use. */
  #known: { readonly names: Names; readonly count: number; readonly slots: Int32Array } | null = null;

  constructor(field: Field, of: CategorySlots, capacity: number) {
    this.field = field;
    this.#of = of;
    this.slots = new Int32Array(capacity);
  }

  set(row: number, cell: unknown): boolean {
    if (typeof cell === "string") {
      this.slots[row] = this.#of.slotOf(cell);
      return true;
    }
    if (!isCategory(cell)) return false;
    const isMissing = cell === null || cell === undefined || Number.isNaN(cell);
    this.slots[row] = isMissing ? this.#of.missingSlot : this.#of.slotOf(String(cell));
    return true;
  }

  check(column: HeldColumn, label: string): void {
    const { held } = column;
    if (held.kind === "cells") checkCells(this.field.name, column, held.cells, isCategory, label);
    if (held.kind === "codes") checkCodes(this.field.name, column, held, label);
  }

  takes(): boolean {
    return true;
  }

  prepareFor(): void {}

  append(row: number, column: HeldColumn, from: number, rowCount: number): void {
    const { held, validity, validityBitOffset } = column;
    this.#appendPresent(row, column, held, from, rowCount);
    if (validity === null) return;
    const { missingSlot } = this.#of;
    eachAbsent(validity, validityBitOffset + from, rowCount, (index) => {
      this.slots[row + index] = missingSlot;
    });
  }

  prepareCount(): void {}

  count(from: number, rowCount: number, counts: Float64Array): void {
    const slots = this.slots;
    for (let row = from; row < from + rowCount; row++) counts[slots[row]!]! += 1;
  }

  countRows(rows: Int32Array, counts: Float64Array): void {
    const slots = this.slots;
    for (let i = 0; i < rows.length; i++) counts[slots[rows[i]!]!]! += 1;
  }

  reset(): void {}

  #appendPresent(row: number, column: HeldColumn, held: HeldValues, from: number, rowCount: number): void {
    const slots = this.slots;
    if (held.kind === "codes") {
      const known = this.#slotsOf(held.names);
      for (let i = 0; i < rowCount; i++) slots[row + i] = known[held.codes[from + i]!] ?? 0;
    } else if (held.kind === "numbers") {
      const textOf = numberText(column.field.logical, held.type);
      for (let i = 0; i < rowCount; i++) {
        const value = held.values[from + i]!;
        this.set(row + i, Number.isNaN(value) ? null : textOf(value));
      }
    } else {
      for (let i = 0; i < rowCount; i++) {
        const isThere = isPresent(column, from + i);
        const cell = held.kind === "texts" ? isThere && textAt(held, from + i) : held.cells[from + i];
        this.set(row + i, isThere ? cell : null);
      }
    }
  }

  #slotsOf(names: Names): Int32Array {
    if (this.#known?.names !== names || this.#known.count !== names.length) {
      const { missingSlot } = this.#of;
      const slots = Int32Array.from(names, (name) => (name === null ? missingSlot : this.#of.slotOf(name)));
      this.#known = { names, count: names.length, slots };
    }
    return this.#known.slots;
  }
}

function isCategory(cell: unknown): boolean {
  return cell === null || !["object", "function", "symbol"].includes(typeof cell);
}

function checkCodes(
  name: string,
  column: HeldColumn,
  { codes, names }: HeldValues & { kind: "codes" },
  label: string,
): void {
  let outside = 0;
  for (let row = 0; row < codes.length; row++) {
    // A negative code becomes a huge one.
    if (codes[row]! >>> 0 >= names.length && isPresent(column, row)) outside += 1;
  }
  if (outside === 0) return;
  throw new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label}: column "${name}": ${outside} codes lie outside its dictionary of ${names.length} names`,
  );
}
