/** `mendline rollback`: an alias serves again what it served before. */
import type { Command } from "commander";
import type { CommandContext } from "./context.js";
import { deploymentText } from "./deploy.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface RollbackFlags extends OutputOptions, StoreOptions {
  readonly alias: string;
}

export function addRollbackCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("rollback")
    .description("Let an alias serve what it served before its present model.")
    .requiredOption("--alias <name>", "the alias", parseText);
  addOutputOption(addStoreOption(command)).action(async (flags: RollbackFlags) => {
    const deployment = await withStore(context, flags, ({ engine }) => engine.rollback(flags.alias));
    await print({ json: deployment, text: () => deploymentText(deployment) }, flags);
  });
}
