/**
 * Models by their numbers, each with the parents that it was added with: what a walk through the graph needs of a model in one record. The
 * model is a copy of its own record, written in the same commit and never again; a check of the journal compares the two.
 */
import { nodeParentsMax } from "../limits.js";
import { corrupt, encodeRecord, type Stored } from "./codec.js";
import type { RecordReader } from "./database.js";
import { Fields, hashBytes } from "./fields.js";
import { keyOf } from "./keys.js";
import { type ModelRecord, modelFrom, modelValue } from "./records.js";

export interface ModelNode {
  readonly model: ModelRecord;
  /** Numbers, the beginning of its list of parents. Those that it got later, or has beyond `nodeParentsMax`, stand in the list alone. */
  readonly parents: readonly number[];
}

/** @param parents  numbers of the parents that came in the model's own commit, in their order */
export function nodeValue(model: ModelRecord, parents: Iterable<number>): Record<string, unknown> {
  return { ...(modelValue(model) as object), id: hashBytes(model.id), parents: firstOf(parents) };
}

function firstOf(parents: Iterable<number>): number[] {
  const first: number[] = [];
  for (const parent of parents) {
    if (first.length === nodeParentsMax) break;
    first.push(parent);
  }
  return first;
}

export function nodeFrom(key: Buffer, value: Stored | undefined): ModelNode {
  const fields = new Fields(key, value);
  return { model: modelFrom(fields.hash("id"), key, value!), parents: fields.numberList("parents") };
}

/** @throws MendlineError MENDLINE_STORE_CORRUPT  what stands under a model's number is not this model, as its own record says it */
export function verifyNode(reader: RecordReader, model: ModelRecord): void {
  const key = keyOf("node", model.number);
  const { model: copy } = nodeFrom(key, reader.read(key));
  const bytes = (one: ModelRecord) => encodeRecord(key, nodeValue(one, []));
  if (!bytes(copy).equals(bytes(model))) throw corrupt(key, `is not the model ${model.id}`);
}
