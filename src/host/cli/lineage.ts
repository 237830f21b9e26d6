/** `mendline lineage …`: the lineage as a whole. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { addLineageExportCommand } from "./lineage-export.js";

export function addLineageCommands(parent: Command, context: CommandContext): void {
  const group = parent.command("lineage").description("Export the lineage to other tools.");
  addLineageExportCommand(group, context);
}
