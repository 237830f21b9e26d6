/** `mendline labels …`: asking people for the labels that decide, and repairing with what they say. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { addLabelsAnnotateCommand } from "./labels-annotate.js";
import { addLabelsEndCommands } from "./labels-end.js";
import { addLabelsExportCommand, addLabelsImportCommand } from "./labels-files.js";
import { addLabelsListCommand, addLabelsShowCommand } from "./labels-list.js";
import { addLabelsRefineCommand } from "./labels-refine.js";
import { addLabelsRequestCommand } from "./labels-request.js";

export function addLabelsCommands(parent: Command, context: CommandContext): void {
  const group = parent
    .command("labels")
    .description("Ask people for the few labels that decide a repair, and repair with them.");
  addLabelsRequestCommand(group, context);
  addLabelsListCommand(group, context);
  addLabelsShowCommand(group, context);
  addLabelsExportCommand(group, context);
  addLabelsImportCommand(group, context);
  addLabelsAnnotateCommand(group, context);
  addLabelsRefineCommand(group, context);
  addLabelsEndCommands(group, context);
}
