/**
 * Model cards as the Hugging Face Hub reads them: YAML metadata at the head of a README.md.
 * Source: https://github.com/huggingface/hub-docs, modelcard.md and docs/hub/model-cards.md.
 *
 * A model's name on the Hub is its tag `huggingface`; else the one under which a card was imported for it; else its name where it looks like one (`org/name`); else `name-version`, for
 * versions are models of their own here. Tags `license`, `pipeline_tag`, `library_name`, `language` and `dataset` become the fields of
 * these names. The member `mendline` pins what the Hub's fields cannot: content hashes, versions and transformations.
 */
import type { ExternalRecord } from "../declared.js";
import type { DerivationRecord, ModelRecord } from "../records.js";
import { type ExportedModel, type ExportedParent, type ExportScope, labelOf } from "./scope.js";
import { type YamlValue, yamlText } from "./yaml.js";

export const hubRelations = ["finetune", "quantized", "adapter", "merge"] as const;
export type HubRelation = (typeof hubRelations)[number];

/** The card of the scope's root; without one, the metadata of every model as a YAML stream, one document a model. */
export async function* huggingFaceCards(scope: ExportScope): AsyncGenerator<string> {
  for await (const exported of scope.models()) {
    const metadata = `---\n${yamlText(cardMetadata(exported))}`;
    if (scope.root === null) yield metadata;
    else {
      yield `${metadata}---\n\n${cardBody(exported)}`;
      return;
    }
  }
}

function cardMetadata(exported: ExportedModel): { [key: string]: YamlValue | undefined } {
  const { model, parents, declared, externals } = exported;
  const bases = [
    ...parents.map((parent) => hubName(parent.model, parent.externals)),
    ...declared.map(({ external }) => external.name),
  ];
  // An earlier version in the same repository is no base model to the Hub.
  const own = hubName(model, externals);
  const names = [...new Set(bases)].filter((name) => name !== own);
  return {
    license: tagOf(model, "license"),
    language: tagOf(model, "language"),
    library_name: tagOf(model, "library_name") ?? (model.format === "onnx" ? "onnx" : undefined),
    pipeline_tag: pipelineTag(model),
    tags: ["mendline", model.format, ...freeTags(model)],
    base_model: names.length > 1 ? names : names[0],
    base_model_relation: names.length > 0 ? relationOf(exported) : undefined,
    "model-index": modelIndex(model, own),
    mendline: {
      hub: own,
      id: model.id,
      name: model.name,
      version: model.version,
      ...(model.files === undefined && { file_sha256: model.fileHash }),
      ...(parents.length === 0 ? {} : { parents: parents.map(pinnedParent) }),
    },
  };
}

/** @param externals  under which names other tools know the model */
export function hubName(model: ModelRecord, externals: readonly ExternalRecord[]): string {
  const told = tagOf(model, "huggingface") ?? externals.find(({ source }) => source === "huggingface")?.name;
  if (told !== undefined) return told;
  const text = model.name.includes("/") ? model.name : `${model.name}-${model.version}`;
  const slash = text.indexOf("/");
  const name =
    slash < 0 ? hubPart(text) : `${hubPart(text.slice(0, slash))}/${hubPart(text.slice(slash + 1))}`;
  // Two names that differ in what the Hub does not take stay two.
  return name === text ? name : `${name}-${model.id.slice(0, 8)}`;
}

/** The Hub takes letters, digits, `_`, `-` and `.`; no `--`, no `..`, and neither at an end. */
function hubPart(text: string): string {
  const part = text.replace(/[^\w.]+/g, "-").replace(/[-.]*\.[-.]*/g, ".");
  return part.replace(/^[-.]+|[-.]+$/g, "") || "model";
}

const fieldTags = new Set(["huggingface", "license", "language", "library_name", "pipeline_tag", "dataset"]);

function tagOf({ tags }: ModelRecord, name: string): string | undefined {
  return Object.hasOwn(tags, name) ? tags[name] : undefined;
}

function freeTags({ tags }: ModelRecord): string[] {
  return Object.entries(tags)
    .filter(([name]) => !fieldTags.has(name))
    .map(([name, value]) => (value === "" ? name : `${name}:${value}`));
}

function pipelineTag(model: ModelRecord): string | undefined {
  const tag = tagOf(model, "pipeline_tag");
  return tag ?? (model.task === null ? undefined : `tabular-${model.task.kind}`);
}

/** One for the whole card: left out, which the Hub takes as "work it out", where the parents differ. */
function relationOf({ parents, declared }: ExportedModel): HubRelation | undefined {
  const edges = [
    ...parents.map(({ derivation }) => derivation),
    ...declared.map(({ declaration }) => declaration),
  ];
  const relations = new Set(edges.map((edge) => hubRelation(edge, edges.length)));
  return relations.size === 1 ? [...relations][0] : undefined;
}

/** The Hub has no words for pruning and distillation, and a repair is a blend of two models. */
function hubRelation(
  { transformation, parameters }: Pick<DerivationRecord, "transformation" | "parameters">,
  parentCount: number,
): HubRelation | undefined {
  if (transformation === "quantization") return "quantized";
  if (transformation === "merge" || (transformation === "repair" && parentCount > 1)) return "merge";
  if (transformation !== "other") return "finetune";
  const told = Object.hasOwn(parameters, "relation") ? parameters.relation : undefined;
  return hubRelations.find((relation) => relation === told);
}

/** The Hub wants a task and a data set with every metric. */
function modelIndex(model: ModelRecord, name: string): YamlValue | undefined {
  const metrics = Object.entries(model.metrics).map(([type, value]) => ({ type, name: type, value }));
  if (metrics.length === 0) return undefined;
  const dataset = tagOf(model, "dataset") ?? "unspecified";
  const task = { type: pipelineTag(model) ?? "other" };
  const result = { task, dataset: { type: dataset, name: dataset }, metrics };
  return [{ name, results: [result] }];
}

function pinnedParent({ model, derivation, externals }: ExportedParent): YamlValue {
  const { id, name, version } = model;
  const { transformation, parameters } = derivation;
  const hub = hubName(model, externals);
  return {
    hub,
    id,
    name,
    version,
    transformation,
    ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
  };
}

function cardBody({ model, parents }: ExportedModel): string {
  const lines = [`# ${markdownText(labelOf(model))}`, ""];
  if (parents.length > 0) lines.push("Derived from:", "", ...parents.map(parentLine), "");
  const files = model.files ?? [{ name: "its file", sha256: model.fileHash }];
  const hashes = files.map(({ name, sha256 }) => `, that of ${markdownText(name)} \`${sha256}\``);
  lines.push(`The sha256 of its parameters is \`${model.id}\`${hashes.join("")}.`);
  return `${lines.join("\n")}\n`;
}

function parentLine({ model, derivation }: ExportedParent): string {
  return `- ${markdownText(labelOf(model))} by ${derivation.transformation} (\`${model.id}\`)`;
}

/** A name stays a name: no markup, no HTML, one line. Source: CommonMark 0.31, 2.4 backslash escapes. */
export function markdownText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[!-/:-@[-`{-~]/g, (sign) => (/[,=/-]/.test(sign) ? sign : `\\${sign}`));
}
