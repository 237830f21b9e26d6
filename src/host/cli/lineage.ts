/** `mendline lineage …`: the lineage as a whole, and the store that holds it. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { addLineageBackupCommands } from "./lineage-backup.js";
import { addLineageDeclaredCommand } from "./lineage-declared.js";
import { addLineageExportCommand } from "./lineage-export.js";
import { addLineageGcCommand } from "./lineage-gc.js";
import { addLineageImportCommand } from "./lineage-import.js";
import { addLineageRepairCommand } from "./lineage-repair.js";

export function addLineageCommands(parent: Command, context: CommandContext): void {
  const group = parent
    .command("lineage")
    .description("Exchange the lineage with other tools, and look after the store.");
  addLineageExportCommand(group, context);
  addLineageImportCommand(group, context);
  addLineageDeclaredCommand(group, context);
  addLineageGcCommand(group, context);
  addLineageRepairCommand(group, context);
  addLineageBackupCommands(group, context);
}
