/** `mendline resume`: goes on with a repair run that was broken off, or ends it. */
import type { Command } from "commander";
import type { RepairReport } from "../../index.js";
import type { CommandContext } from "./context.js";
import {
  addComputeOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  dataHelp,
  type OutputOptions,
  refuseSharedInput,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { exitCodeOf, reportProgress } from "./repair.js";
import { repairText } from "./repair-text.js";
import { parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface ResumeFlags extends OutputOptions, StoreOptions, ComputeOptions {
  readonly live?: string;
  readonly validation?: string;
  readonly gate?: string;
  readonly control?: string;
  readonly cancel?: boolean;
}

const notes = `
What the run recorded is not done again. The data must be what it began with: the files are opened where they were, data that
came by standard input is given again.`;

export function addResumeCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("resume")
    .description("Go on with a repair run that was broken off.")
    .argument("[run]", "id of the run (default: the only one that can be resumed)", parseText)
    .option("--live <data>", `the run's live data: ${dataHelp}`, parseText)
    .option("--validation <data>", "the run's labelled data", parseText)
    .option("--gate <data>", "the run's labelled data for the gate", parseText)
    .option("--control <data>", "the run's labelled data of the old regime", parseText)
    .option("--cancel", "end the run instead, so that its alias is free")
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (run: string | undefined, flags: ResumeFlags) => {
      if (flags.cancel) return cancel(context, run, flags);
      const report = await resume(context, run, flags);
      await print({ json: report, text: () => repairText(report) }, flags);
      context.exitCode = exitCodeOf(report);
    },
  );
}

async function cancel(context: CommandContext, run: string | undefined, flags: ResumeFlags): Promise<void> {
  const ended = await withStore(context, flags, async ({ engine }) =>
    engine.cancelRun(run ?? (await engine.resumableRun())),
  );
  await print({ json: ended, text: () => `${ended.run}: ${ended.outcome ?? ended.state}` }, flags);
}

function resume(context: CommandContext, run: string | undefined, flags: ResumeFlags): Promise<RepairReport> {
  const { live, validation, gate, control } = flags;
  refuseSharedInput({ "--live": live, "--validation": validation, "--gate": gate, "--control": control });
  const options = { ...flags, inputs: [live, validation, gate, control] };
  return withStore(context, options, (workspace) => resumeIn(workspace, run, flags));
}

async function resumeIn(
  workspace: Workspace,
  run: string | undefined,
  flags: ResumeFlags,
): Promise<RepairReport> {
  const open = async (path: string | undefined) =>
    path === undefined ? undefined : await workspace.openData(path);
  const live = await open(flags.live);
  const validation = await open(flags.validation);
  const gate = await open(flags.gate);
  const control = await open(flags.control);
  return reportProgress(workspace, (controls) =>
    workspace.engine.resume(run, {
      ...controls,
      ...(live && { live }),
      ...(validation && { validation }),
      ...(gate && { gate }),
      ...(control && { control }),
    }),
  );
}
