/** `mendline lineage declared`: models that are known by name only, and what they are said to be derived from. */
import type { Command } from "commander";
import type { DeclarationRecord, Engine, ExternalRecord, Resolution } from "../../index.js";
import type { CommandContext } from "./context.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { tableText } from "./table.js";
import { type Workspace, withStore } from "./workspace.js";

type DeclaredFlags = OutputOptions & StoreOptions;

interface DeclaredModel extends ExternalRecord {
  /** The model of the store that it stands for. */
  readonly model: (Resolution & { readonly name: string; readonly version: string }) | null;
  readonly parents: readonly (Pick<ExternalRecord, "id" | "source" | "name" | "version"> &
    Pick<DeclarationRecord, "transformation" | "parameters" | "metrics">)[];
}

export function addLineageDeclaredCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("declared")
    .description("List the models that imported documents name, and what they are said to be derived from.");
  addOutputOption(addStoreOption(command)).action(async (flags: DeclaredFlags) => {
    const models = await withStore(context, flags, declaredModels);
    await print({ json: models, text: () => modelsText(models) }, flags);
  });
}

async function declaredModels({ engine }: Workspace): Promise<DeclaredModel[]> {
  const models: DeclaredModel[] = [];
  for await (const external of engine.store.externals()) models.push(await declaredModel(engine, external));
  return models;
}

async function declaredModel({ store }: Engine, external: ExternalRecord): Promise<DeclaredModel> {
  const resolution = await store.resolutionOf(external);
  const record = resolution === null ? null : await store.get(resolution.id);
  const parents: DeclaredModel["parents"][number][] = [];
  for (const declaration of await store.declarations(external.id)) {
    const { id, source, name, version } = (await store.external(declaration.parent))!;
    const { transformation, parameters, metrics } = declaration;
    parents.push({ id, source, name, version, transformation, parameters, metrics });
  }
  const model = record === null ? null : { ...resolution!, name: record.name, version: record.version };
  return { ...external, model, parents };
}

function modelsText(models: readonly DeclaredModel[]): string {
  if (models.length === 0)
    return "nothing is declared: `mendline lineage import` reads model cards and MLflow's JSON";
  return tableText(
    [{ title: "named" }, { title: "by" }, { title: "in the store" }, { title: "declared to come from" }],
    models.map((external) => [
      labelText(external),
      external.source,
      external.model === null ? "-" : `${labelText(external.model)} (by ${external.model.by})`,
      external.parents.map((parent) => `${labelText(parent)} (${parent.transformation})`).join(", "),
    ]),
  );
}

function labelText({ name, version }: { name: string; version: string | null }): string {
  return version === null ? name : `${name}@${version}`;
}
