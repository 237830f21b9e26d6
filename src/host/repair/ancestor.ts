/** Which ancestor a repair goes toward: the nearest whose own training data is not drifted from the live data and whose tensors fit. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { assertBlendable } from "../parameters/compatibility.js";
import type { RepairContext } from "./context.js";
import type { AncestorDrift } from "./lineage-drift.js";
import type { PassedOver } from "./report.js";
import type { ChosenStep } from "./run-steps.js";

export interface ChoiceRule {
  /** `nearest`: fewest derivations first, ties by total PSI; `lowest-drift`: total PSI first, ties by distance. */
  readonly select: "nearest" | "lowest-drift";
  /** Id of the ancestor to take, whatever its own drift; its tensors must still fit. */
  readonly forced: string | null;
}

export async function chooseAncestor(
  context: RepairContext,
  model: ModelRecord,
  ancestors: readonly AncestorDrift[],
  { select, forced }: ChoiceRule,
): Promise<ChosenStep> {
  const passedOver: PassedOver[] = [];
  for (const drift of ranked(ancestors, select)) {
    const { id, label, distance } = drift;
    const reason = await reasonAgainst(context, model, drift, forced);
    if (reason === null) {
      return { ancestor: { id, label, distance, totalPsi: drift.totalPsi }, passedOver };
    }
    passedOver.push({ id, label, distance, reason });
  }
  return { ancestor: null, passedOver };
}

function ranked(ancestors: readonly AncestorDrift[], select: ChoiceRule["select"]): AncestorDrift[] {
  return [...ancestors].sort((left, right) =>
    select === "nearest"
      ? left.distance - right.distance || psiOf(left) - psiOf(right)
      : psiOf(left) - psiOf(right) || left.distance - right.distance,
  );
}

async function reasonAgainst(
  context: RepairContext,
  model: ModelRecord,
  drift: AncestorDrift,
  forced: string | null,
): Promise<string | null> {
  if (forced !== null && drift.id !== forced) return "another ancestor was asked for";
  if (forced === null && drift.verdict !== "stable") return healthReason(drift);
  const ancestor = await context.store.get(drift.id);
  try {
    await assertBlendable(
      context.runtime,
      await context.scratch.file(model),
      await context.scratch.file(ancestor),
    );
    return null;
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

function healthReason({ verdict, drifted }: AncestorDrift): string {
  if (verdict === null) return "it has no reference profile of these features: its health cannot be told";
  if (verdict === "insufficient-data") return "the live data is too little to tell whether it is healthy";
  const named = drifted.slice(0, 3).map(({ name, psi }) => `${name} (PSI ${psi.toFixed(2)})`);
  return `its own training data has drifted from the live data too: ${named.join(", ")}`;
}

/** Infinity − Infinity is no order: what has no profile comes last by a number that stays one. */
function psiOf({ totalPsi }: AncestorDrift): number {
  return totalPsi ?? Number.MAX_VALUE;
}
