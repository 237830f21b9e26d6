/** `mendline model search` and `mendline model versions`. */
import type { Command } from "commander";
import type { ModelVersion } from "../../index.js";
import type { CommandContext } from "./context.js";
import { shortId, timeText } from "./figures.js";
import { aliasesByModel } from "./model-facts.js";
import { addFilterOptions, type FilterOptions, filterOf } from "./model-filters.js";
import { type ListedModel, listedModel, listText } from "./model-list.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { tableText } from "./table.js";
import { parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

interface SearchFlags extends OutputOptions, StoreOptions, FilterOptions {}
type VersionsFlags = OutputOptions & StoreOptions;

export function addModelSearchCommands(parent: Command, context: CommandContext): void {
  const search = parent
    .command("search")
    .description("List models by name, tags and metrics, oldest first.")
    .addHelpText("after", "\nNames and tags are looked up; by --metric alone every model is looked at.");
  addOutputOption(addStoreOption(addFilterOptions(search))).action(async (flags: SearchFlags) => {
    const models = await withStore(context, flags, (workspace) => foundModels(workspace, flags));
    await print(
      { json: models, text: () => (models.length === 0 ? "no model fits" : listText(models)) },
      flags,
    );
  });

  const versions = parent
    .command("versions")
    .description("List the versions of a name, in the order in which they were added.")
    .argument("<name>", "name of a model", parseText);
  addOutputOption(addStoreOption(versions)).action(async (name: string, flags: VersionsFlags) => {
    const found = await withStore(context, flags, (workspace) => versionsOf(workspace, name));
    await print({ json: found, text: () => versionsText(name, found) }, flags);
  });
}

async function foundModels({ engine, signal }: Workspace, flags: SearchFlags): Promise<ListedModel[]> {
  const aliases = await aliasesByModel(engine);
  const models: ListedModel[] = [];
  for await (const model of engine.search(filterOf(flags), { limit: flags.limit, signal }))
    models.push(listedModel(model, aliases));
  return models;
}

async function versionsOf({ engine, signal }: Workspace, name: string): Promise<ModelVersion[]> {
  const versions: ModelVersion[] = [];
  for await (const version of engine.versions(name, { signal })) versions.push(version);
  return versions;
}

function versionsText(name: string, versions: readonly ModelVersion[]): string {
  if (versions.length === 0) return "no such name";
  return tableText(
    [{ title: "model" }, { title: "id" }, { title: "added" }],
    versions.map(({ version, id, atMs }) => [`${name}@${version}`, shortId(id), timeText(atMs)]),
  );
}
