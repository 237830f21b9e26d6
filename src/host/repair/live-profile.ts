/** The reference profile of a repaired model: of the live data that it was mended for. */
import type { DataSource } from "../columns/column.js";
import { alignKinds } from "../drift/alignment.js";
import { fieldOf } from "../drift/compare.js";
import type { Profile } from "../drift/profile.js";
import { profileData } from "../drift/profiler.js";
import type { RepairContext } from "./context.js";

/** The drifted model's features, kinds and bins, so that the two, and their ancestors, stay comparable. */
export function profileLive(
  { runtime }: RepairContext,
  own: Profile,
  live: DataSource,
  signal?: AbortSignal,
): Promise<Profile> {
  const fields = Array.from(own.features, ([name, feature]) => fieldOf(name, feature));
  const bins = Array.from(own.features.values(), (feature) =>
    feature.kind === "numeric" ? feature.bins : 0,
  );
  return profileData(runtime, alignKinds(runtime, live, fields), {
    features: fields.map(({ name }) => name),
    // 0: there are categories only, which have bins of their own.
    bins: Math.max(...bins) || undefined,
    signal,
  });
}
