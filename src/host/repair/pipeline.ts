/**
 * A repair from drift to publication: each step decided on its own data, recorded before the next begins.
 *
 *     drift -> ancestor chosen -> checked -> scale searched -> gated -> published | rejected | not-proven | needs-labels
 *          \-> no-drift     \-> no-healthy-ancestor
 *
 * Nothing is published that the gate slice, which had no part in choosing the scale, does not show to be better. A step that is
 * recorded is not done again, so that a run which was broken off goes on where it was (`resumeRepair`).
 */
import { MendlineError, messageOf } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { type Deployment, reconcile, toDeployment } from "../deployment/deployments.js";
import { deployTarget } from "../deployment/target.js";
import { chooseAncestor } from "./ancestor.js";
import type { RepairContext } from "./context.js";
import { describeInputs, type InputColumns, refuseOtherInputs, reopenInputs } from "./inputs.js";
import { judgeCandidates } from "./judging.js";
import { checkLabelled, columnsOf } from "./labelled-columns.js";
import { checkLive, lineageDrift, requireProfile } from "./lineage-drift.js";
import { publish } from "./publish.js";
import type { ChosenAncestor, RepairOutcome, RepairReport } from "./report.js";
import {
  labelOf,
  planOf,
  type RepairControls,
  type RepairPlan,
  type RepairRequest,
  type RepairSources,
  say,
  taskOf,
} from "./request.js";
import { claim } from "./run-claims.js";
import { RunLog, runFormat } from "./run-log.js";
import { reportOf } from "./run-report.js";
import { type ChosenStep, detectedStep, isDecided } from "./run-steps.js";
import { refuseOtherModule } from "./validator-plan.js";

export interface RepairResult {
  readonly report: RepairReport;
  /** What the alias serves now; null where none moved. */
  readonly deployment: Deployment | null;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_*, MENDLINE_REPAIR_*, MENDLINE_STORE_*, MENDLINE_DEPLOY_FAILED */
export async function repairModel(
  context: RepairContext,
  model: ModelRecord,
  request: RepairRequest,
): Promise<RepairResult> {
  const plan = await planOf(context.store, model, request);
  const columns = await checkSources(context, model, plan, request);
  const id = RunLog.newId();
  const release = await claim(context.store, id, plan.alias);
  try {
    const inputs = await describeInputs(context, request, columns, request.signal);
    const log = await RunLog.begin(context.store, id, { format: runFormat, plan, inputs });
    return await new Repair(context, log, model, request, request).run();
  } finally {
    release();
  }
}

/** Data that is not given is opened from the files that the run began with. */
export interface ResumeRequest extends Partial<RepairSources>, RepairControls {}

/**
 * Goes on with a run that a crash, a failure or a cancellation broke off; of a run that has come to its end, the end. The data must be
 * what the run began with.
 *
 * @throws MendlineError MENDLINE_REPAIR_INPUTS  it is not, or cannot be had
 * @throws MendlineError MENDLINE_REPAIR_BUSY  the run is under way, or another has its alias
 */
export async function resumeRepair(
  context: RepairContext,
  run: string,
  request: ResumeRequest,
): Promise<RepairResult> {
  const { store } = context;
  const log = await RunLog.reopen(store, run);
  const ended = await endedRun(context, log);
  if (ended !== null) return ended;
  const { plan, inputs } = log.started;
  const release = await claim(store, run, plan.alias);
  try {
    const model = await store.get(plan.model);
    const { sources, close } = await reopenInputs(context, run, inputs, request, request.signal);
    try {
      const columns = await checkSources(context, model, plan, sources);
      await refuseOtherModule(run, plan.validator);
      refuseOtherInputs(run, inputs, await describeInputs(context, sources, columns, request.signal));
      await log.append("resumed", { after: log.state });
      return await new Repair(context, log, model, sources, request).run();
    } finally {
      await close();
    }
  } finally {
    release();
  }
}

/** What a run came to; null while it has not. A folder that a crash left behind its alias is mended. */
export async function endedRun({ store }: RepairContext, log: RunLog): Promise<RepairResult | null> {
  if (!isDecided(log.state)) return null;
  const { alias } = log.started.plan;
  if (log.state !== "published" || alias === null) return { report: reportOf(log), deployment: null };
  const isMended = await reconcile(store, alias);
  const entry = await store.alias(alias);
  const deployment = isMended && entry !== null ? await toDeployment(store, entry) : null;
  return { report: reportOf(log), deployment };
}

/** What cannot be meant is refused before a run begins. */
async function checkSources(
  context: RepairContext,
  model: ModelRecord,
  plan: RepairPlan,
  { live, validation, gate, control }: RepairSources,
): Promise<InputColumns> {
  if (plan.dir !== null) deployTarget(plan.dir).assertTakes(model);
  const own = await requireProfile(context, model);
  checkLive(context, own, live, plan.threshold === null ? {} : { threshold: plan.threshold });
  const { features, label } = taskOf(model, plan.label);
  const labelled = { features, label, weight: plan.weight };
  for (const source of [validation, gate, control]) {
    if (source !== undefined) checkLabelled(source, labelled);
  }
  return { live: [...own.features.keys()], labelled: columnsOf(labelled) };
}

class Repair {
  readonly #context: RepairContext;
  readonly #log: RunLog;
  readonly #model: ModelRecord;
  readonly #sources: RepairSources;
  readonly #controls: RepairControls;

  constructor(
    context: RepairContext,
    log: RunLog,
    model: ModelRecord,
    sources: RepairSources,
    controls: RepairControls,
  ) {
    this.#context = context;
    this.#log = log;
    this.#model = model;
    this.#sources = sources;
    this.#controls = controls;
  }

  get #plan(): RepairPlan {
    return this.#log.started.plan;
  }

  async run(): Promise<RepairResult> {
    try {
      return await this.#steps();
    } catch (thrown) {
      await this.#breakOff(thrown);
      throw thrown;
    }
  }

  async #steps(): Promise<RepairResult> {
    const { drift } = await this.#detect();
    if (drift.verdict !== "drift") {
      const isStable = drift.verdict === "stable";
      return this.#end(
        "no-drift",
        isStable ? "the live data has not drifted" : "the live data is too little to tell",
      );
    }
    const chosen = await this.#choose();
    const { ancestor } = chosen;
    if (ancestor === null) {
      return this.#end("no-healthy-ancestor", noAncestorReason(chosen, this.#plan.ancestor));
    }
    say(this.#controls, "ancestor", `toward ${ancestor.label}`);
    return this.#judgeAndPublish({ ...chosen, ancestor });
  }

  #detect() {
    const { live } = this.#sources;
    const { threshold, ancestor } = this.#plan;
    return this.#log.once("detected", async () => {
      say(this.#controls, "drift", `comparing ${live.rowCount} live rows with the lineage`);
      const own = await requireProfile(this.#context, this.#model);
      const { report, ancestors } = await lineageDrift(this.#context, this.#model, own, live, ancestor, {
        ...(threshold !== null && { threshold }),
        signal: this.#controls.signal,
      });
      return detectedStep(report, ancestors);
    });
  }

  #choose() {
    return this.#log.once("ancestor-chosen", () => {
      const { select, ancestor: forced, filter, combine, requantize } = this.#plan;
      const { ancestors } = this.#log.recorded("detected")!;
      return chooseAncestor(this.#context, this.#model, ancestors, {
        select,
        forced,
        filter,
        combine,
        requantize,
      });
    });
  }

  async #judgeAndPublish(chosen: ChosenStep & { readonly ancestor: ChosenAncestor }): Promise<RepairResult> {
    const common = { log: this.#log, model: this.#model, chosen, sources: this.#sources };
    const controls = this.#controls;
    const gated = this.#log.recorded("gated");
    const judged =
      gated === undefined
        ? await judgeCandidates({ ...common, context: this.#context, controls })
        : { gated };
    if (judged.gated === null) return this.#end(judged.outcome, judged.reason);
    const { outcome, reason } = judged.gated;
    if (outcome !== "published" || this.#plan.dryRun) return this.#end(outcome, reason);
    this.#refuseAborted();
    const searched = this.#log.recorded("scale-searched")!;
    const deployment = await publish(this.#context, {
      ...common,
      searched,
      gated: judged.gated,
      controls,
    });
    const report = reportOf(this.#log);
    say(controls, "published", labelOf(report.model!));
    return { report, deployment };
  }

  #refuseAborted(): void {
    const { signal } = this.#controls;
    if (!signal?.aborted) return;
    throw new MendlineError("MENDLINE_TASK_ABORTED", "the repair was cancelled before it was published", {
      cause: signal.reason,
    });
  }

  async #end(outcome: RepairOutcome, reason: string): Promise<RepairResult> {
    // A dry run's record must not read like a publication.
    const step = this.#plan.dryRun ? "dry-run" : outcome;
    await this.#log.append(step, { outcome, reason, model: null, path: null });
    return { report: reportOf(this.#log), deployment: null };
  }

  /** The end is recorded, so that the alias is free. Where the store fails too, the run stays open, and can be resumed. */
  async #breakOff(thrown: unknown): Promise<void> {
    const code = thrown instanceof MendlineError ? thrown.code : null;
    const isAborted = this.#controls.signal?.aborted === true && code === "MENDLINE_TASK_ABORTED";
    try {
      // Read anew: what was published is so, whatever failed behind it.
      const log = await RunLog.reopen(this.#context.store, this.#log.id);
      if (isDecided(log.state)) return;
      await log.append(isAborted ? "cancelled" : "failed", { reason: messageOf(thrown), code });
    } catch {
      // The caller is told of the first failure.
    }
  }
}

/** Health is told by training data; labels may think otherwise of an ancestor that was trained on several regimes. */
function noAncestorReason({ passedOver, ancestors }: ChosenStep, forced: string | null): string {
  if (passedOver.length === 0) return "it has no ancestor";
  const hasDrifted = forced === null && ancestors.some(({ verdict }) => verdict === "drift");
  const remedy = ": with --ancestor REF the labelled rows decide about one all the same";
  return `every ancestor was passed over${hasDrifted ? remedy : ""}`;
}
