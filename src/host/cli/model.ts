/** `mendline model …`: the lineage. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { addModelAddCommand } from "./model-add.js";
import { addModelBlendCommand } from "./model-blend.js";
import { addModelDiffCommand } from "./model-diff.js";
import { addModelGuessCommand } from "./model-guess.js";
import { addModelListCommand } from "./model-list.js";
import { addModelPathCommands } from "./model-path.js";
import { addModelRelativesCommands } from "./model-relatives.js";
import { addModelRestoreCommand } from "./model-restore.js";
import { addModelSearchCommands } from "./model-search.js";
import { addModelShowCommand } from "./model-show.js";
import { addModelSignCommand } from "./model-sign.js";
import { addModelSignaturesCommand } from "./model-signatures.js";
import { addModelTreeCommand } from "./model-tree.js";
import { addModelVerifyCommand } from "./model-verify.js";

export function addModelCommands(parent: Command, context: CommandContext): void {
  const group = parent.command("model").description("Add, list, look at and take out model versions.");
  addModelAddCommand(group, context);
  addModelListCommand(group, context);
  addModelShowCommand(group, context);
  addModelSearchCommands(group, context);
  addModelRelativesCommands(group, context);
  addModelPathCommands(group, context);
  addModelBlendCommand(group, context);
  addModelDiffCommand(group, context);
  addModelGuessCommand(group, context);
  addModelTreeCommand(group, context);
  addModelRestoreCommand(group, context);
  addModelSignCommand(group, context);
  addModelSignaturesCommand(group, context);
  addModelVerifyCommand(group, context);
}
