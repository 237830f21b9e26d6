/**
 * Publication. The repaired file is written, read back and known by its content; node and edge are committed; then, in one commit, the
 * alias moves and the run says `published`, and the folder follows. So a run has moved its alias exactly when it says so, and a crash at
 * any place leaves what the same steps, done again, complete.
 */
import { rm } from "node:fs/promises";
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { type Deployment, deploy } from "../deployment/deployments.js";
import { profileSignature, profileToBytes } from "../drift/profile.js";
import { storeFile } from "../models.js";
import { type CandidateSpec, scaleOf } from "./candidate-spec.js";
import { Candidates, type WrittenCandidate } from "./candidates.js";
import { cardOfRun } from "./card.js";
import type { RepairContext } from "./context.js";
import { openRecalibration } from "./judging.js";
import { requireProfile } from "./lineage-drift.js";
import { profileLive } from "./live-profile.js";
import type { ChosenAncestor } from "./report.js";
import { type RepairControls, type RepairSources, taskOf } from "./request.js";
import type { RunLog } from "./run-log.js";
import { reportOf } from "./run-report.js";
import type { ChosenStep, EndStep, GatedStep, SearchedStep } from "./run-steps.js";
import { newTrial, type TrialState } from "./trial.js";

export interface Publication {
  readonly log: RunLog;
  readonly model: ModelRecord;
  readonly chosen: ChosenStep & { readonly ancestor: ChosenAncestor };
  readonly searched: SearchedStep;
  readonly gated: GatedStep;
  readonly sources: RepairSources;
  readonly controls: RepairControls;
}

type Published = NonNullable<EndStep["model"]>;

/** @returns the deployment; null for a run without an alias, or where a trial decides first */
export async function publish(context: RepairContext, publication: Publication): Promise<Deployment | null> {
  const { log, gated } = publication;
  const { candidate } = gated;
  const { id, name, version } =
    candidate.kind === "ancestor"
      ? await context.store.get(candidate.id)
      : await addRepaired(context, publication, candidate);
  const { alias, trial } = log.started.plan;
  const end: EndStep = {
    outcome: "published",
    reason: gated.reason,
    model: { id, name, version },
    path: null,
  };
  if (alias === null) {
    await log.append("published", end);
    return null;
  }
  if (trial?.period !== "shadow") return deployRepaired(context, log, alias, id, end);
  await putOnTrial(context, log, alias, id, end);
  return null;
}

async function deployRepaired(
  { store }: RepairContext,
  log: RunLog,
  alias: string,
  id: string,
  end: EndStep,
): Promise<Deployment> {
  const { dir, aliasBefore } = log.started.plan;
  const guard = trialOf(log, "after", id);
  let told = end;
  const deployment = await deploy(store, {
    alias,
    id,
    dir,
    reason: "repair",
    run: log.id,
    expectedId: aliasBefore,
    card: await cardOfRun(store, log, reportOf(log, end)),
    alongside: (tx, path) => {
      told = { ...end, path };
      log.appendIn(tx, "published", told);
      if (guard !== null) tx.appendTrial(alias, guard);
    },
  });
  log.committed("published", told);
  return deployment;
}

/** The alias stays where it is, until the trial has shown the candidate to be better. */
async function putOnTrial(
  { store }: RepairContext,
  log: RunLog,
  alias: string,
  id: string,
  end: EndStep,
): Promise<void> {
  const { aliasBefore } = log.started.plan;
  const now = (await store.alias(alias))?.id ?? null;
  if (now !== aliasBefore)
    throw new MendlineError(
      "MENDLINE_STORE_CONFLICT",
      `alias "${alias}" was moved while ${log.id} was under way: nothing is put on trial; repair anew`,
      { details: { alias, run: log.id } },
    );
  const waiting: EndStep = { ...end, outcome: "on-trial" };
  await store.commit((tx) => {
    tx.appendTrial(alias, trialOf(log, "before", id));
    log.appendIn(tx, "on-trial", waiting);
  });
  log.committed("on-trial", waiting);
}

/** A repair with a trial has an alias that served something (request.ts). */
function trialOf(log: RunLog, period: TrialState["period"], candidate: string): TrialState | null {
  const { trial, aliasBefore } = log.started.plan;
  if (trial == null) return null;
  return newTrial({ period, incumbent: aliasBefore!, candidate, run: log.id }, trial.options);
}

async function addRepaired(
  context: RepairContext,
  publication: Publication,
  spec: CandidateSpec,
): Promise<Published> {
  const { log, model, gated } = publication;
  const known = await context.store.find(gated.repaired);
  if (known !== null) return known;
  const path = await context.scratch.path(`${log.id}.${model.format}`);
  try {
    const written = await writeRepaired(context, publication, spec, path);
    if (written.id !== gated.repaired) throw notWhatWasJudged(log.id, gated.repaired, written.id);
    return await addFile(context, publication, written);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function writeRepaired(
  context: RepairContext,
  publication: Publication,
  spec: CandidateSpec,
  path: string,
): Promise<WrittenCandidate> {
  const { log, model } = publication;
  const { filter, requantize } = log.started.plan;
  const candidates = await Candidates.open(context, model, filter, requantize);
  if (spec.kind !== "recalibrated") return candidates.write(spec, path);
  const recalibration = await openRecalibration({ context, ...publication }, candidates);
  try {
    return await candidates.write(spec, path);
  } finally {
    await recalibration.close();
  }
}

async function addFile(
  context: RepairContext,
  publication: Publication,
  { file, id }: WrittenCandidate,
): Promise<Published> {
  const { store } = context;
  const { log, model, chosen, searched, gated, sources, controls } = publication;
  const { barrier } = searched;
  const { candidate } = gated;
  const ancestor = chosen.ancestor.id;
  const scale = scaleOf(candidate, ancestor);
  const { plan } = log.started;
  const { id: _, ...stored } = await storeFile(store, file, {
    parentIds: [model.id, ancestor],
    signal: controls.signal,
  });
  // What the repaired model was shown to be good at: its reference from now on.
  const profile = await profileLive(
    context,
    await requireProfile(context, model),
    sources.live,
    controls.signal,
  );
  const profileObject = await store.putObject(profileToBytes(profile));
  const { name } = model;
  const version = await nextVersion(context, model);
  const metrics = { [gated.gate.metric]: gated.gate.repaired };
  await store.commit((tx) => {
    tx.addModel({
      id,
      name,
      version,
      format: file.format,
      ...stored,
      signature: profileSignature(profile),
      profile: profileObject.hash,
      task: taskOf(model, plan.label),
      metrics,
      tags: { reference: "live data of the repair" },
    });
    tx.addDerivation({
      parent: model.id,
      child: id,
      transformation: "repair",
      parameters: {
        ...(scale !== null && { scale }),
        ancestor,
        candidate,
        barrier: Number.isFinite(barrier) ? barrier : null,
        run: log.id,
        gate: gated.gate,
        control: gated.control,
      },
      metrics,
    });
  });
  return { id, name, version };
}

/** `2` becomes `2-repair.1`, and `2-repair.1` becomes `2-repair.2`. */
async function nextVersion({ store }: RepairContext, model: ModelRecord): Promise<string> {
  const base = model.version.replace(/-repair\.\d+$/, "");
  for (let number = 1; ; number++) {
    const version = `${base}-repair.${number}`;
    if ((await store.idOfLabel(model.name, version)) === null) return version;
  }
}

function notWhatWasJudged(run: string, judged: string, written: string): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `${run}: the parameters to publish (${written.slice(0, 12)}) are not those that the gate saw (${judged.slice(0, 12)}): nothing was published; repair anew`,
    { details: { run, judged, written } },
  );
}
