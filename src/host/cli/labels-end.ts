/** `mendline labels close` and `cancel`: enough labels have come, or none are wanted any more. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { requestHelp } from "./labels-text.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

const ends = {
  close: { state: "closed", description: "Close a label request: the labels that came are enough." },
  cancel: { state: "cancelled", description: "Cancel a label request: it takes no more labels." },
} as const;

export function addLabelsEndCommands(parent: Command, context: CommandContext): void {
  for (const [name, { state, description }] of Object.entries(ends)) {
    const command = parent
      .command(name)
      .description(description)
      .argument("<request>", requestHelp, parseText)
      .option("--reason <text>", "why (default: by hand)", parseText);
    addOutputOption(addStoreOption(command)).action(
      async (id: string, flags: OutputOptions & StoreOptions & { readonly reason?: string }) => {
        const { requestSummary } = await import("../../index.js");
        const request = await withStore(context, flags, async ({ engine }) =>
          (await engine.labels()).end(id, state, flags.reason),
        );
        await print({ json: requestSummary(request), text: () => `${id} is ${request.state}` }, flags);
      },
    );
  }
}
