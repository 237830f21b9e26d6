/** Reading models, their labels and their derivations out of the records. */
import { MendlineError } from "../errors.js";
import { storePageEntriesMax } from "../limits.js";
import { corrupt, type Stored } from "./codec.js";
import type { Database, RecordReader } from "./database.js";
import { Fields } from "./fields.js";
import { keyOf, prefixOf, rangeOf } from "./keys.js";
import { allNodes } from "./nodes.js";
import {
  type DerivationRecord,
  derivationFrom,
  type LayoutRecord,
  type ModelLabel,
  type ModelParameters,
  type ModelRecord,
  modelFrom,
  parametersFrom,
  parametersValue,
  type TensorRecord,
} from "./records.js";
import { checkSignal, type Direction, neighbours } from "./walk.js";

export function findModel(reader: RecordReader, id: string): ModelRecord | null {
  const key = keyOf("model", id);
  const value = reader.read(key);
  return value === undefined ? null : modelFrom(id, key, value);
}

/** @throws MendlineError MENDLINE_STORE_UNKNOWN */
export function requireModel(reader: RecordReader, id: string, what = "model"): ModelRecord {
  const model = findModel(reader, id);
  if (model === null) throw unknownModel(id, what);
  return model;
}

export function unknownModel(id: string, what = "model"): MendlineError {
  return new MendlineError("MENDLINE_STORE_UNKNOWN", `${what} ${id} is not in the store: add it first`, {
    details: { id },
  });
}

/** Models of a safetensors file of a million tensors have a thousand pages. */
export function pageCount(tensorCount: number, segmentCount: number): number {
  return Math.ceil(Math.max(tensorCount, segmentCount) / storePageEntriesMax);
}

/** What is written down of a model's parameters, page by page. */
export function pagesOf({ tensors, layout }: ModelParameters): Stored[] {
  return Array.from({ length: pageCount(tensors.length, layout.length) }, (_, page) => {
    const [begin, end] = [page * storePageEntriesMax, (page + 1) * storePageEntriesMax];
    return parametersValue({ tensors: tensors.slice(begin, end), layout: layout.slice(begin, end) });
  });
}

export function parametersOf(reader: RecordReader, model: ModelRecord): ModelParameters {
  const tensors: TensorRecord[] = [];
  const layout: LayoutRecord[] = [];
  for (let page = 0; page < pageCount(model.tensorCount, model.segmentCount); page++) {
    const key = keyOf("tensors", model.id, page);
    const value = reader.read(key);
    if (value === undefined) throw corrupt(key, "is missing");
    const parameters = parametersFrom(key, value);
    for (const tensor of parameters.tensors) tensors.push(tensor);
    for (const segment of parameters.layout) layout.push(segment);
  }
  if (tensors.length !== model.tensorCount || layout.length !== model.segmentCount)
    throw corrupt(keyOf("tensors", model.id, 0), "does not list what the model has");
  return { tensors, layout };
}

/** All models in created order. Models added meanwhile may or may not come. */
export async function* allModels(database: Database, signal?: AbortSignal): AsyncGenerator<ModelRecord> {
  for await (const { model } of allNodes(database)) {
    checkSignal(signal, "listing the models");
    yield model;
  }
}

/** All derivations, by the created order of the parent, then of the child. */
export async function* allDerivations(
  database: Database,
  signal?: AbortSignal,
): AsyncGenerator<DerivationRecord> {
  for await (const { key, value } of database.entries(rangeOf(prefixOf("derivation")))) {
    checkSignal(signal, "listing the derivations");
    yield derivationFrom(key, value);
  }
}

/** The id behind `name@version`, or null. */
export function idOfLabel(reader: RecordReader, name: string, version: string): string | null {
  const key = keyOf("label", name, version);
  const value = reader.read(key);
  return value === undefined ? null : new Fields(key, value).hash("id");
}

export function labelsOf(reader: RecordReader, number: number): ModelLabel[] {
  const labels: ModelLabel[] = [];
  for (let place = 0; ; place++) {
    const key = keyOf("labels", number, place);
    const value = reader.read(key);
    if (value === undefined) return labels;
    const fields = new Fields(key, value);
    labels.push({ name: fields.text("name"), version: fields.text("version") });
  }
}

export interface ModelVersion {
  readonly version: string;
  readonly id: string;
  readonly atMs: number;
}

/** Versions of a name, in the order in which they were added. */
export async function* versionsOf(database: Database, name: string): AsyncGenerator<ModelVersion> {
  for await (const { key, value: version } of database.entries(rangeOf(prefixOf("versions", name)))) {
    if (typeof version !== "string") throw corrupt(key, "is no version");
    const label = keyOf("label", name, version);
    const fields = new Fields(label, database.read(label));
    yield { version, id: fields.hash("id"), atMs: fields.number("atMs") };
  }
}

/** The derivations that lead to a model (`parent`) or from it (`child`), in the order in which they were added. */
export function derivationsOf(
  reader: RecordReader,
  direction: Direction,
  number: number,
): DerivationRecord[] {
  const derivations: DerivationRecord[] = [];
  for (const neighbour of neighbours(reader, direction, number)) {
    const [parent, child] = direction === "parent" ? [neighbour, number] : [number, neighbour];
    const derivation = findDerivation(reader, parent, child);
    if (derivation === null) throw corrupt(keyOf("derivation", parent, child), "is missing");
    derivations.push(derivation);
  }
  return derivations;
}

export function findDerivation(reader: RecordReader, parent: number, child: number): DerivationRecord | null {
  const key = keyOf("derivation", parent, child);
  const value = reader.read(key);
  return value === undefined ? null : derivationFrom(key, value);
}
