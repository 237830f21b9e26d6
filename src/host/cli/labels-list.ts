/** `mendline labels list` and `show`. */
import type { Command } from "commander";
import type { LabelRequestSummary } from "../../index.js";
import type { CommandContext } from "./context.js";
import { detailsText, requestHelp, requestsText } from "./labels-text.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText, parseWhole } from "./values.js";
import { withStore } from "./workspace.js";

interface ListFlags extends OutputOptions, StoreOptions {
  readonly limit: number;
}

const limitDefault = 20;
const limitMax = 100_000;

export function addLabelsListCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("list")
    .description("List label requests, newest first.")
    .option("--limit <count>", "requests listed", parseWhole(1, limitMax), limitDefault);
  addOutputOption(addStoreOption(command)).action(async (flags: ListFlags) => {
    const { requestSummary } = await import("../../index.js");
    const requests = await withStore(context, flags, async ({ engine }) => {
      const found: LabelRequestSummary[] = [];
      for await (const request of (await engine.labels()).list()) {
        found.push(requestSummary(request));
        if (found.length === flags.limit) break;
      }
      return found;
    });
    const text = () => (requests.length === 0 ? "no label requests" : requestsText(requests));
    await print({ json: requests, text }, flags);
  });
}

export function addLabelsShowCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("show")
    .description("Show a label request: its points, their labels, and where these disagree.")
    .argument("<request>", requestHelp, parseText);
  addOutputOption(addStoreOption(command)).action(async (id: string, flags: OutputOptions & StoreOptions) => {
    const { requestDetails } = await import("../../index.js");
    const request = await withStore(context, flags, async ({ engine }) => (await engine.labels()).get(id));
    const details = requestDetails(request);
    await print({ json: details, text: () => detailsText(details) }, flags);
  });
}
