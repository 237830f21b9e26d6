/**
 * Counts of one feature over the merged grid of several profiles (the deployed model's and its ancestors'): one pass over the data,
 * from which every profile's own bins follow exactly, since each profile's edges are among the merged ones.
 *
 *     counts (Float64Array, whole numbers):   value slots ... | missing | nonFinite (numeric; also in the tails)
 */
import { MendlineError } from "../../errors.js";
import { CategoricalCounter } from "./categorical-counter.js";
import { CategorySlots } from "./category-slots.js";
import type { CounterHost, FeatureCounter } from "./feature-counter.js";
import { NumericCounter } from "./numeric-counter.js";
import type { FeatureProfile } from "./profile.js";

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
