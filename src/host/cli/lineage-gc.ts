/** `mendline lineage gc`: drops parameters that a policy does not keep, and removes what nothing needs. */
import type { Command } from "commander";
import type { Collection } from "../../index.js";
import type { CommandContext } from "./context.js";
import { bytesText } from "./figures.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { nameText } from "./table.js";
import { parseWhole } from "./values.js";
import { withStore } from "./workspace.js";

interface GcFlags extends OutputOptions, StoreOptions {
  readonly dryRun?: boolean;
  readonly keepLast?: number;
  readonly keepAncestors?: number;
}

const countMax = 1_000_000;

export function addLineageGcCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("gc")
    .description(
      "Remove what no model needs; with --keep-last, drop the parameters of older versions first. What an alias stands for or stood for last, and what open repairs need, is kept; every model stays in the lineage.",
    )
    .option("--dry-run", "tell what would be dropped and removed, and do neither")
    .option(
      "--keep-last <count>",
      "versions of each name that keep their parameters",
      parseWhole(1, countMax),
    )
    .option(
      "--keep-ancestors <distance>",
      "derivations from a kept model up to which its ancestors keep theirs (default: all)",
      parseWhole(0, countMax),
    );
  addOutputOption(addStoreOption(command)).action(async (flags: GcFlags) => {
    const { dryRun = false, keepLast, keepAncestors } = flags;
    const collection = await withStore(context, flags, ({ engine, signal }) =>
      engine.collectGarbage({
        dryRun,
        signal,
        ...(keepLast === undefined ? {} : { keepLast }),
        ...(keepAncestors === undefined ? {} : { keepAncestors }),
      }),
    );
    await print({ json: collection, text: () => collectionText(collection) }, flags);
  });
}

/** Names that are told one by one. */
const namesMax = 20;

function collectionText({ dryRun, models, dropped, objects }: Collection): string {
  const would = dryRun ? "would be " : "";
  const lines = dropped
    .slice(0, namesMax)
    .map(({ id, name, version }) => `${would}dropped  ${nameText(`${name}@${version}`)}  ${id.slice(0, 12)}`);
  if (models.dropped > lines.length) lines.push(`… and ${models.dropped - lines.length} more`);
  const kept = Object.entries(models.kept)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${keptWords[reason as keyof typeof keptWords]}`);
  lines.push(
    `parameters ${would}dropped of ${models.dropped} models; kept: ${kept.length === 0 ? "none" : kept.join(", ")}`,
    `${objects.removed} objects ${would}removed, ${bytesText(objects.removedBytes)}; ${objects.kept} stay, ${bytesText(objects.keptBytes)}`,
  );
  return lines.join("\n");
}

const keptWords: Readonly<Record<keyof Collection["models"]["kept"], string>> = {
  policy: "of all models",
  version: "as newest versions",
  alias: "for an alias",
  needed: "for open repairs",
  ancestor: "as ancestors of those",
  reading: "because they are being read or came to be needed",
};
