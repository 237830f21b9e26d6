/** `mendline model ancestors` and `mendline model descendants`: nearest first. */
import type { Command } from "commander";
import type { RelatedModel } from "../../index.js";
import { formatCount } from "../pages/format.js";
import type { CommandContext } from "./context.js";
import { shortId } from "./figures.js";
import {
  addFilterOptions,
  addWalkOptions,
  type FilterOptions,
  filterOf,
  type WalkFlags,
} from "./model-filters.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { tableText } from "./table.js";
import { parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface RelativesFlags extends OutputOptions, StoreOptions, FilterOptions, WalkFlags {}
type Direction = "ancestors" | "descendants";

const descriptions: Readonly<Record<Direction, string>> = {
  ancestors: "List what a model was derived from, nearest first.",
  descendants: "List what was derived from a model, nearest first.",
};

const notes = `
--name, --tag and --metric pick among the models that are met; --transformation says which derivations are followed.`;

export function addModelRelativesCommands(parent: Command, context: CommandContext): void {
  for (const direction of ["ancestors", "descendants"] as const) {
    const command = parent
      .command(direction)
      .description(descriptions[direction])
      .argument("<ref>", refHelp, parseText)
      .addHelpText("after", notes);
    addFilterOptions(addWalkOptions(command));
    addOutputOption(addStoreOption(command)).action(async (ref: string, flags: RelativesFlags) => {
      const relatives = await withStore(context, flags, (workspace) =>
        relativesOf(workspace, direction, ref, flags),
      );
      await print({ json: relatives, text: () => relativesText(relatives, direction) }, flags);
    });
  }
}

async function relativesOf(
  { engine, signal }: Workspace,
  direction: Direction,
  ref: string,
  flags: RelativesFlags,
): Promise<RelatedModel[]> {
  const { maxDistance, transformation: transformations, limit } = flags;
  const options = { ...filterOf(flags), maxDistance, transformations, limit, signal };
  const relatives: RelatedModel[] = [];
  for await (const relative of engine[direction](ref, options)) relatives.push(relative);
  return relatives;
}

function relativesText(relatives: readonly RelatedModel[], direction: Direction): string {
  if (relatives.length === 0) return `no ${direction}`;
  return tableText(
    [{ title: "distance", isNumber: true }, { title: "model" }, { title: "id" }],
    relatives.map(({ id, name, version, distance }) => [
      formatCount(distance),
      `${name}@${version}`,
      shortId(id),
    ]),
  );
}
