/** `mendline lineage import`: what other tools' documents say of models. */
import { type Command, Option } from "commander";
import type { ExternalSource, ImportedExternal, ImportSummary } from "../../index.js";
import { formatPlural } from "../pages/format.js";
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
import { nameText } from "./table.js";
import { parseText } from "./values.js";
import { withNewStore } from "./workspace.js";

interface ImportFlags extends OutputOptions, StoreOptions {
  readonly format: ExternalSource;
  readonly model?: string;
  readonly name?: string;
  readonly link?: boolean;
}

/** Keyed by the type, so that a new source cannot be forgotten here. */
const sources = Object.keys({ huggingface: true, mlflow: true } satisfies Record<ExternalSource, true>);

const notes = `
What the documents say is kept apart from the lineage, for no parameters prove it: \`lineage declared\` shows it, and exports mark it.
A named model stands for one of the store that has the content hash it is said to have, or its name and version, now or later.
huggingface  model cards: base_model, base_model_relation, model-index, license, tags. A card is of --model, else of --name, else of
             the model that its model-index names
mlflow       the JSON of \`mlflow runs describe\` or of the REST API: runs, nested runs (mlflow.parentRunId), model versions; tags
             mendline.id (content hash) and mendline.transformation say more`;

export function addLineageImportCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("import")
    .description("Write down what other tools' documents say of models and where they come from.")
    .argument("<files...>", "documents")
    .addOption(
      new Option("--format <format>", "what the documents are").choices(sources).makeOptionMandatory(),
    )
    .option("--model <ref>", `the model of the store that the card is of: ${refHelp}`, parseText)
    .option("--name <name>", "the Hub's name of the model that the card is of, org/model", parseText)
    .option("--link", "make derivations of what is declared between two models of the store")
    .addHelpText("after", notes);
  addOutputOption(addStoreOption(command)).action(async (files: string[], flags: ImportFlags) => {
    const { format, model, name, link } = flags;
    const summary = await withNewStore(context, flags, ({ engine, signal }) =>
      engine.importLineage({ format, files, model, name, link, signal }),
    );
    await print({ json: summary, text: () => summaryText(summary) }, flags);
  });
}

function summaryText({ externals, declarations, linked }: ImportSummary): string {
  const news = declarations.filter(({ isNew }) => isNew).length;
  const lines = [
    `${formatPlural(externals.length, "model")} named, ${formatPlural(declarations.length, "derivation")} declared, ${news} of them new`,
    ...externals.filter(({ model }) => model !== null).map(standsFor),
  ];
  if (linked.length > 0) lines.push(`${formatPlural(linked.length, "derivation")} added to the lineage`);
  return lines.join("\n");
}

function standsFor({ name, version, model }: ImportedExternal): string {
  const label = nameText(version === null ? name : `${name}@${version}`);
  return `${label} is model ${shortId(model!.id)}, by its ${model!.by === "hash" ? "content hash" : "name"}`;
}
