#!/usr/bin/env node
/** The command `mendline`: from words to an exit code, whatever happens on the way. */
import { type CommandContext, exitCodes } from "./context.js";
import { failureText, ignoreClosedPipes, write } from "./output.js";
import { runProgram } from "./program.js";

/** An interrupted command cleans up; one that cannot, or is asked again, is left. */
const cleanUpMsMax = 3_000;

const interruption = new AbortController();
const context: CommandContext = { signal: interruption.signal, exitCode: exitCodes.done };

ignoreClosedPipes();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    interruption.abort(new Error(signal));
    setTimeout(() => process.exit(exitCodes.interrupted), cleanUpMsMax);
  });
}
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (thrown: unknown) => {
    process.stderr.write(failureText(thrown));
    process.exit(exitCodes.failed);
  });
}

const exitCode = await runProgram(process.argv.slice(2), context);
await write(process.stdout, "");
// Not left to the event loop: an inference runtime's idle threads would hold it for half a second.
process.exit(exitCode);
