/**
 * Segments: the rows of one category each of one column, told apart in all counts ("which city drifted?"). Which categories have a segment
 * of their own is settled before the first row; the others share one, and rows without a value have one, so that no row is in none.
 */
import { MendlineError } from "../../errors.js";
import { segmentsMax } from "../../limits.js";
import type { Profile } from "./profile.js";

export interface SegmentOptions {
  /** A column of texts, or of numbers taken as texts; it need not be a feature. */
  readonly column: string;
  /**
   * Categories with a segment of their own, at most `segmentsMax` (64). By default those that have a profile, else those of the model's
   * reference profile, the most frequent first.
   */
  readonly names?: readonly string[];
  /** What the model was trained on of a segment, by name: it is compared with that, and the others with the whole reference. */
  readonly profiles?: ReadonlyMap<string, Profile>;
}

export class Segments {
  readonly column: string;
  /** By segment; behind them stand `other` and those without a value. */
  readonly names: readonly string[];
  readonly #slots: ReadonlyMap<string, number>;

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
  constructor({ column, names, profiles }: SegmentOptions, reference: Profile) {
    this.column = column;
    this.names = [...new Set(names ?? profiles?.keys() ?? referenceNames(column, reference))];
    if (this.names.length === 0 || this.names.length > segmentsMax) {
      throw invalid(`${this.names.length} segments by "${column}": name 1 to ${segmentsMax}`);
    }
    const unnamed = [...(profiles?.keys() ?? [])].find((name) => !this.names.includes(name));
    if (unnamed !== undefined)
      throw invalid(`there is a profile for "${unnamed}", which is none of the segments`);
    this.#slots = new Map(this.names.map((name, index) => [name, index]));
  }

  /** All that rows can be in. */
  get count(): number {
    return this.names.length + 2;
  }

  get otherSlot(): number {
    return this.names.length;
  }

  get missingSlot(): number {
    return this.names.length + 1;
  }

  slotOf(category: string): number {
    return this.#slots.get(category) ?? this.otherSlot;
  }
}

function referenceNames(column: string, reference: Profile): readonly string[] {
  const feature = reference.features.get(column);
  if (feature?.kind === "categorical") return feature.categories.slice(0, segmentsMax);
  throw invalid(
    `segments by "${column}", of which the model's profile holds no categories: name those that are to be told apart (names)`,
  );
}

function invalid(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
}
