/** `mendline model add`: a model version, what it was trained on, and what it was derived from. */
import { type Command, Option } from "commander";
import { MendlineError } from "../../errors.js";
import type {
  AddedModelVersion,
  AddModelRequest,
  ModelTask,
  ParentLink,
  Profile,
  Transformation,
} from "../../index.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { readProfile } from "./files.js";
import { transformationKinds } from "./model-filters.js";
import {
  addComputeOptions,
  addExternalDataOption,
  addFeatureOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  type ExternalDataOptions,
  type FeatureOptions,
  type OutputOptions,
  type StoreOptions,
} from "./options.js";
import { print, write } from "./output.js";
import { nameText } from "./table.js";
import { parseList, parseNames, parseNumbers, parseParameters, parseText, parseTexts } from "./values.js";
import { type Workspace, withNewStore } from "./workspace.js";

interface AddFlags extends OutputOptions, StoreOptions, ComputeOptions, FeatureOptions, ExternalDataOptions {
  readonly name: string;
  /** Of the model; `version` alone is the program's own in commander. */
  readonly version: string;
  readonly parent?: readonly string[];
  readonly transformation?: Transformation;
  readonly param?: ReadonlyMap<string, unknown>;
  readonly metric?: ReadonlyMap<string, number>;
  readonly tag?: ReadonlyMap<string, string>;
  readonly trainingData?: string;
  readonly profile?: string;
  readonly label?: string;
  readonly task?: ModelTask["kind"];
  readonly private?: readonly string[];
}

/** Keyed by the type, so that a new kind cannot be forgotten here. */
const tasks = Object.keys({ classification: true, regression: true } satisfies Record<
  ModelTask["kind"],
  true
>);

const notes = `
With several --parent, the same --transformation and --param hold for each of them. Parameters that are checked:
  fine-tuning epochs=3 · pruning sparsity=0.9 (0 to 1) · quantization dtype=int8 · distillation teacher=REF temperature=2
  merge weights=0.3,0.7 (one a --parent, in their order) · repair scale=1.1 ancestor=REF
Others are kept as they are; a value may be a number, true, false, text, or a list or object in JSON.
--training-data makes the reference profile that drift is judged by; --profile takes a finished one.
Adding the same parameters again, under another name too, is the same model.
An ONNX model with external data is read with --external-data only. Its data files, which must lie in its own folder and be no links,
are added with it.`;

export function addModelAddCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("add")
    .description("Add a model version to the store, which is made if there is none.")
    .argument("<file>", ".onnx or .safetensors", parseText)
    .requiredOption("--name <name>", "name of the model", parseText)
    .requiredOption("--version <version>", "its version", parseText)
    .option("--parent <ref>", "model it was derived from; may be repeated", parseList)
    .addOption(
      new Option("--transformation <kind>", "how it was derived (default: other)").choices(
        transformationKinds,
      ),
    )
    .option("--param <k=v>", "parameter of the transformation; may be repeated", parseParameters)
    .option("--metric <k=v>", "metric at that time, a number; may be repeated", parseNumbers)
    .addOption(
      new Option("--training-data <data>", "what it was trained on; - is standard input")
        .argParser(parseText)
        .conflicts("profile"),
    )
    .option("--profile <profile>", "reference profile of what it was trained on", parseText);
  addFeatureOptions(command)
    .option("--label <column>", "column that the model predicts", parseText)
    .addOption(
      new Option("--task <kind>", "what it does (default: regression where labels have fractions)").choices(
        tasks,
      ),
    )
    .option("--private <names>", "features whose values no monitor may keep, here and below", parseNames)
    .option("--tag <k=v>", "free text to keep with it; may be repeated", parseTexts)
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(addExternalDataOption(command)))).action(
    async (file: string, flags: AddFlags) => {
      const added = await addModel(context, file, flags);
      for (const warning of added.warnings)
        await write(process.stderr, `mendline: warning: ${visibleText(warning)}\n`);
      await print({ json: added, text: () => addedText(added) }, flags);
    },
  );
}

async function addModel(context: CommandContext, file: string, flags: AddFlags): Promise<AddedModelVersion> {
  checkFlags(flags);
  const profile = flags.profile === undefined ? undefined : await readProfile(flags.profile);
  const options = { ...flags, inputs: [flags.trainingData] };
  return withNewStore(context, options, (workspace) => addTo(workspace, file, flags, profile));
}

async function addTo(
  workspace: Workspace,
  file: string,
  flags: AddFlags,
  profile: Profile | undefined,
): Promise<AddedModelVersion> {
  const { name, version, features, bins, label, task, trainingData, externalData } = flags;
  const request: AddModelRequest = {
    file,
    externalData,
    name,
    version,
    parents: (flags.parent ?? []).map((ref) => parentLink(ref, flags)),
    trainingData:
      trainingData === undefined ? undefined : await workspace.openData(trainingData, flags.categorical),
    profile,
    features,
    bins,
    label,
    task,
    metrics: Object.fromEntries(flags.metric ?? []),
    tags: Object.fromEntries(flags.tag ?? []),
    privateColumns: flags.private,
    signal: workspace.signal,
  };
  return workspace.engine.addModel(request);
}

function parentLink(ref: string, { transformation, param = new Map() }: AddFlags): ParentLink {
  return { ref, transformation, parameters: Object.fromEntries(param) };
}

/** What would be dropped without a word is refused instead. */
function checkFlags({ parent, transformation, param, trainingData, bins, categorical }: AddFlags): void {
  const needs = (given: unknown, option: string, needed: unknown, other: string) => {
    if (given === undefined || needed !== undefined) return;
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `${option} needs ${other}`);
  };
  needs(transformation, "--transformation", parent, "--parent, the model that was transformed");
  needs(param, "--param", parent, "--parent, the model that was transformed");
  needs(bins, "--bins", trainingData, "--training-data; a profile has its bins");
  needs(categorical, "--categorical", trainingData, "--training-data; a profile has its kinds");
}

function addedText({ id, name, version, parents, isNew }: AddedModelVersion): string {
  const label = nameText(`${name}@${version}`);
  const from =
    parents.length === 0 ? "" : `, from ${parents.map((parent) => parent.slice(0, 12)).join(", ")}`;
  return isNew ? `added ${label}${from}\n${id}` : `${label} was in the store already${from}\n${id}`;
}
