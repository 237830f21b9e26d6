/** `mendline lineage export`: the lineage in other tools' formats. */
import { type Command, Option } from "commander";
import type { ExportFormat, ExportSummary } from "../../index.js";
import { formatPlural } from "../pages/format.js";
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
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface ExportFlags extends OutputOptions, StoreOptions {
  readonly format: ExportFormat;
  readonly out: string;
  readonly namespace?: string;
}

/** Keyed by the type, so that a new format cannot be forgotten here. */
const formats = Object.keys({
  openlineage: true,
  cyclonedx: true,
  huggingface: true,
  mermaid: true,
  dot: true,
} satisfies Record<ExportFormat, true>);

const notes = `
Without a model the whole lineage is exported, with one that model and its ancestors.
openlineage  events of spec 2-0-2, one a line (NDJSON): a run for each model that was derived, its parents as inputs
cyclonedx    a machine-learning bill of materials, CycloneDX 1.7 JSON, with pedigrees and model cards
huggingface  the model's README.md with its metadata; without a model, a YAML document for each one
mermaid      a drawing for Markdown, up to 1,000 models
dot          a graph for Graphviz`;

export function addLineageExportCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("export")
    .description("Write the lineage to a file in another tool's format.")
    .argument("[ref]", refHelp, parseText)
    .addOption(new Option("--format <format>", "what to write").choices(formats).makeOptionMandatory())
    .requiredOption("--out <file>", "file to write", parseText)
    .option("--namespace <name>", "of OpenLineage's datasets and jobs (default: mendline)", parseText)
    .addHelpText("after", notes);
  addOutputOption(addStoreOption(command)).action(async (ref: string | undefined, flags: ExportFlags) => {
    const { format, out, namespace } = flags;
    await checkTarget(out);
    const summary = await withStore(context, flags, ({ engine, signal }) =>
      engine.exportLineage({ format, ref, out, namespace, signal }),
    );
    await print({ json: summary, text: () => summaryText(summary) }, flags);
  });
}

function summaryText({ format, out, models, derivations, byteLength }: ExportSummary): string {
  const what = `${formatPlural(models, "model")}, ${formatPlural(derivations, "derivation")}`;
  return `${visibleText(out)} is the lineage as ${format}: ${what}, ${bytesText(byteLength)}`;
}
