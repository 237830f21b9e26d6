/** `mendline model show`: all that is known of one model version. */
import type { Command } from "commander";
import type { DerivationRecord, Engine, ExternalRecord, ModelRecord, Profile } from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { bytesText, shortId, timeText } from "./figures.js";
import { aliasesByModel, pairsText } from "./model-facts.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { factsText, nameText, tableText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

type ShowFlags = OutputOptions & StoreOptions;

interface Relative extends Omit<DerivationRecord, "parent" | "child"> {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

interface ShownModel
  extends Pick<
    ModelRecord,
    | "id"
    | "name"
    | "version"
    | "format"
    | "byteLength"
    | "fileHash"
    | "files"
    | "createdMs"
    | "signature"
    | "task"
    | "metrics"
    | "tags"
  > {
  /** The first one is its name and version. */
  readonly labels: readonly { readonly name: string; readonly version: string }[];
  readonly aliases: readonly string[];
  readonly parents: readonly Relative[];
  readonly children: readonly Relative[];
  /** What imported documents say of it (`lineage declared`), beside its parents. */
  readonly declaredParents: readonly DeclaredParent[];
  /** Keys that are said to have signed it (`model signatures`). */
  readonly signedBy: readonly string[];
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly byteLength: number;
  }[];
  readonly profile: { readonly rows: number; readonly features: readonly FeatureSummary[] } | null;
}

interface DeclaredParent extends Pick<ExternalRecord, "source" | "name" | "version"> {
  readonly transformation: DerivationRecord["transformation"];
}

interface FeatureSummary {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly missing: number;
  /** Quantile bins, or categories with a bin of their own. */
  readonly bins: number;
}

/** Tensors listed in the text; `--json` has them all. */
const tensorsListedMax = 20;

export function addModelShowCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("show")
    .description("Show a model version: labels, parents, metrics, tensors, what it was trained on, aliases.")
    .argument("<ref>", refHelp, parseText);
  addOutputOption(addStoreOption(command)).action(async (ref: string, flags: ShowFlags) => {
    const model = await withStore(context, flags, ({ engine }) => shownModel(engine, ref));
    await print({ json: model, text: () => modelText(model) }, flags);
  });
}

async function shownModel(engine: Engine, ref: string): Promise<ShownModel> {
  const model = await engine.model(ref);
  const { parents, children } = await engine.derivations(model.id);
  const { tensors } = await engine.store.parameters(model.id);
  const profile = await engine.profileOf(model.id);
  const { id, name, version, format, byteLength, fileHash, createdMs, signature, task, metrics, tags } =
    model;
  const { files } = model;
  return {
    id,
    name,
    version,
    format,
    byteLength,
    fileHash,
    ...(files !== undefined && { files }),
    createdMs,
    signature,
    task,
    metrics,
    tags,
    labels: await engine.store.labelsOf(id),
    aliases: (await aliasesByModel(engine)).get(id) ?? [],
    parents: await Promise.all(parents.map((derivation) => relative(engine, derivation, derivation.parent))),
    children: await Promise.all(children.map((derivation) => relative(engine, derivation, derivation.child))),
    declaredParents: await declaredParents(engine, id),
    signedBy: await signersOf(engine, id),
    tensors: tensors.map(({ name, dtype, shape, byteLength }) => ({ name, dtype, shape, byteLength })),
    profile: profile === null ? null : profileSummary(profile),
  };
}

async function declaredParents({ store }: Engine, id: string): Promise<DeclaredParent[]> {
  const parents: DeclaredParent[] = [];
  for (const external of await store.externalsOf(id)) {
    for (const { parent, transformation } of await store.declarations(external.id)) {
      const { source, name, version } = (await store.external(parent))!;
      parents.push({ source, name, version, transformation });
    }
  }
  return parents;
}

async function signersOf({ store }: Engine, id: string): Promise<string[]> {
  const signatures = await store.signatures(id);
  return [
    ...new Set(signatures.filter(({ parent }) => parent === null).map(({ hint }) => hint ?? "unknown")),
  ];
}

async function relative(engine: Engine, derivation: DerivationRecord, id: string): Promise<Relative> {
  const { name, version } = await engine.store.get(id);
  const { parent: _parent, child: _child, ...rest } = derivation;
  return { id, name, version, ...rest };
}

function profileSummary({ rows, features }: Profile): ShownModel["profile"] {
  const summaries = Array.from(features, ([name, feature]): FeatureSummary => {
    const bins = feature.kind === "numeric" ? feature.psi.counts.length : feature.categories.length;
    return { name, kind: feature.kind, missing: feature.missing, bins };
  });
  return { rows, features: summaries };
}

function modelText(model: ShownModel): string {
  const facts: [string, string][] = [
    ["model", nameText(`${model.name}@${model.version}`)],
    ["id", model.id],
  ];
  const add = (term: string, value: string) => {
    if (value !== "") facts.push([term, value]);
  };
  add(
    "also named",
    model.labels
      .slice(1)
      .map(({ name, version }) => nameText(`${name}@${version}`))
      .join(", "),
  );
  add("aliases", model.aliases.map(nameText).join(", "));
  add(model.files === undefined ? "file" : "files", filesText(model));
  add("added", timeText(model.createdMs));
  add("metrics", visibleText(pairsText(model.metrics)));
  add("tags", visibleText(pairsText(model.tags)));
  add("task", taskText(model.task));
  add("parents", model.parents.map(relativeText).join("\n"));
  add("children", model.children.map(relativeText).join("\n"));
  add("declared", model.declaredParents.map(declaredText).join("\n"));
  add("signed by", model.signedBy.map((hint) => `key ${nameText(hint.slice(0, 12))}, unchecked`).join(", "));
  add("trained on", profileText(model));
  return `${factsText(facts)}\n\n${tensorsText(model)}`;
}

function filesText({ format, byteLength, fileHash, files }: ShownModel): string {
  if (files === undefined) return `${format}, ${bytesText(byteLength)}, sha256 ${fileHash}`;
  const lines = files.map(
    (file) => `${visibleText(file.name)}, ${bytesText(file.byteLength)}, ${file.sha256}`,
  );
  return [`${format}, ${bytesText(byteLength)}`, ...lines].join("\n");
}

function taskText(task: ModelRecord["task"]): string {
  if (task === null) return "";
  const inputs = task.features.map(nameText).join(", ");
  return `${task.kind} of ${task.label === null ? "an unnamed label" : nameText(task.label)} from ${inputs}`;
}

function declaredText({ source, name, version, transformation }: DeclaredParent): string {
  const label = version === null ? name : `${name}@${version}`;
  return `${nameText(label)}  ${transformation}, says ${source}`;
}

function relativeText({ id, name, version, transformation, parameters, metrics }: Relative): string {
  const details = [transformation, pairsText(parameters)].filter((part) => part !== "").join(": ");
  const measured = pairsText(metrics);
  const end = measured === "" ? "" : `; ${measured}`;
  return `${nameText(`${name}@${version}`)} ${shortId(id)}  ${visibleText(details + end)}`;
}

function profileText({ profile, signature }: ShownModel): string {
  if (profile === null) return "unknown: added without training data or profile";
  const features = profile.features.map(({ name, kind, missing }) => {
    const gaps = missing === 0 ? "" : `, ${formatCount(missing)} missing`;
    return `${nameText(name)} (${kind}${gaps})`;
  });
  return `${formatPlural(profile.rows, "row")}, signature ${signature}\n${features.join(", ")}`;
}

function tensorsText({ tensors }: ShownModel): string {
  const table = tableText(
    [{ title: "tensor" }, { title: "dtype" }, { title: "shape" }, { title: "size", isNumber: true }],
    tensors
      .slice(0, tensorsListedMax)
      .map(({ name, dtype, shape, byteLength }) => [
        name,
        dtype,
        `[${shape.join(", ")}]`,
        bytesText(byteLength),
      ]),
  );
  const more = tensors.length - tensorsListedMax;
  return more > 0 ? `${table}\nand ${formatPlural(more, "more tensor")}; --json lists all` : table;
}
