/** `mendline labels annotate`: one point at a time in the terminal, a key each. */
import { userInfo } from "node:os";
import type { Command } from "commander";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { requestHelp } from "./labels-text.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface AnnotateFlags extends OutputOptions, StoreOptions {
  readonly annotator?: string;
}

const notes = `
Keys: a class's number (or a number and Enter), s skip, u undo, q quit. Every answer is kept at once; the next time it goes on
where it was. Keys may also come from a file or a pipe.`;

export function addLabelsAnnotateCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("annotate")
    .description("Label a request's points one by one, here in the terminal.")
    .argument("<request>", requestHelp, parseText)
    .option("--annotator <name>", "who labels (default: the user's name)", parseText)
    .addHelpText("after", notes);
  addOutputOption(addStoreOption(command)).action(async (id: string, flags: AnnotateFlags) => {
    const { requestSummary } = await import("../../index.js");
    const { request, labelled, skipped, left } = await withStore(context, flags, async ({ engine, signal }) =>
      withKeys(signal, async (keys) =>
        (await engine.labels()).annotate(id, {
          annotator: flags.annotator ?? userInfo().username,
          keys,
          // Standard output is for what the command came to.
          write: (text) => void process.stderr.write(text),
          visible: visibleText,
        }),
      ),
    );
    const text = () =>
      `${labelled} labelled and ${skipped} skipped now, ${left} left: ${request.id} is ${request.state}`;
    await print({ json: { labelled, skipped, left, request: requestSummary(request) }, text }, flags);
  });
}

/** Standard input key by key; the terminal is as it was when the work ends. */
async function withKeys<T>(
  signal: AbortSignal,
  work: (keys: AsyncIterable<string>) => Promise<T>,
): Promise<T> {
  const { stdin } = process;
  const stop = () => stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  try {
    return await work(stdin as AsyncIterable<string>);
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    process.stderr.write("\n");
    signal.removeEventListener("abort", stop);
    stdin.destroy();
  }
}
