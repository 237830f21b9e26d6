/** Repairs again with the labels that a request brought: the same question as its run's, with more rows, and published where that would have. */
import { MendlineError } from "../../errors.js";
import type { LabelRequest } from "../labels/label-request.js";
import { addRound, loadRequest } from "../labels/requests.js";
import type { RepairContext } from "./context.js";
import { describeInputs, refuseOtherInputs, reopenInputs } from "./inputs.js";
import { columnsOf } from "./labelled-columns.js";
import { requireProfile } from "./lineage-drift.js";
import { type RepairResult, repairModel } from "./pipeline.js";
import { labelledPoints, refinedSlices } from "./refined-slices.js";
import {
  type RepairControls,
  type RepairPlan,
  type RepairRequest,
  type RepairSources,
  taskOf,
} from "./request.js";
import { RunLog } from "./run-log.js";
import { type Stop, stopOf } from "./stopping.js";

/** Data that is not given is opened from the files that the run began with. */
export interface RefineRequest extends Partial<RepairSources>, RepairControls {
  /** Where to publish, in place of where the run would have. */
  readonly alias?: string;
  readonly deploy?: string;
  /** Combine up to so many ancestors, where so many labels allow it and it pays; as the run by default. */
  readonly combine?: number;
  readonly dryRun?: boolean;
}

export interface Refinement extends RepairResult {
  /** With this round, unless it was a dry run. */
  readonly request: LabelRequest;
  /** Why no more labels are wanted; null: they are. */
  readonly stop: Stop | null;
}

/**
 * @throws MendlineError MENDLINE_DATA_EMPTY  no point has a label yet
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  the request was made without a run
 * @throws MendlineError MENDLINE_REPAIR_INPUTS  the run's data is not what it was, or cannot be had
 */
export async function refineRepair(
  context: RepairContext,
  id: string,
  given: RefineRequest,
): Promise<Refinement> {
  const { store } = context;
  const { signal } = given;
  const request = await loadRequest(store, id);
  const log = await runOf(context, request);
  const { plan, inputs } = log.started;
  if (labelledPoints(request).length === 0) {
    throw new MendlineError(
      "MENDLINE_DATA_EMPTY",
      `${id} has no labels yet: \`mendline labels annotate ${id}\`, or import a file of them`,
    );
  }
  const { sources, close } = await reopenInputs(context, log.id, inputs, given, signal);
  try {
    const model = await store.get(plan.model);
    const own = await requireProfile(context, model);
    const { features, label } = taskOf(model, plan.label);
    const columns = {
      live: [...own.features.keys()],
      labelled: columnsOf({ features, label, weight: plan.weight }),
    };
    refuseOtherInputs(log.id, inputs, await describeInputs(context, sources, columns, signal));
    const slices = await refinedSlices(context, plan, sources, request, signal);
    try {
      const { live, control } = sources;
      const { validation, gate, chosen, random } = slices;
      const result = await repairModel(context, model, {
        ...askedAgain(plan, given),
        refines: plan.refines ?? log.id,
        live,
        control,
        validation,
        gate,
        signal,
        onProgress: given.onProgress,
      });
      const { run, outcome, reason } = result.report;
      const stop = stopOf(result.report, request.question.budget, { chosen, random });
      if (given.dryRun === true) return { ...result, request, stop };
      // Labels may have come meanwhile: the round is added to what is there now.
      const now = await loadRequest(store, id);
      const round = { run, outcome, reason, chosen, random, stop };
      return { ...result, request: await addRound(store, now, round), stop };
    } finally {
      await slices.close();
    }
  } finally {
    await close();
  }
}

async function runOf({ store }: RepairContext, { id, question }: LabelRequest): Promise<RunLog> {
  if (question.run !== null) return RunLog.reopen(store, question.run);
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `${id} was made before there was a repair to refine: give its labels to \`mendline repair --validation\`, or make requests after a repair`,
  );
}

/** What the run was asked. */
function askedAgain(
  plan: RepairPlan,
  given: RefineRequest,
): Omit<RepairRequest, keyof RepairSources | keyof RepairControls> {
  const { label, metric, select, scales, combine, controlMargin, controlProof, seed, filter } = plan;
  const { requantize = false } = plan;
  const { goal, threshold, weight, ancestor, output, validator } = plan;
  const alias = given.alias ?? plan.alias;
  const deploy = given.deploy ?? plan.dir;
  return {
    label,
    metric,
    select,
    scales,
    combine: given.combine ?? combine,
    requantize,
    controlMargin,
    controlProof,
    seed,
    include: filter.include,
    exclude: filter.exclude,
    dryRun: given.dryRun ?? false,
    ...(goal !== null && { goal }),
    ...(threshold !== null && { threshold }),
    ...(weight !== null && { weight }),
    ...(ancestor !== null && { ancestor }),
    ...(output !== null && { output }),
    ...(validator !== null && {
      validator: validator.kind === "command" ? validator.command : validator.path,
    }),
    ...(plan.trial != null && { trial: { period: plan.trial.period, ...plan.trial.options } }),
    ...(alias !== null && { alias }),
    ...(deploy !== null && { deploy }),
  };
}
