/** `mendline deploy`: lets an alias serve a model version. */
import type { Command } from "commander";
import type { Deployment } from "../../index.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { nameText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface DeployFlags extends OutputOptions, StoreOptions {
  readonly alias: string;
  readonly deploy?: string;
}

export function addDeployCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("deploy")
    .description("Let an alias serve a model version; its file is put into the folder in one step.")
    .argument("<ref>", refHelp, parseText)
    .requiredOption("--alias <name>", "what is deployed, such as rain-seattle", parseText)
    .option("--deploy <dir>", "folder for DIR/model.* (default: the alias's own, if it has one)", parseText);
  addOutputOption(addStoreOption(command)).action(async (ref: string, flags: DeployFlags) => {
    const { alias, deploy } = flags;
    const deployment = await withStore(context, flags, ({ engine }) =>
      engine.deploy(ref, { alias, ...(deploy === undefined ? {} : { dir: deploy }) }),
    );
    await print({ json: deployment, text: () => deploymentText(deployment) }, flags);
  });
}

export function deploymentText({ alias, name, version, path }: Deployment): string {
  const place = path === null ? "no folder" : visibleText(path);
  return `${nameText(alias)} serves ${nameText(`${name}@${version}`)} (${place})`;
}
