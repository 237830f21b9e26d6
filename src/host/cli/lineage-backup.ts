/** `mendline lineage backup` and `restore`: a whole store to and from one file. */
import type { Command } from "commander";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { bytesText } from "./figures.js";
import { checkTarget } from "./files.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface BackupFlags extends OutputOptions, StoreOptions {
  readonly out: string;
}

export function addLineageBackupCommands(parent: Command, context: CommandContext): void {
  const backup = parent
    .command("backup")
    .description("Write the whole store into one file; every record and every object is proven on the way.")
    .requiredOption("--out <file>", "file to write", parseText);
  addOutputOption(addStoreOption(backup)).action(async (flags: BackupFlags) => {
    const { out } = flags;
    await checkTarget(out);
    const made = await withStore(context, flags, ({ engine, signal }) => engine.backup(out, { signal }));
    const text = () =>
      `${visibleText(out)} is the store, ${countsText(made)}, ${bytesText(made.byteLength)}\nhash ${made.hash}`;
    await print({ json: { out, ...made }, text }, flags);
  });
  const restore = parent
    .command("restore")
    .description(
      "Make a store of a backup, in a new or an empty folder; it appears when all of it is proven.",
    )
    .argument("<file>", "what `lineage backup` wrote", parseText);
  addOutputOption(addStoreOption(restore)).action(
    async (file: string, flags: OutputOptions & StoreOptions) => {
      const { restoreBackup } = await import("../../index.js");
      const { store } = flags;
      const restored = await restoreBackup(file, store, { signal: context.signal });
      const began = new Date(restored.createdMs).toISOString();
      const text = () =>
        `${visibleText(store)} is the store of ${began}, ${formatPlural(restored.models, "model")}, ${countsText(restored)}\nhash ${restored.hash}`;
      await print({ json: { store, ...restored }, text }, flags);
    },
  );
}

interface Counts {
  readonly records: number;
  readonly objects: number;
  readonly files: number;
}

function countsText({ records, objects, files }: Counts): string {
  const counted = [formatPlural(records, "record"), formatPlural(objects, "object")];
  // Slices of labelled rows: few stores have any.
  if (files > 0) counted.push(`${formatPlural(files, "file")} of labelled rows`);
  return `${counted.slice(0, -1).join(", ")} and ${counted.at(-1)}`;
}
