/** The command line as a whole. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { errorTable } from "../../errors.js";
import { type CommandContext, exitCodes } from "./context.js";
import { addDeployCommand } from "./deploy.js";
import { addDriftCommand } from "./drift.js";
import { addLabelsCommands } from "./labels.js";
import { addLineageCommands } from "./lineage.js";
import { addModelCommands } from "./model.js";
import { failureText, isMendlineError, write } from "./output.js";
import { addProfileCommand } from "./profile.js";
import { addRepairCommand } from "./repair.js";
import { addResumeCommand } from "./resume.js";
import { addRollbackCommand } from "./rollback.js";
import { addRunsCommand } from "./runs.js";
import { addStatusCommand } from "./status.js";
import { addTrialCommand } from "./trial.js";

/** From dist/src/host/cli/ to the package's root. */
const packageUrl = new URL("../../../../package.json", import.meta.url);

const closingHelp = `
Data is told by its content: Arrow (stream or file), Parquet, CSV, NDJSON; - is standard input.
Models are named by id, a beginning of the id of 8 or more digits, name@version, or alias.

Exit codes: 0 done, 1 failed, 2 usage, 3 drift found (drift), 4 not published (repair), 130 interrupted.`;

export function buildProgram(context: CommandContext): Command {
  const program = new Command("mendline")
    .description("Watches live data for drift and mends a drifted model from its own lineage.")
    .version(packageVersion())
    // Else the program's --version would take that of `model add`.
    .enablePositionalOptions()
    .exitOverride()
    // Commander prints a failure in its own words; ours is one line with a code, printed by runProgram.
    .configureOutput({ outputError: () => undefined })
    .addHelpText("after", closingHelp);
  addProfileCommand(program, context);
  addDriftCommand(program, context);
  addModelCommands(program, context);
  addLineageCommands(program, context);
  addRepairCommand(program, context);
  addRunsCommand(program, context);
  addResumeCommand(program, context);
  addLabelsCommands(program, context);
  addDeployCommand(program, context);
  addRollbackCommand(program, context);
  addTrialCommand(program, context);
  addStatusCommand(program, context);
  return program;
}

/** @returns what the process ends with; failures have been told on standard error */
export async function runProgram(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync(words, { from: "user" });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return tellUsage(thrown);
    if (context.signal.aborted) return tell("mendline: interrupted\n", exitCodes.interrupted);
    return tell(failureText(thrown), isMendlineError(thrown) ? thrown.exitCode : exitCodes.failed);
  }
}

/** Help and version have been printed when commander throws them. */
async function tellUsage({ code, exitCode, message }: CommanderError): Promise<number> {
  if (exitCode === 0) return exitCodes.done;
  if (code === "commander.help") return exitCodes.usage;
  const text = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  return tell(`mendline: error: ${text} [${usageCode}]\n`, exitCodes.usage);
}

const usageCode: keyof typeof errorTable = "MENDLINE_ARGUMENT_INVALID";

async function tell(text: string, exitCode: number): Promise<number> {
  await write(process.stderr, text);
  return exitCode;
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(packageUrl, "utf8")) as { version: string };
  return manifest.version;
}
