/**
 * What the metadata of a Hugging Face model card says: which model it is of, what that was derived from, its metrics and tags.
 * Source: https://github.com/huggingface/hub-docs, modelcard.md and docs/hub/model-cards.md ("Specifying a base model").
 *
 * A card does not name its own repository. It is told by the caller, else by mendline's own member (export/huggingface.ts), else by
 * the name in its model-index.
 */
import { MendlineError } from "../../errors.js";
import type { ExternalName, NewDeclaration, NewExternal } from "../declared.js";
import { type Transformation, transformations } from "../transformations.js";
import { type Foreign, kindOf } from "./foreign.js";
import type { Statements } from "./statements.js";

export interface CardContext {
  /** sha256 of the card. */
  readonly document: string;
  /** The repository that it is the card of, if the caller knows. */
  readonly name?: string | undefined;
  /** Content hash of the model, if it is in the store. */
  readonly hash?: string | undefined;
}

export function cardStatements(metadata: Foreign, { document, name, hash }: CardContext): Statements {
  const pins = metadata.has("mendline") ? metadata.inner("mendline") : null;
  const self: NewExternal = {
    source: "huggingface",
    name: name ?? pins?.textOrNull("hub") ?? ownName(metadata),
    version: null,
    hash: hash ?? pins?.hashOrNull("id") ?? null,
    metrics: metricsOf(metadata),
    tags: tagsOf(metadata),
    document,
  };
  const pinned = (pins?.list("parents") ?? []).map((pin) => pinnedParent(pin, self.name));
  const isPinned = new Set(pinned.map(({ parent }) => parent.name));
  const parents = [...pinned, ...baseModels(metadata).filter(({ parent }) => !isPinned.has(parent.name))];
  return {
    externals: [self, ...parents.map(({ parent }) => ({ ...parent, document }))],
    declarations: parents.map(({ parent, transformation, parameters }) => ({
      child: nameOf(self),
      parent: nameOf(parent),
      transformation,
      parameters,
      document,
    })),
  };
}

function nameOf({ source, name, version }: ExternalName): ExternalName {
  return { source, name, version };
}

function ownName(metadata: Foreign): string {
  const [first] = metadata.list("model-index");
  if (first?.has("name")) return first.text("name");
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `${metadata.place} the card does not say which model it is of: give its name (--name org/model), or the model of the store (--model REF)`,
  );
}

interface Parent extends Pick<NewDeclaration, "transformation"> {
  readonly parent: ExternalName & Pick<NewExternal, "hash">;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** As mendline's own export pins them. An earlier version in the same repository is told by its version. */
function pinnedParent(pin: Foreign, own: string): Parent {
  const name = pin.text("hub");
  const told = pin.textOrNull("transformation") ?? "other";
  const transformation = transformations.find((kind) => kind === told);
  if (transformation === undefined)
    throw pin.malformed("transformation", `is ${kindOf(told)}, not one of ${transformations.join(", ")}`);
  const parameters = pin.has("parameters") ? pin.inner("parameters") : null;
  return {
    parent: {
      source: "huggingface",
      name,
      version: name === own ? pin.text("version") : null,
      hash: pin.hashOrNull("id"),
    },
    transformation,
    parameters: Object.fromEntries(
      (parameters?.names() ?? []).map((name) => [name, parameters!.value(name)]),
    ),
  };
}

function baseModels(metadata: Foreign): Parent[] {
  const told = metadata.value("base_model") ?? [];
  const names: unknown[] = Array.isArray(told) ? told : [told];
  const relation = metadata.textOrNull("base_model_relation");
  const bases = new Set<string>();
  for (const name of names) {
    if (typeof name !== "string") throw metadata.malformed("base_model", `holds ${kindOf(name)}, not a name`);
    bases.add(name);
  }
  const transformation = transformationOf(relation, bases.size);
  const parameters = relation === null ? {} : { relation };
  return [...bases].map((name) => ({
    parent: { source: "huggingface", name, version: null },
    transformation,
    parameters,
  }));
}

const byRelation: Readonly<Record<string, Transformation>> = {
  finetune: "fine-tuning",
  quantized: "quantization",
  merge: "merge",
};

/** Without a relation the Hub looks at the repository's files; a list of several is its way to say that they were merged. */
function transformationOf(relation: string | null, baseCount: number): Transformation {
  if (relation === null) return baseCount > 1 ? "merge" : "other";
  return Object.hasOwn(byRelation, relation) ? byRelation[relation]! : "other";
}

/** `dataset/metric`, or `metric` where no data set is named; the first of several values, numbers only. */
function metricsOf(metadata: Foreign): Record<string, number> {
  const metrics = new Map<string, number>();
  for (const model of metadata.list("model-index")) {
    for (const result of model.list("results")) {
      const dataset = result.has("dataset") ? (result.inner("dataset").textOrNull("type") ?? "") : "";
      const prefix = dataset === "" || dataset === "unspecified" ? "" : `${dataset}/`;
      for (const metric of result.list("metrics")) {
        const value = metric.value("value");
        const name = prefix + metric.text("type");
        if (typeof value === "number" && Number.isFinite(value) && !metrics.has(name))
          metrics.set(name, value);
      }
    }
  }
  return Object.fromEntries(metrics);
}

const tagFields = ["license", "library_name", "pipeline_tag"] as const;
/** Tags by which the Hub says what mendline keeps elsewhere. */
const ownTags = new Set(["mendline", "onnx", "safetensors"]);

/** `site:Seattle` is the tag `site` with the text `Seattle`. */
function tagsOf(metadata: Foreign): Record<string, string> {
  const tags = new Map<string, string>();
  for (const field of tagFields) {
    const value = metadata.textOrNull(field);
    if (value !== null) tags.set(field, value);
  }
  const told = metadata.value("tags") ?? [];
  for (const tag of Array.isArray(told) ? told : [told]) {
    if (typeof tag !== "string" || tag === "" || ownTags.has(tag)) continue;
    const colon = tag.indexOf(":");
    const [name, text] = colon < 1 ? [tag, ""] : [tag.slice(0, colon), tag.slice(colon + 1)];
    if (!tags.has(name)) tags.set(name, text);
  }
  return Object.fromEntries(tags);
}
