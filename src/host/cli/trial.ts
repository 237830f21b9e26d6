/** `mendline trial`: runs a candidate beside what an alias serves on live rows, until labels show which is better. */
import { type Command, Option } from "commander";
import { MendlineError } from "../../errors.js";
import type { AliasTrial, TrialOptions, TrialState } from "../../index.js";
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
import { trialText } from "./trial-text.js";
import { parsePositive, parseText, parseWhole } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface TrialFlags extends OutputOptions, StoreOptions, ComputeOptions, Omit<TrialOptions, "canaryShare"> {
  readonly candidate?: string;
  readonly live?: string;
  readonly labelled?: string;
  readonly label?: string;
  readonly validator?: string;
  readonly output?: "probability" | "logit";
  readonly end?: boolean;
}

const rowsLimit = 1_000_000_000;

const notes = `
With --candidate the alias serves what it serves, and moves to the candidate when labelled rows show it to be better; without, the
trial that is open goes on, else the alias's present model is tried against the one before it, and the alias goes back when the
present one is shown to be worse, or drifts. Give rows as they come, day by day: each file counts once. Without data it tells how the
trial stands. Exit code 4 when the candidate has lost.`;

export function addTrialCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("trial")
    .description("Try a candidate beside what an alias serves, on live rows.")
    .argument("<alias>", "the alias", parseText)
    .option("--candidate <ref>", `model to try: ${refHelp}`, parseText)
    .option("--live <data>", `rows as they are served, for disagreements and drift: ${dataHelp}`, parseText)
    .option("--labelled <data>", "rows whose labels have come: they decide", parseText)
    .option("--label <column>", "column of the labels (default: the repair's, or the model's own)", parseText)
    .option("--rows-min <count>", "labelled rows at the first look (default: 200)", parseWhole(2, rowsLimit))
    .option(
      "--rows-max <count>",
      "labelled rows at which it ends undecided (default: 1000000)",
      parseWhole(2, rowsLimit),
    )
    .option("--tolerance <number>", "answers as far apart as this agree (default: 0)", parsePositive())
    .option("--validator <command>", "judges instead of onnxruntime, as in `mendline repair`", parseText)
    .addOption(new Option("--output <kind>", "what the outputs are").choices(["probability", "logit"]))
    .option("--end", "end the trial; the alias stays where it is")
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (alias: string, flags: TrialFlags) => {
      const { state, labels } = await run(context, alias, flags);
      await print({ json: { alias, ...state }, text: () => trialText(alias, state, labels) }, flags);
      context.exitCode = state.verdict === "worse" ? exitCodes.notPublished : exitCodes.done;
    },
  );
}

interface Told {
  readonly state: TrialState;
  /** name@version by id. */
  readonly labels: ReadonlyMap<string, string>;
}

function run(context: CommandContext, alias: string, flags: TrialFlags): Promise<Told> {
  const { live, labelled, end, candidate } = flags;
  refuseSharedInput({ "--live": live, "--labelled": labelled });
  const hasData = live !== undefined || labelled !== undefined;
  if (end && (hasData || candidate !== undefined))
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "--end takes no data and no candidate");
  return withStore(context, { ...flags, inputs: [live, labelled] }, async (workspace) => {
    const state = await stateAfter(workspace, alias, flags, hasData || candidate !== undefined);
    const labels = new Map<string, string>();
    for (const id of [state.incumbent, state.candidate]) {
      const { name, version } = await workspace.engine.model(id);
      labels.set(id, `${name}@${version}`);
    }
    return { state, labels };
  });
}

async function stateAfter(
  workspace: Workspace,
  alias: string,
  flags: TrialFlags,
  begins: boolean,
): Promise<TrialState> {
  const { engine } = workspace;
  if (!begins) {
    const kept = await engine.lastTrial(alias);
    if (kept === null)
      throw new MendlineError(
        "MENDLINE_STORE_UNKNOWN",
        `alias "${alias}" has no trial: --candidate REF begins one, --live or --labelled DATA tries its present model`,
      );
    if (!flags.end || kept.verdict !== "open") return kept;
    return (await engine.trial(alias)).end();
  }
  const { candidate, rowsMin, rowsMax, tolerance } = flags;
  const options = { candidate, rowsMin, rowsMax, tolerance };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return observe(workspace, await engine.trial(alias, Object.fromEntries(given)), flags);
}

async function observe(workspace: Workspace, trial: AliasTrial, flags: TrialFlags): Promise<TrialState> {
  if (flags.live === undefined && flags.labelled === undefined) return trial.state;
  const { label, validator, output } = flags;
  const open = async (path: string | undefined) =>
    path === undefined ? undefined : await workspace.openData(path);
  return trial.observe({
    live: await open(flags.live),
    labelled: await open(flags.labelled),
    ...(label !== undefined && { label }),
    ...(validator !== undefined && { validator }),
    ...(output !== undefined && { output }),
    signal: workspace.signal,
  });
}
