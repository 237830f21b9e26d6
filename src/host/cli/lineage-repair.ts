/** `mendline lineage repair`: brings back a store that cannot be opened, and tells what is lost. */
import type { Command } from "commander";
import { MendlineError } from "../../errors.js";
import type { StoreRepair } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { requireStore } from "./store-folder.js";
import { nameText } from "./table.js";

interface RepairFlags extends OutputOptions, StoreOptions {
  readonly dryRun?: boolean;
  readonly checkObjects?: boolean;
  readonly discard?: boolean;
}

export function addLineageRepairCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("repair")
    .description(
      "Save what can be read of a damaged store: records are proven by their hashes, every index is made anew, and what is lost is told. The database that was there is kept aside.",
    )
    .option("--dry-run", "tell what would be lost, and change nothing")
    .option("--check-objects", "read every byte of the parameters, too")
    .option("--discard", "remove the databases that earlier repairs have kept aside, and do nothing else");
  addOutputOption(addStoreOption(command)).action(async (flags: RepairFlags) => {
    const { dryRun = false, checkObjects = false, discard = false } = flags;
    if (discard && (dryRun || checkObjects))
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "--discard goes with no other option of a repair");
    await requireStore(flags.store);
    const { discardSetAside, repairStore } = await import("../../index.js");
    if (discard) {
      const discarded = await discardSetAside(flags.store);
      await print({ json: { discarded }, text: () => discardedText(discarded) }, flags);
      return;
    }
    const repair = await repairStore(flags.store, { dryRun, checkObjects, signal: context.signal });
    await print({ json: repair, text: () => repairText(repair) }, flags);
  });
}

function discardedText(paths: readonly string[]): string {
  return paths.length === 0
    ? "nothing was kept aside"
    : paths.map((path) => `removed  ${nameText(path)}`).join("\n");
}

/** Findings that are told one by one. */
const listedMax = 50;

function repairText(repair: StoreRepair): string {
  const { dryRun, files, records, lost, parametersLost, parametersLostCount, journal, objects, setAside } =
    repair;
  const lines = [
    ...files.map(({ path, problem }) => `damaged  ${nameText(path)}: ${problem}`),
    ...listed(
      lost.map(({ record, problem }) => `lost  ${visibleText(`${record}: ${problem}`)}`),
      records.lost,
    ),
    ...listed(
      parametersLost.map(
        ({ name, version, problem }) =>
          `parameters lost  ${nameText(`${name}@${version}`)}: ${problem}; add its file again`,
      ),
      parametersLostCount,
    ),
  ];
  if (journal.lostEntries > 0)
    lines.push(`lost  ${formatPlural(journal.lostEntries, "entry", "entries")} of the journal`);
  lines.push(
    `${formatPlural(records.kept, "record")} kept, ${records.lost} lost, ${records.rewritten} written anew; ${formatPlural(records.indexed, "record")} of indexes made anew`,
    `${formatPlural(objects.found, "object")} ${objects.checked ? "read and sound" : "there"}, ${objects.missing} missing`,
    journal.isRewritten
      ? `the journal is written anew, ${formatPlural(journal.entryCount, "entry", "entries")}, head ${journal.head}`
      : "the journal is whole",
  );
  if (dryRun) lines.push("nothing was changed");
  if (setAside !== null)
    lines.push(`the database that was there is kept as ${nameText(setAside)}; --discard removes it`);
  return lines.join("\n");
}

function listed(lines: readonly string[], count: number): string[] {
  const shown = lines.slice(0, listedMax);
  return count > shown.length ? [...shown, `… and ${count - shown.length} more`] : shown;
}
