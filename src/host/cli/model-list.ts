/** `mendline model list`: every model version, oldest first. */
import type { Command } from "commander";
import type { ModelRecord } from "../../index.js";
import type { CommandContext } from "./context.js";
import { bytesText, shortId, timeText } from "./figures.js";
import { aliasesByModel } from "./model-facts.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { tableText } from "./table.js";
import { type Workspace, withStore } from "./workspace.js";

type ListFlags = OutputOptions & StoreOptions;

export interface ListedModel
  extends Pick<
    ModelRecord,
    | "id"
    | "name"
    | "version"
    | "format"
    | "byteLength"
    | "createdMs"
    | "tensorCount"
    | "signature"
    | "metrics"
    | "tags"
  > {
  readonly aliases: readonly string[];
}

export function addModelListCommand(parent: Command, context: CommandContext): void {
  const command = parent.command("list").description("List the model versions, oldest first.");
  addOutputOption(addStoreOption(command)).action(async (flags: ListFlags) => {
    const models = await withStore(context, flags, listModels);
    await print({ json: models, text: () => listText(models) }, flags);
  });
}

async function listModels({ engine, signal }: Workspace): Promise<ListedModel[]> {
  const aliases = await aliasesByModel(engine);
  const models: ListedModel[] = [];
  for await (const model of engine.store.models({ signal })) models.push(listedModel(model, aliases));
  return models;
}

export function listedModel(
  model: ModelRecord,
  aliases: ReadonlyMap<string, readonly string[]>,
): ListedModel {
  const { id, name, version, format, byteLength, createdMs, tensorCount, signature, metrics, tags } = model;
  return {
    id,
    name,
    version,
    format,
    byteLength,
    createdMs,
    tensorCount,
    signature,
    metrics,
    tags,
    aliases: aliases.get(id) ?? [],
  };
}

export function listText(models: readonly ListedModel[]): string {
  if (models.length === 0) return "no models yet: `mendline model add` adds one";
  return tableText(
    [
      { title: "model" },
      { title: "id" },
      { title: "format" },
      { title: "size", isNumber: true },
      { title: "added" },
      { title: "aliases" },
    ],
    models.map((model) => [
      `${model.name}@${model.version}`,
      shortId(model.id),
      model.format,
      bytesText(model.byteLength),
      timeText(model.createdMs),
      model.aliases.join(", "),
    ]),
  );
}
