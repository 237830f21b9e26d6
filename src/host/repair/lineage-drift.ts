/** One pass over the live data counts for the drifted model and for every ancestor (DESIGN section 4, lineage-aware counting). */
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax } from "../../limits.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import { alignKinds } from "../drift/alignment.js";
import { compareToProfiles, fieldOf } from "../drift/compare.js";
import { type Profile, sharesFeatures } from "../drift/profile.js";
import {
  checkedDriftOptions,
  type DriftOptions,
  type DriftReport,
  totalPsi,
  type Verdict,
} from "../drift/report.js";
import { loadProfile } from "../models.js";
import type { RepairContext } from "./context.js";
import { labelOf } from "./request.js";

/** How far one ancestor's training data is from the live data. */
export interface AncestorDrift {
  readonly id: string;
  /** name@version. */
  readonly label: string;
  readonly distance: number;
  /** Null: it was added without a profile of these features. */
  readonly verdict: Verdict | null;
  /** Sum over the features of the debiased PSI; null as above. */
  readonly totalPsi: number | null;
  /** The features that drifted, farthest first. */
  readonly drifted: readonly { readonly name: string; readonly psi: number }[];
}

export interface LineageDrift {
  readonly report: DriftReport;
  /** In the order of their distance. */
  readonly ancestors: readonly AncestorDrift[];
}

/** Of an ancestor's drifted features so many are told. */
const driftedToldMax = 20;

/** @throws MendlineError MENDLINE_DATA_SCHEMA  the model has no profile */
export async function requireProfile({ store }: RepairContext, model: ModelRecord): Promise<Profile> {
  const own = await loadProfile(store, model);
  if (own !== null) return own;
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${labelOf(model)} was added without a reference profile: add it with --training-data or --profile`,
  );
}

/** Refuses before anything is read. @throws MendlineError MENDLINE_DATA_SCHEMA, MENDLINE_ARGUMENT_INVALID */
export function checkLive(
  { runtime }: RepairContext,
  own: Profile,
  live: DataSource,
  options: DriftOptions,
): void {
  checkedDriftOptions(options);
  alignKinds(
    runtime,
    live,
    Array.from(own.features, ([name, feature]) => fieldOf(name, feature)),
  );
}

/** @param forced  id of an ancestor that is wanted however far it is; of the others the nearest are compared */
export async function lineageDrift(
  context: RepairContext,
  model: ModelRecord,
  own: Profile,
  live: DataSource,
  forced: string | null,
  options: DriftOptions & { signal?: AbortSignal | undefined },
): Promise<LineageDrift> {
  const ancestors = await nearestAncestors(context, model, forced);
  const comparable = ancestors.filter(({ profile }) => profile !== null && sharesFeatures(own, profile));
  const { signal, ...drift } = options;
  const reports = await compareToProfiles(
    context.runtime,
    [own, ...comparable.map(({ profile }) => profile!)],
    live,
    { ...drift, ...(signal && { signal }) },
  );
  return {
    report: reports[0]!,
    ancestors: ancestors.map((ancestor) => {
      const index = comparable.indexOf(ancestor);
      return ancestorDrift(ancestor, index < 0 ? null : reports[index + 1]!);
    }),
  };
}

interface Ancestor {
  readonly model: ModelRecord;
  readonly distance: number;
  readonly profile: Profile | null;
}

async function nearestAncestors(
  { store }: RepairContext,
  model: ModelRecord,
  forced: string | null,
): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  for await (const { id, distance } of store.ancestors(model.id)) {
    if (ancestors.length >= monitorAncestorsMax) {
      if (forced === null || ancestors.some(({ model: found }) => found.id === forced)) break;
      if (id !== forced) continue;
    }
    const ancestor = await store.get(id);
    ancestors.push({ model: ancestor, distance, profile: await loadProfile(store, ancestor) });
  }
  return ancestors;
}

function ancestorDrift({ model, distance }: Ancestor, report: DriftReport | null): AncestorDrift {
  const drifted = Object.entries(report?.features ?? {})
    .filter(([, { verdict }]) => verdict === "drift")
    .map(([name, { psi }]) => ({ name, psi: psi.value }))
    .sort((left, right) => right.psi - left.psi);
  return {
    id: model.id,
    label: labelOf(model),
    distance,
    verdict: report?.verdict ?? null,
    totalPsi: report === null ? null : totalPsi(report),
    drifted: drifted.slice(0, driftedToldMax),
  };
}
