/** `mendline model ancestors` and `mendline model descendants`: nearest first. */
import type { Command } from "commander";
import type { RelatedModel } from "../../index.js";
import { formatCount } from "../pages/format.js";
import type { CommandContext } from "./context.js";
import { shortId } from "./figures.js";
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

type RelativesFlags = OutputOptions & StoreOptions;
type Direction = "ancestors" | "descendants";

const descriptions: Readonly<Record<Direction, string>> = {
  ancestors: "List what a model was derived from, nearest first.",
  descendants: "List what was derived from a model, nearest first.",
};

export function addModelRelativesCommands(parent: Command, context: CommandContext): void {
  for (const direction of ["ancestors", "descendants"] as const) {
    const command = parent
      .command(direction)
      .description(descriptions[direction])
      .argument("<ref>", refHelp, parseText);
    addOutputOption(addStoreOption(command)).action(async (ref: string, flags: RelativesFlags) => {
      const relatives = await withStore(context, flags, (workspace) =>
        relativesOf(workspace, direction, ref),
      );
      await print({ json: relatives, text: () => relativesText(relatives, direction) }, flags);
    });
  }
}

async function relativesOf(
  { engine, signal }: Workspace,
  direction: Direction,
  ref: string,
): Promise<RelatedModel[]> {
  const relatives: RelatedModel[] = [];
  for await (const relative of engine[direction](ref, { signal })) relatives.push(relative);
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
