/** `mendline labels refine`: repairs again with the labels that came, and publishes if the gate lets it through now. */
import type { Command } from "commander";
import { MendlineError } from "../../errors.js";
import type { Refinement, RepairReport } from "../../index.js";
import type { CommandContext } from "./context.js";
import { requestHelp, requestLine } from "./labels-text.js";
import {
  addComputeOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  type OutputOptions,
  refuseSharedInput,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { combineMax, exitCodeOf, reportProgress } from "./repair.js";
import { repairText } from "./repair-text.js";
import { parseText, parseWhole } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface RefineFlags extends OutputOptions, StoreOptions, ComputeOptions {
  readonly live?: string;
  readonly validation?: string;
  readonly gate?: string;
  readonly control?: string;
  readonly alias?: string;
  readonly deploy?: string;
  readonly combine?: number;
  readonly dryRun?: boolean;
}

interface Refined {
  readonly report: RepairReport;
  readonly stop: Refinement["stop"];
  /** name@version of what was repaired. */
  readonly model: string;
}

const notes = `
The request's repair run is asked anew, with the labels added to its own data: points drawn at random go to the gate, chosen
ones to the selection slice only. Data that is not given is opened from the files that the run began with. Exit code 4 when
nothing is published.`;

export function addLabelsRefineCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("refine")
    .description("Repair again with the labels that came.")
    .argument("<request>", requestHelp, parseText)
    .option("--live <data>", "the run's live data, where it was no file", parseText)
    .option("--validation <data>", "its validation data", parseText)
    .option("--gate <data>", "its gate data", parseText)
    .option("--control <data>", "its control data", parseText)
    .option(
      "--alias <name>",
      "what the repaired model is deployed as (default: as the run would have)",
      parseText,
    )
    .option("--deploy <dir>", "folder for DIR/model.* (default: the run's)", parseText)
    .option(
      "--combine <count>",
      "combine so many ancestors, where labels allow it and it pays (default: as the run)",
      parseWhole(1, combineMax),
    )
    .option("--dry-run", "decide the same, publish nothing")
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (id: string, flags: RefineFlags) => {
      const { live, validation, gate, control, alias, deploy } = flags;
      refuseSharedInput({ "--live": live, "--validation": validation, "--gate": gate, "--control": control });
      if (deploy !== undefined && alias === undefined) {
        throw new MendlineError(
          "MENDLINE_ARGUMENT_INVALID",
          "--deploy needs --alias, the name that is deployed there",
        );
      }
      const options = { ...flags, inputs: [live, validation, gate, control] };
      const { report, model, stop } = await withStore(context, options, (workspace) =>
        refineIn(workspace, id, flags),
      );
      await print(
        {
          json: { ...report, stop },
          text: () => `${repairText(report)}\n\n${adviceFor(report, model, stop)}`,
        },
        flags,
      );
      context.exitCode = exitCodeOf(report);
    },
  );
}

async function refineIn(workspace: Workspace, id: string, flags: RefineFlags): Promise<Refined> {
  const given: Record<string, unknown> = {};
  for (const name of ["live", "validation", "gate", "control"] as const) {
    const path = flags[name];
    if (path !== undefined) given[name] = await workspace.openData(path);
  }
  for (const name of ["alias", "deploy", "combine", "dryRun"] as const)
    if (flags[name] !== undefined) given[name] = flags[name];
  const desk = await workspace.engine.labels();
  let model = "";
  let stop: Refined["stop"] = null;
  const report = await reportProgress(workspace, async (controls) => {
    const refinement = await desk.refine(id, { ...given, ...controls });
    const { name, version } = refinement.request.question;
    model = `${name}@${version}`;
    stop = refinement.stop;
    return refinement.report;
  });
  return { report, model, stop };
}

/** The rule to stop by, or how many labels are still missing. */
function adviceFor({ outcome, gate, run }: RepairReport, model: string, stop: Refined["stop"]): string {
  if (outcome === "on-trial") return "decided: a trial on live rows has the last word";
  if (outcome === "published") return "decided: it is published";
  if (outcome === "no-drift") return "the live data has not drifted: there is nothing to decide";
  if (outcome === "rejected") return "decided against: more labels are not expected to change it";
  if (stop === "no-disagreement")
    return "stop: the two models say the same on all labelled rows; no label can tell which is better";
  const needed = gate?.rowsNeeded ?? null;
  const missing = gate === null || needed === null ? null : Math.max(1, Math.ceil(needed - gate.rows));
  const spent =
    stop === "budget-spent"
      ? "the labels that were to decide it are spent, and the difference is smaller than it looked: "
      : "";
  if (outcome === "not-proven" && missing !== null)
    return `${spent}about ${missing} more labels at the gate decide this at 80 %: ${requestLine(model, run, missing)}`;
  return `${spent}more labels may decide it: mendline labels request ${model} --run ${run} --pool DATA --count COUNT`;
}
