/** The records of the store as their users see them, and as they are kept. */
import { type Json, JsonDocument, type Stored } from "./codec.js";
import { Fields, hashBytes } from "./fields.js";
import { checkFiles, isPartName, type ModelFile } from "./model-parts.js";
import {
  checkCount,
  checkHash,
  checkLabelPart,
  checkMetrics,
  checkOneOf,
  checkTags,
  checkTextOrNull,
  invalid,
} from "./rules.js";
import { checkParameters, type Transformation, transformations } from "./transformations.js";

export const modelFormats = ["onnx", "safetensors"] as const;
export type ModelFormat = (typeof modelFormats)[number];

export const taskKinds = ["classification", "regression"] as const;
export interface ModelTask {
  /** Inputs in the order in which the model takes them. */
  readonly features: readonly string[];
  readonly label: string | null;
  readonly kind: (typeof taskKinds)[number];
}

export interface TensorRecord {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The object that holds the values; null where the file has no byte range of them (they lie in a literal), or no values. */
  readonly object: string | null;
  readonly byteLength: number;
}

/** One piece of a model's file. The pieces in order are the file. */
export interface LayoutRecord {
  readonly object: string;
  readonly byteLength: number;
}

export interface ModelParameters {
  readonly tensors: readonly TensorRecord[];
  readonly layout: readonly LayoutRecord[];
}

/** A model version to add. Objects must have been put before. */
export interface NewModel extends ModelParameters {
  /** sha256 over the parameters, told by the caller. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  /** Of the file, and its sha256. Of several files: of all, and what model-parts.ts says. */
  readonly byteLength: number;
  readonly fileHash: string;
  /** Only of a model in several files. */
  readonly files?: readonly ModelFile[];
  /** Milliseconds since 1970; now, if left out. */
  readonly createdMs?: number;
  /** Signature of the training data: sha256 of the canonical profile. */
  readonly signature?: string | null;
  /** The object that holds the reference profile. */
  readonly profile?: string | null;
  readonly task?: ModelTask | null;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A model version as stored; its tensors and layout are read apart, they can be large. */
export interface ModelRecord {
  readonly id: string;
  /** Its first label; `labelsOf` tells the others. */
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  readonly byteLength: number;
  readonly fileHash: string;
  /** Only of a model in several files: an ONNX model, which is the first, and its external data. */
  readonly files?: readonly ModelFile[];
  readonly createdMs: number;
  readonly signature: string | null;
  readonly profile: string | null;
  readonly task: ModelTask | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly tensorCount: number;
  readonly segmentCount: number;
  /** Place in created order, from 0. */
  readonly number: number;
}

export interface ModelLabel {
  readonly name: string;
  readonly version: string;
}

export interface NewDerivation {
  readonly parent: string;
  readonly child: string;
  readonly transformation: Transformation;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly metrics?: Readonly<Record<string, number>>;
  /** JSON: moments a feature, drift of the child's training data against the parent's. */
  readonly distribution?: unknown;
  readonly createdMs?: number;
}

export interface DerivationRecord {
  readonly parent: string;
  readonly child: string;
  readonly transformation: Transformation;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly distribution: Json;
  readonly createdMs: number;
}

/** Checks an argument that crossed no type checker: command lines and JSON bodies end here. */
export function checkModel(model: NewModel): void {
  checkHash("model id", model.id);
  checkLabelPart("name", model.name);
  checkLabelPart("version", model.version);
  checkOneOf("model format", model.format, modelFormats);
  checkCount("byteLength", model.byteLength);
  checkHash("fileHash", model.fileHash);
  if (model.files !== undefined) checkFiles(model.files, model.byteLength, model.fileHash);
  checkCount("createdMs", model.createdMs ?? 0);
  if (model.signature != null) checkHash("signature", model.signature);
  if (model.profile != null) checkHash("profile", model.profile);
  if (model.task != null) checkTask(model.task);
  checkMetrics("metric", model.metrics ?? {});
  checkTags(model.tags ?? {});
  model.tensors.forEach(checkTensor);
  checkLayout(model);
}

function checkTask(task: ModelTask): void {
  checkOneOf("task", task.kind, taskKinds);
  checkTextOrNull("the task's label", task.label);
  if (!Array.isArray(task.features) || task.features.some((name) => typeof name !== "string"))
    throw invalid("the task's features", "must be a list of names");
}

function checkTensor(tensor: TensorRecord): void {
  if (typeof tensor.name !== "string") throw invalid("a tensor's name", "must be text");
  if (typeof tensor.dtype !== "string") throw invalid(`tensor ${tensor.name}: dtype`, "must be text");
  for (const size of tensor.shape) checkCount(`tensor ${tensor.name}: dimension`, size);
  checkCount(`tensor ${tensor.name}: byteLength`, tensor.byteLength);
  if (tensor.object !== null) checkHash(`tensor ${tensor.name}: object`, tensor.object);
}

function checkLayout({ layout, byteLength }: NewModel): void {
  let total = 0;
  for (const segment of layout) {
    checkHash("layout: object", segment.object);
    checkCount("layout: byteLength", segment.byteLength);
    total += segment.byteLength;
  }
  if (total !== byteLength)
    throw invalid("the layout", `adds up to ${total} bytes, the file has ${byteLength}`, {
      total,
      byteLength,
    });
}

export function checkDerivation(derivation: NewDerivation): void {
  checkHash("parent", derivation.parent);
  checkHash("child", derivation.child);
  checkOneOf("transformation", derivation.transformation, transformations);
  checkParameters(derivation.transformation, derivation.parameters ?? {});
  checkMetrics("metric", derivation.metrics ?? {});
  checkCount("createdMs", derivation.createdMs ?? 0);
}

export function modelValue(model: Omit<ModelRecord, "id">): Stored {
  return {
    name: model.name,
    version: model.version,
    format: model.format,
    byteLength: model.byteLength,
    fileHash: hashBytes(model.fileHash),
    ...(model.files !== undefined && {
      files: model.files.map(({ name, byteLength, sha256 }) => [name, byteLength, hashBytes(sha256)]),
    }),
    createdMs: model.createdMs,
    signature: model.signature === null ? null : hashBytes(model.signature),
    profile: model.profile === null ? null : hashBytes(model.profile),
    task: model.task && { features: model.task.features, label: model.task.label, kind: model.task.kind },
    metrics: model.metrics,
    tags: model.tags,
    tensorCount: model.tensorCount,
    segmentCount: model.segmentCount,
    number: model.number,
  };
}

export function modelFrom(id: string, key: Buffer, value: Stored): ModelRecord {
  const fields = new Fields(key, value);
  return {
    id,
    name: fields.text("name"),
    version: fields.text("version"),
    format: fields.oneOf("format", modelFormats),
    byteLength: fields.number("byteLength"),
    fileHash: fields.hash("fileHash"),
    ...(fields.has("files") && { files: filesFrom(fields) }),
    createdMs: fields.number("createdMs"),
    signature: fields.hashOrNull("signature"),
    profile: fields.hashOrNull("profile"),
    task: fields.isNull("task") ? null : taskFrom(fields.inner("task")),
    metrics: fields.numbers("metrics"),
    tags: fields.texts("tags"),
    tensorCount: fields.number("tensorCount"),
    segmentCount: fields.number("segmentCount"),
    number: fields.number("number"),
  };
}

function filesFrom(fields: Fields): ModelFile[] {
  return fields.rows("files").map((row) => ({
    name: row.matching(0, isPartName),
    byteLength: row.number(1),
    sha256: row.hash(2),
  }));
}

function taskFrom(fields: Fields): ModelTask {
  return {
    features: fields.textList("features"),
    label: fields.textOrNull("label"),
    kind: fields.oneOf("kind", taskKinds),
  };
}

/** One page of a model's parameters: arrays, for names of fields would outweigh what they name. */
export function parametersValue({ tensors, layout }: ModelParameters): Stored {
  return {
    tensors: tensors.map(({ name, dtype, shape, object, byteLength }) => [
      name,
      dtype,
      shape,
      object === null ? null : hashBytes(object),
      byteLength,
    ]),
    layout: layout.map(({ object, byteLength }) => [hashBytes(object), byteLength]),
  };
}

export function parametersFrom(key: Buffer, value: Stored): ModelParameters {
  const fields = new Fields(key, value);
  return {
    tensors: fields.rows("tensors").map((row) => ({
      name: row.text(0),
      dtype: row.text(1),
      shape: row.numberList(2),
      object: row.hashOrNull(3),
      byteLength: row.number(4),
    })),
    layout: fields.rows("layout").map((row) => ({ object: row.hash(0), byteLength: row.number(1) })),
  };
}

export function derivationValue(derivation: NewDerivation, createdMs: number): Record<string, unknown> {
  return {
    parent: hashBytes(derivation.parent),
    child: hashBytes(derivation.child),
    transformation: derivation.transformation,
    parameters: new JsonDocument(derivation.parameters ?? {}),
    metrics: derivation.metrics ?? {},
    distribution: new JsonDocument(derivation.distribution),
    createdMs,
  };
}

export function derivationFrom(key: Buffer, value: Stored): DerivationRecord {
  const fields = new Fields(key, value);
  return {
    parent: fields.hash("parent"),
    child: fields.hash("child"),
    transformation: fields.oneOf("transformation", transformations),
    parameters: fields.jsonObject("parameters"),
    metrics: fields.numbers("metrics"),
    distribution: fields.json("distribution"),
    createdMs: fields.number("createdMs"),
  };
}
