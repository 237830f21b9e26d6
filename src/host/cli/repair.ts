/** `mendline repair`: mends a drifted model from its own lineage, and publishes it if the gate lets it through. */
import { type Command, Option } from "commander";
import { MendlineError } from "../../errors.js";
import type {
  RepairAsked,
  RepairOutcome,
  RepairProgress,
  RepairReport,
  RepairRequest,
  TrialPeriod,
} from "../../index.js";
import { labelAgeMsMax, labelPointsMax } from "../../limits.js";
import { type CommandContext, exitCodes } from "./context.js";
import {
  addComputeOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  dataHelp,
  type OutputOptions,
  refHelp,
  refuseSharedInput,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { ProgressLine } from "./progress.js";
import { repairText } from "./repair-text.js";
import { parseNames, parsePositive, parseShare, parseText, parseWhole } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface RepairFlags
  extends OutputOptions,
    StoreOptions,
    ComputeOptions,
    Omit<
      RepairAsked,
      "live" | "validation" | "gate" | "control" | "pool" | "labelAgeMs" | "signal" | "onProgress"
    > {
  readonly live: string;
  readonly validation?: string;
  readonly labelDays?: number;
  readonly gate?: string;
  readonly control?: string;
  readonly pool?: string;
}

const metrics = "log-loss, brier, accuracy, auc; rmse, mae, pinball:Q";
const selections: readonly NonNullable<RepairRequest["select"]>[] = ["nearest", "lowest-drift"];
const outputs: readonly NonNullable<RepairRequest["output"]>[] = ["probability", "logit"];
const rungs: readonly NonNullable<RepairRequest["scales"]>[] = ["single", "ramp", "groups"];
const trials: readonly TrialPeriod[] = ["shadow", "guard"];
const seedMax = 2 ** 32 - 1;
/** A weighted sum takes eight vectors, the drifted model's among them. */
export const combineMax = 7;
const dayMs = 86_400_000;
const labelDaysMax = labelAgeMsMax / dayMs;

/** Outcomes after which nothing is left to be done. */
const settled: readonly RepairOutcome[] = ["published", "on-trial", "no-drift"];

const notes = `
The repaired model is drifted + scale * (ancestor - drifted). The scale is chosen on one half of --validation; on the other
half it must beat the present model and be no worse than the ancestor. Exit code 4 when it is not published.
A validator is a command that gets the parameter file and the data file (Arrow) as its last two arguments and prints
{"loss": [...]} with one loss a row, or {"loss": number}; or a JavaScript module, judge.mjs, with a default export
async ({ parameters, rows }) => losses.`;

export function addRepairCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("repair")
    .description("Mend a drifted model from its own lineage, without training.")
    .argument("<ref>", refHelp, parseText)
    .requiredOption("--live <data>", `data that shows the drift: ${dataHelp}`, parseText)
    .option(
      "--validation <data>",
      "labelled data of the new regime; labels of earlier requests come to it by themselves",
      parseText,
    );
  addChoiceOptions(addJudgingOptions(command))
    .option("--alias <name>", "what the repaired model is deployed as", parseText)
    .option("--deploy <dir>", "folder for DIR/model.*", parseText)
    .addOption(
      new Option(
        "--trial <period>",
        "shadow: try it on live rows before the alias moves; guard: after",
      ).choices(trials),
    )
    .option("--dry-run", "decide the same, publish nothing")
    .option(
      "--labels <count>",
      "where labels are missing, ask for so many: `mendline labels` goes on",
      parseWhole(1, labelPointsMax),
    )
    .option(
      "--label-days <days>",
      "labels of earlier requests count so long (default: 90; 0: they do not)",
      parseWhole(0, labelDaysMax),
    )
    .option("--pool <data>", "rows to choose them from (default: --live)", parseText)
    .option("--seed <n>", "seed of the split (default: 0)", parseWhole(0, seedMax))
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (ref: string, flags: RepairFlags) => {
      const report = await repair(context, ref, flags);
      await print({ json: report, text: () => repairText(report) }, flags);
      context.exitCode = exitCodeOf(report);
    },
  );
}

export function exitCodeOf({ outcome }: RepairReport): number {
  return settled.includes(outcome) ? exitCodes.done : exitCodes.notPublished;
}

function addJudgingOptions(command: Command): Command {
  return command
    .option("--gate <data>", "labelled data for the gate (default: half of --validation)", parseText)
    .option("--control <data>", "labelled data of the old regime, which must not get worse", parseText)
    .option("--control-margin <share>", "how much worse it may get there (default: 0.05)", parseShare)
    .option("--control-proof", "the margin must be proven: the upper 95 % bound lies within it")
    .option("--label <column>", "column of the labels (default: the model's own)", parseText)
    .option("--weight <column>", "column of the labelled rows' weights", parseText)
    .option("--metric <metric>", `what the gate compares: ${metrics} (default: by task)`, parseText)
    .option("--goal <condition>", "what must be reached, such as 'log-loss<=0.6'", parseText)
    .addOption(
      new Option("--output <kind>", "what the model's output is (default: told by its values)").choices(
        outputs,
      ),
    )
    .option(
      "--validator <command>",
      "module or program that judges candidates (default: onnxruntime)",
      parseText,
    );
}

function addChoiceOptions(command: Command): Command {
  return command
    .option("--threshold <psi>", "a feature drifts above this PSI (default: 0.2)", parsePositive())
    .addOption(
      new Option("--select <rule>", "which healthy ancestor to take (default: nearest)").choices(selections),
    )
    .option("--ancestor <ref>", "take this ancestor, whatever its own drift", parseText)
    .option(
      "--combine <count>",
      "combine so many ancestors, where it pays (default: 1)",
      parseWhole(1, combineMax),
    )
    .addOption(
      new Option(
        "--scales <kind>",
        "how the scale may vary over layers, where it pays (default: groups)",
      ).choices(rungs),
    )
    .option("--requantize", "blend quantised weights as the numbers they stand for, and quantise again")
    .option(
      "--include <patterns>",
      "tensors that are repaired, such as 'encoder.*' (default: all)",
      parseNames,
    )
    .option("--exclude <patterns>", "tensors that stay as they are, such as 'head.*,*.bias'", parseNames);
}

async function repair(context: CommandContext, ref: string, flags: RepairFlags): Promise<RepairReport> {
  const { live, validation, gate, control, pool, alias, deploy } = flags;
  refuseSharedInput({
    "--live": live,
    "--validation": validation,
    "--gate": gate,
    "--control": control,
    "--pool": pool,
  });
  if (pool !== undefined && flags.labels === undefined) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      "--pool needs --labels, the number of points to ask about",
    );
  }
  if (deploy !== undefined && alias === undefined) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      "--deploy needs --alias, the name that is deployed there",
    );
  }
  const options = { ...flags, inputs: [live, validation, gate, control, pool] };
  return withStore(context, options, (workspace) => repairIn(workspace, ref, flags));
}

async function repairIn(workspace: Workspace, ref: string, flags: RepairFlags): Promise<RepairReport> {
  const { json: _json, store: _store, memory: _memory, threads: _threads, labelDays, ...rest } = flags;
  const { validation: labelled, ...request } = rest;
  const live = await workspace.openData(flags.live);
  const open = async (path: string | undefined) =>
    path === undefined ? undefined : workspace.openData(path);
  const validation = await open(labelled);
  const gate = await open(flags.gate);
  const control = await open(flags.control);
  const pool = await open(flags.pool);
  return reportProgress(workspace, (controls) =>
    workspace.engine.repair(ref, {
      ...request,
      ...controls,
      live,
      gate,
      control,
      pool,
      ...(validation !== undefined && { validation }),
      ...(labelDays !== undefined && { labelAgeMs: labelDays * dayMs }),
    }),
  );
}

/** Runs a repair that the person can interrupt, and shows how far it is. */
export async function reportProgress(
  { signal }: Workspace,
  work: (controls: Pick<RepairRequest, "signal" | "onProgress">) => Promise<RepairReport>,
): Promise<RepairReport> {
  const progress = new ProgressLine();
  const onProgress = ({ message, done, total }: RepairProgress) => progress.update(message, done, total);
  try {
    return await work({ signal, onProgress });
  } finally {
    progress.clear();
  }
}
