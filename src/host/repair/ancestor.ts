/** Which ancestor a repair goes toward: the nearest whose own training data is not drifted from the live data and whose tensors fit. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { isBlendable } from "../parameters/blend.js";
import { assertBlendable, type BlendableComparison } from "../parameters/compatibility.js";
import type { TensorFilter } from "../parameters/pairing.js";
import type { ParameterFile } from "../parameters/tensor-index.js";
import type { RepairContext } from "./context.js";
import type { AncestorDrift } from "./lineage-drift.js";
import type { AncestorChoice, ChosenAncestor, CompatibilityReport, PassedOver } from "./report.js";
import type { ChosenStep } from "./run-steps.js";

export interface ChoiceRule {
  /** `nearest`: fewest derivations first, ties by total PSI; `lowest-drift`: total PSI first, ties by distance. */
  readonly select: "nearest" | "lowest-drift";
  /** Id of the ancestor to take, whatever its own drift; its tensors must still fit. */
  readonly forced: string | null;
  readonly filter: TensorFilter;
  /** Ancestors wanted for a combination, the chosen one among them. */
  readonly combine: number;
  /** Whether quantised weights are blended and quantised again. */
  readonly requantize?: boolean | undefined;
}

/** Tensors told of a comparison, the farthest first. */
const tensorsToldMax = 100;

export async function chooseAncestor(
  context: RepairContext,
  model: ModelRecord,
  ancestors: readonly AncestorDrift[],
  rule: ChoiceRule,
): Promise<ChosenStep> {
  const drifted = await context.scratch.file(model);
  const fitting: { readonly drift: AncestorDrift; readonly comparison: BlendableComparison }[] = [];
  const passedOver: PassedOver[] = [];
  const reports: AncestorChoice[] = [];
  for (const drift of ranked(ancestors, rule.select)) {
    const { id, label, distance, verdict, totalPsi } = drift;
    const report = (reason: string | null) =>
      reports.push({ id, label, distance, verdict, totalPsi, reason });
    if (fitting.length >= rule.combine) {
      report(healthReason(drift) ?? "another one comes first");
      continue;
    }
    const found = await compared(context, drifted, drift, rule);
    if (typeof found === "string") {
      if (fitting.length === 0) passedOver.push({ id, label, distance, reason: found });
      report(found);
    } else {
      report(fitting.length === 0 ? null : "it takes part in a combination");
      fitting.push({ drift, comparison: found });
    }
  }
  const [first, ...companions] = fitting;
  return {
    ancestor: first === undefined ? null : summaryOf(first.drift),
    passedOver,
    ancestors: reports,
    companions: companions.map(({ drift }) => summaryOf(drift)),
    rival:
      first === undefined || rule.forced !== null
        ? null
        : await rivalOf(context, model, ancestors, first.drift),
    compatibility: first === undefined ? null : compatibilityOf(drifted, first.comparison),
  };
}

function ranked(ancestors: readonly AncestorDrift[], select: ChoiceRule["select"]): AncestorDrift[] {
  return [...ancestors].sort((left, right) =>
    select === "nearest"
      ? left.distance - right.distance || psiOf(left) - psiOf(right)
      : psiOf(left) - psiOf(right) || left.distance - right.distance,
  );
}

function summaryOf({ id, label, distance, totalPsi }: AncestorDrift): ChosenAncestor {
  return { id, label, distance, totalPsi };
}

/** The healthy one of the lowest drift: to be put in place as it is, so that its tensors need not fit, only its features. */
async function rivalOf(
  { store }: RepairContext,
  model: ModelRecord,
  ancestors: readonly AncestorDrift[],
  chosen: AncestorDrift,
): Promise<ChosenAncestor | null> {
  const healthy = ancestors.filter(({ verdict }) => verdict === "stable");
  const [lowest] = ranked(healthy, "lowest-drift");
  if (lowest === undefined || lowest.id === chosen.id) return null;
  const { format, task } = await store.get(lowest.id);
  const features = (of: ModelRecord["task"]) => JSON.stringify(of?.features);
  const isAlike = format === model.format && features(task) === features(model.task);
  return isAlike ? summaryOf(lowest) : null;
}

/** The comparison with an ancestor that can be taken, or why it cannot. */
async function compared(
  context: RepairContext,
  drifted: ParameterFile,
  drift: AncestorDrift,
  { forced, filter, requantize }: ChoiceRule,
): Promise<BlendableComparison | string> {
  if (forced !== null && drift.id !== forced) return "another ancestor was asked for";
  const illness = forced === null ? healthReason(drift) : null;
  if (illness !== null) return illness;
  try {
    const ancestor = await context.scratch.file(await context.store.get(drift.id));
    return await assertBlendable(context.runtime, drifted, ancestor, filter, { requantize });
  } catch (thrown) {
    if (thrown instanceof MendlineError && isRefusal(thrown, drift.id)) return thrown.message;
    throw thrown;
  }
}

/** What speaks against the ancestor alone: it does not fit, or its parameters are gone. */
function isRefusal({ code, details }: MendlineError, ancestor: string): boolean {
  return (
    code.startsWith("MENDLINE_REPAIR_") || (code === "MENDLINE_STORE_DROPPED" && details.id === ancestor)
  );
}

function healthReason({ verdict, drifted }: AncestorDrift): string | null {
  if (verdict === "stable") return null;
  if (verdict === null) return "it has no reference profile of these features: its health cannot be told";
  if (verdict === "insufficient-data") return "the live data is too little to tell whether it is healthy";
  const named = drifted.slice(0, 3).map(({ name, psi }) => `${name} (PSI ${psi.toFixed(2)})`);
  return `its own training data has drifted from the live data too: ${named.join(", ")}`;
}

/** Infinity - Infinity is no order: what has no profile comes last by a number that stays one. */
function psiOf({ totalPsi }: AncestorDrift): number {
  return totalPsi ?? Number.MAX_VALUE;
}

function compatibilityOf(drifted: ParameterFile, comparison: BlendableComparison): CompatibilityReport {
  const { pairing, tensors, cosine } = comparison;
  const distances = tensors.map(({ name, cosine: own, relativeNorm, changedShare }) => ({
    name,
    cosine: own,
    relativeNorm,
    changedShare,
  }));
  const farthest = distances.sort((left, right) => (right.relativeNorm ?? 0) - (left.relativeNorm ?? 0));
  const copied = drifted.tensors.filter(({ dtype }) => !isBlendable(dtype));
  return {
    cosine,
    tensorCount: tensors.length,
    renamedCount: pairing.renamedCount,
    frozenCount: pairing.frozen.length,
    copiedCount: copied.length,
    tensors: farthest.slice(0, tensorsToldMax),
  };
}
