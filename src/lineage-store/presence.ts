/**
 * Whether a model's parameters are in the store. They are, when it is added; retention drops them, damage loses them, and adding the same
 * parameters again brings them back. Everything else that is known of a model stays. A log for each model, of which the last entry counts.
 */
import { MendlineError } from "../errors.js";
import type { RecordReader } from "./database.js";
import type { RecordWriter } from "./declare.js";
import { Fields } from "./fields.js";
import { keyOf } from "./keys.js";
import { pageCount, pagesOf, parametersOf, requireModel } from "./models.js";
import type { ModelParameters, ModelRecord, NewModel } from "./records.js";
import { nextPlace } from "./walk.js";

/** kept: they are there. dropped: by retention. lost: by damage that a repair of the store found. */
const states = ["kept", "dropped", "lost"] as const;

export interface Presence {
  readonly state: (typeof states)[number];
  /** Since when; the model's own time where nothing was ever dropped. */
  readonly atMs: number;
}

export function presenceOf(reader: RecordReader, { id, createdMs }: ModelRecord): Presence {
  const count = nextPlace(reader, (sequence) => keyOf("presence", id, sequence));
  if (count === 0) return { state: "kept", atMs: createdMs };
  const key = keyOf("presence", id, count - 1);
  const fields = new Fields(key, reader.read(key));
  return { state: fields.oneOf("state", states), atMs: fields.number("atMs") };
}

/** @returns whether that is new */
export function setPresence(writer: RecordWriter, id: string, state: Presence["state"]): boolean {
  if (presenceOf(writer, requireModel(writer, id)).state === state) return false;
  const sequence = nextPlace(writer, (index) => keyOf("presence", id, index));
  writer.put(keyOf("presence", id, sequence), { state, atMs: writer.atMs });
  return true;
}

/**
 * Marks a model's parameters as there again, if what was added now holds every object of its tensors.
 *
 * @returns the parameters that came back; null where they were there, or some are not among the added
 */
export function bringBack(writer: RecordWriter, model: ModelRecord, added: NewModel): ModelParameters | null {
  if (presenceOf(writer, model).state === "kept") return null;
  if (!hasPages(writer, model) && !bringPagesBack(writer, model, added)) return null;
  const parameters = parametersOf(writer, model);
  const objects = new Set<string | null>([
    null,
    ...added.tensors.map(({ object }) => object),
    ...added.layout.map(({ object }) => object),
  ]);
  if (!parameters.tensors.every(({ object }) => objects.has(object))) return null;
  setPresence(writer, model.id, "kept");
  return parameters;
}

/** Another file of the same parameters would not give back the bytes of the one that was added first. */
function bringPagesBack(writer: RecordWriter, model: ModelRecord, added: NewModel): boolean {
  const { id, fileHash, tensorCount, segmentCount } = model;
  const isSame =
    added.fileHash === fileHash &&
    added.tensors.length === tensorCount &&
    added.layout.length === segmentCount;
  if (isSame)
    for (const [page, part] of pagesOf(added).entries()) writer.put(keyOf("tensors", id, page), part);
  return isSame;
}

export function parametersGone({ id, name, version }: ModelRecord, { state, atMs }: Presence): MendlineError {
  const how = state === "dropped" ? "were dropped by retention" : "were found lost";
  return new MendlineError(
    "MENDLINE_STORE_DROPPED",
    `the parameters of ${name}@${version} ${how} on ${new Date(atMs).toISOString()}: add the model again from its file`,
    { details: { id, state, atMs } },
  );
}

/** Whether the list of its tensors is there. A repair of the store may have found it lost; then its parameters are, too. */
export function hasPages(reader: RecordReader, { id, tensorCount, segmentCount }: ModelRecord): boolean {
  for (let page = 0; page < pageCount(tensorCount, segmentCount); page++)
    if (!reader.has(keyOf("tensors", id, page))) return false;
  return true;
}

/**
 * What a model needs of the objects: without its parameters only what lies between tensors and its profile, which are small, and make
 * the file whole again when the tensors come back.
 */
export function* objectsOf(
  reader: RecordReader,
  model: ModelRecord,
  isKept: boolean,
): Generator<{ readonly object: string; readonly byteLength: number | null }> {
  if (model.profile !== null) yield { object: model.profile, byteLength: null };
  if (!isKept && !hasPages(reader, model)) return;
  const { tensors, layout } = parametersOf(reader, model);
  const dropped = new Set(isKept ? [] : tensors.map(({ object }) => object));
  for (const { object, byteLength } of layout) if (!dropped.has(object)) yield { object, byteLength };
}
