/** `mendline labels export` and `import`: the way to tools that people label with, and back. */
import { type Command, Option } from "commander";
import type { LabelFormat } from "../../index.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { checkTarget, writeWhole } from "./files.js";
import { requestHelp } from "./labels-text.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface ExportFlags extends OutputOptions, StoreOptions {
  readonly format: LabelFormat;
  readonly out: string;
}

interface ImportFlags extends OutputOptions, StoreOptions {
  readonly annotator?: string;
  readonly reconcile?: boolean;
}

/** Keyed by the type, so that a new format cannot be forgotten here. */
const formats = Object.keys({
  csv: true,
  ndjson: true,
  "label-studio": true,
  "label-studio-config": true,
} satisfies Record<LabelFormat, true>);

const exportNotes = `
csv, ndjson          a point a line: pointId, label (empty, or what there is), and the features; to be filled in and imported
label-studio         tasks that Label Studio imports
label-studio-config  the labelling interface (XML) of the project that imports them`;

const importNotes = `
A CSV needs the columns pointId,label (annotator is optional), NDJSON the same keys; Label Studio's JSON export is told by its
content. All labels are taken or none: an unknown point or class is refused. The same file twice adds nothing.`;

export function addLabelsExportCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("export")
    .description("Write a label request to a file for the tool that people label with.")
    .argument("<request>", requestHelp, parseText)
    .addOption(new Option("--format <format>", "what to write").choices(formats).makeOptionMandatory())
    .requiredOption("--out <file>", "file to write", parseText)
    .addHelpText("after", exportNotes);
  addOutputOption(addStoreOption(command)).action(async (id: string, flags: ExportFlags) => {
    const { format, out } = flags;
    await checkTarget(out);
    const content = await withStore(context, flags, async ({ engine }) =>
      (await engine.labels()).export(id, format),
    );
    await writeWhole(out, content);
    const text = () => `${visibleText(out)} is ${id} as ${format}`;
    await print({ json: { id, format, out, byteLength: Buffer.byteLength(content) }, text }, flags);
  });
}

export function addLabelsImportCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("import")
    .description("Take labels from a file: CSV, NDJSON, or Label Studio's JSON export.")
    .argument("<request>", requestHelp, parseText)
    .argument("<file>", "file of labels", parseText)
    .option("--annotator <name>", "who labelled, where the file does not say (default: import)", parseText)
    .option("--reconcile", "take back what a whole Label Studio export holds no more")
    .addHelpText("after", importNotes);
  addOutputOption(addStoreOption(command)).action(async (id: string, file: string, flags: ImportFlags) => {
    const { requestSummary } = await import("../../index.js");
    const imported = await withStore(context, flags, async ({ engine }) =>
      (await engine.labels()).import(id, file, flags),
    );
    const { found, added, retracted, request } = imported;
    const summary = requestSummary(request);
    const back = retracted === 0 ? "" : `, ${retracted} were taken back`;
    const text = () =>
      `${added} of ${found} answers were new${back}; ${summary.labelled} of ${summary.pointCount} points are labelled, ${summary.conflicts} in conflict`;
    await print({ json: { found, added, retracted, request: summary }, text }, flags);
  });
}
