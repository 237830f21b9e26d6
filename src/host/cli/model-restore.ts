/** `mendline model restore`: the file as it was added. */
import type { Command } from "commander";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { bytesText } from "./figures.js";
import { checkTarget } from "./files.js";
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

interface RestoreFlags extends OutputOptions, StoreOptions {
  readonly out: string;
}

export function addModelRestoreCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("restore")
    .description("Write a model's file, or files, as added; every byte is verified before they appear.")
    .argument("<ref>", refHelp, parseText)
    .requiredOption("--out <path>", "file to write; for a model in several files a new folder", parseText);
  addOutputOption(addStoreOption(command)).action(async (ref: string, flags: RestoreFlags) => {
    const { out } = flags;
    await checkTarget(out);
    const model = await withStore(context, flags, ({ engine }) => engine.restore(ref, out));
    const { id, name, version, byteLength, fileHash, files } = model;
    await print(
      {
        json: { id, name, version, out, byteLength, fileHash, ...(files !== undefined && { files }) },
        text: () => `${visibleText(out)} is ${nameText(`${name}@${version}`)}, ${bytesText(byteLength)}`,
      },
      flags,
    );
  });
}
