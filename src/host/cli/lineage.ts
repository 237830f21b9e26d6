/** `mendline lineage …`: the lineage as a whole. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { addLineageDeclaredCommand } from "./lineage-declared.js";
import { addLineageExportCommand } from "./lineage-export.js";
import { addLineageImportCommand } from "./lineage-import.js";

export function addLineageCommands(parent: Command, context: CommandContext): void {
  const group = parent.command("lineage").description("Exchange the lineage with other tools.");
  addLineageExportCommand(group, context);
  addLineageImportCommand(group, context);
  addLineageDeclaredCommand(group, context);
}
