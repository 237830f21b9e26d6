/** The report of a run, from its record alone. */
import { scaleOf } from "./candidate-spec.js";
import type { RepairReport } from "./report.js";
import type { RunLog } from "./run-log.js";
import { driftOf, type EndStep, isDecided } from "./run-steps.js";

/** @param end  the run's, recorded or about to be */
export function reportOf(log: RunLog, end: EndStep = recordedEnd(log)): RepairReport {
  const chosen = log.recorded("ancestor-chosen");
  const searched = log.recorded("scale-searched");
  const gated = log.recorded("gated");
  const repaired = gated?.candidate ?? searched?.finalist ?? null;
  return {
    outcome: end.outcome,
    reason: end.reason,
    run: log.id,
    drifted: log.started.plan.model,
    dryRun: log.started.plan.dryRun,
    drift: driftOf(log.recorded("detected")!),
    ancestor: chosen?.ancestor ?? null,
    passedOver: chosen?.passedOver ?? [],
    ancestors: chosen?.ancestors ?? [],
    compatibility: chosen?.compatibility ?? null,
    batchNorm: searched?.batchNorm ?? null,
    scale: repaired === null ? null : scaleOf(repaired, chosen!.ancestor!.id),
    repaired,
    rungs: searched?.rungs ?? [],
    curve: searched?.curve ?? [],
    barrier: searched !== undefined && Number.isFinite(searched.barrier) ? searched.barrier : null,
    gate: gated?.gate ?? null,
    control: gated?.control ?? null,
    knownLabels: log.started.plan.known ?? null,
    model: end.model,
    path: end.path,
    labelRequest: null,
  };
}

function recordedEnd(log: RunLog): EndStep {
  const { state } = log;
  if (!isDecided(state)) throw new Error(`${log.id} has come to no end: ${state}`);
  return log.recorded(state)!;
}
