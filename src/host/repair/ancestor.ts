/**
 * Which ancestor a repair goes toward: the nearest whose own training data is not drifted from the live data and whose tensors fit.
 * One pass over the live data counts for the drifted model and for every ancestor (DESIGN section 4, lineage-aware counting).
 */
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax } from "../../limits.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import { compareToProfiles } from "../drift/compare.js";
import { type Profile, sharesFeatures } from "../drift/profile.js";
import { type DriftOptions, type DriftReport, totalPsi } from "../drift/report.js";
import { loadProfile } from "../models.js";
import { assertBlendable } from "../parameters/compatibility.js";
import type { RepairContext } from "./pipeline.js";
import type { ChosenAncestor, PassedOver } from "./report.js";

export interface AncestorDrift {
  readonly model: ModelRecord;
  readonly label: string;
  readonly distance: number;
  /** Null: it was added without a profile. */
  readonly report: DriftReport | null;
}

export interface LineageDrift {
  readonly report: DriftReport;
  readonly ancestors: readonly AncestorDrift[];
}

/**
 * @param forced  id of an ancestor that is wanted however far it is; of the others the nearest are compared
 * @throws MendlineError MENDLINE_DATA_SCHEMA  the model has no profile, or the live data lacks its features
 */
export async function lineageDrift(
  context: RepairContext,
  model: ModelRecord,
  live: DataSource,
  forced: string | null,
  options: DriftOptions & { signal?: AbortSignal },
): Promise<LineageDrift> {
  const own = await loadProfile(context.store, model);
  if (own === null) {
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${labelOf(model)} was added without a reference profile: add it with --training-data or --profile`,
    );
  }
  const ancestors: { model: ModelRecord; distance: number; profile: Profile | null }[] = [];
  for await (const { id, distance } of context.store.ancestors(model.id)) {
    if (ancestors.length >= monitorAncestorsMax) {
      if (forced === null || ancestors.some(({ model: found }) => found.id === forced)) break;
      if (id !== forced) continue;
    }
    const ancestor = await context.store.get(id);
    ancestors.push({ model: ancestor, distance, profile: await loadProfile(context.store, ancestor) });
  }
  const comparable = ancestors.filter(({ profile }) => profile !== null && sharesFeatures(own, profile));
  const reports = await compareToProfiles(
    context.runtime,
    [own, ...comparable.map(({ profile }) => profile!)],
    live,
    options,
  );
  return {
    report: reports[0]!,
    ancestors: ancestors.map((ancestor) => {
      const index = comparable.indexOf(ancestor);
      return {
        model: ancestor.model,
        label: labelOf(ancestor.model),
        distance: ancestor.distance,
        report: index < 0 ? null : reports[index + 1]!,
      };
    }),
  };
}

export interface Choice {
  readonly chosen: { readonly drift: AncestorDrift; readonly summary: ChosenAncestor } | null;
  readonly passedOver: readonly PassedOver[];
}

/**
 * @param select  `nearest`: fewest derivations first, ties by total PSI; `lowest-drift`: total PSI first, ties by distance
 * @param forced  id of the ancestor to take, whatever its own drift; its tensors must still fit
 */
export async function chooseAncestor(
  context: RepairContext,
  model: ModelRecord,
  ancestors: readonly AncestorDrift[],
  select: "nearest" | "lowest-drift",
  forced: string | null,
): Promise<Choice> {
  const passedOver: PassedOver[] = [];
  const ranked = [...ancestors].sort((left, right) =>
    select === "nearest"
      ? left.distance - right.distance || psiOf(left) - psiOf(right)
      : psiOf(left) - psiOf(right) || left.distance - right.distance,
  );
  for (const drift of ranked) {
    const reason = await reasonAgainst(context, model, drift, forced);
    if (reason === null) {
      const { model: chosen, label, distance } = drift;
      return {
        chosen: { drift, summary: { id: chosen.id, label, distance, totalPsi: psiOf(drift) } },
        passedOver,
      };
    }
    passedOver.push({ id: drift.model.id, label: drift.label, distance: drift.distance, reason });
  }
  return { chosen: null, passedOver };
}

async function reasonAgainst(
  context: RepairContext,
  model: ModelRecord,
  { model: ancestor, report }: AncestorDrift,
  forced: string | null,
): Promise<string | null> {
  if (forced !== null && ancestor.id !== forced) return "another ancestor was asked for";
  if (forced === null) {
    if (report === null) return "it has no reference profile of these features: its health cannot be told";
    if (report.verdict !== "stable") return healthReason(report);
  }
  try {
    await assertBlendable(
      context.runtime,
      await context.scratch.file(model),
      await context.scratch.file(ancestor),
    );
    return null;
  } catch (thrown) {
    const isRefusal = thrown instanceof MendlineError && thrown.code.startsWith("MENDLINE_REPAIR_");
    if (isRefusal) return thrown.message;
    throw thrown;
  }
}

function healthReason(report: DriftReport): string {
  if (report.verdict === "insufficient-data")
    return "the live data is too little to tell whether it is healthy";
  const drifted = Object.entries(report.features).filter(([, { verdict }]) => verdict === "drift");
  const named = drifted.slice(0, 3).map(([name, { psi }]) => `${name} (PSI ${psi.value.toFixed(2)})`);
  return `its own training data has drifted from the live data too: ${named.join(", ")}`;
}

function psiOf({ report }: AncestorDrift): number {
  return report === null ? Number.POSITIVE_INFINITY : totalPsi(report);
}

export function labelOf({ name, version }: Pick<ModelRecord, "name" | "version">): string {
  return `${name}@${version}`;
}
