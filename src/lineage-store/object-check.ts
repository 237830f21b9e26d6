/** Reads every byte of the objects that models need, and tells which files of them are not what was written. */
import { createHash } from "node:crypto";
import { MendlineError } from "../errors.js";
import type { DamageList, ObjectUse } from "./damage.js";
import type { RecordReader } from "./database.js";
import { disk, errnoOf, fileError } from "./files.js";
import { MarkSet } from "./mark-set.js";
import { parametersOf } from "./models.js";
import { baseOfFile, packedSuffix } from "./object-content.js";
import type { ObjectFiles } from "./objects.js";
import { Damage, PackedFile } from "./packed-file.js";
import { hasPages, objectsOf, presenceOf } from "./presence.js";
import type { ModelRecord } from "./records.js";
import { checkSignal } from "./walk.js";

/** Memory: 40 to 48 bytes an object, what is listed of damage, and the list of one model's tensors. */
export class ObjectCheck {
  readonly #files: ObjectFiles;
  readonly #damage: DamageList;
  readonly #signal: AbortSignal | undefined;
  readonly #seen = new MarkSet();
  /** By an object that cannot be read, the objects whose files are damaged: itself, or what it stands on. */
  readonly #causes = new Map<string, readonly string[]>();

  constructor(files: ObjectFiles, damage: DamageList, signal: AbortSignal | undefined) {
    this.#files = files;
    this.#damage = damage;
    this.#signal = signal;
  }

  /**
   * @param found  is told of every object that a model needs, once
   * @returns what is wrong with the model's parameters; null: nothing
   */
  async check(
    reader: RecordReader,
    model: ModelRecord,
    found: (object: string) => void = () => undefined,
  ): Promise<string | null> {
    const { state } = presenceOf(reader, model);
    if (state === "lost") return "its parameters were found lost before: add its file again";
    if (state === "kept" && !hasPages(reader, model))
      return "the list of its tensors is damaged or missing: add its file again";
    let bad = 0;
    let first = "";
    const needed = new Set<string>();
    for (const { object } of objectsOf(reader, model, state === "kept")) needed.add(object);
    for (const object of needed) {
      const causes = await this.#causesOf(object, found);
      if (causes.length === 0) continue;
      bad++;
      first ||= object;
      for (const cause of causes) this.#damage.addUse(cause, useOf(reader, model, object));
    }
    if (bad === 0) return null;
    return `${bad === 1 ? `the object ${first} is` : `the object ${first} and ${bad - 1} more are`} damaged or missing: add its file again, or restore the store from a copy`;
  }

  /** The objects that lie there and were not asked for by any model: those of models that are lost. */
  async checkOthers(): Promise<void> {
    for await (const objects of this.#files.list())
      for (const { hash } of objects) await this.#causesOf(hash, () => undefined);
  }

  async #causesOf(object: string, found: (object: string) => void): Promise<readonly string[]> {
    checkSignal(this.#signal, "the check of the store");
    if (!this.#seen.add(object)) return this.#causes.get(object) ?? [];
    found(object);
    const causes: string[] = [];
    for (const { object: cause, problem } of await this.#problems(object))
      if (this.#damage.addObject(cause, problem)) causes.push(cause);
    if (causes.length > 0) this.#causes.set(object, causes);
    return causes;
  }

  /** Of the object and of what it stands on; none where it can be read. */
  async #problems(object: string): Promise<{ readonly object: string; readonly problem: string }[]> {
    if (await this.#isReadable(object)) return [];
    const problems: { object: string; problem: string }[] = [];
    const chain = new Set<string>();
    for (let wanted: string | null = object; wanted !== null && !chain.has(wanted); ) {
      chain.add(wanted);
      const { problem, base }: FileState = await this.#stateOf(wanted);
      if (problem !== null) problems.push({ object: wanted, problem });
      wanted = base;
    }
    return problems.length > 0 ? problems : [{ object, problem: "does not match its hash" }];
  }

  async #isReadable(object: string): Promise<boolean> {
    try {
      for await (const _ of this.#files.read(object)) checkSignal(this.#signal, "the check of the store");
      return true;
    } catch (error) {
      if (!(error instanceof MendlineError)) throw error;
      if (error.code === "MENDLINE_STORE_CORRUPT" || error.code === "MENDLINE_STORE_UNKNOWN") return false;
      throw error;
    }
  }

  /** What is wrong with an object's own file, which is the one that is read, and what its deltas stand against. */
  async #stateOf(object: string): Promise<FileState> {
    const { whole, packed } = this.#files.pathsOf(object);
    for (const path of [whole, packed]) {
      const problem = await fileProblem(object, path);
      if (problem === undefined) continue;
      const base = await baseOfFile(object, path).catch(() => null);
      return { problem, base };
    }
    return { problem: "is missing", base: null };
  }
}

interface FileState {
  readonly problem: string | null;
  readonly base: string | null;
}

/** null: the file is what was written; undefined: there is none. */
async function fileProblem(object: string, path: string): Promise<string | null | undefined> {
  const file = await disk.open(path, "r").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw fileError(path, "read", error);
  });
  if (file === null) return undefined;
  try {
    if (path.endsWith(packedSuffix)) {
      const packed = await PackedFile.open(file);
      for (let frame = 0; frame < packed.footer.frameCount; frame++) await packed.frame(frame);
      return null;
    }
    const digest = createHash("sha256");
    for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) digest.update(chunk);
    return digest.digest("hex") === object ? null : "does not match its hash";
  } catch (error) {
    if (error instanceof Damage) return error.problem;
    throw fileError(path, "read", error);
  } finally {
    await file.close();
  }
}

function useOf(reader: RecordReader, model: ModelRecord, object: string): ObjectUse {
  const { id, name, version } = model;
  const tensors =
    model.profile === object && !hasPages(reader, model)
      ? []
      : parametersOf(reader, model).tensors.filter((tensor) => tensor.object === object);
  const isFile = tensors.length === 0 && model.profile !== object;
  return {
    id,
    name,
    version,
    tensors: tensors.map((tensor) => tensor.name),
    tensorCount: tensors.length,
    part: tensors.length > 0 ? "tensors" : isFile ? "file" : "profile",
  };
}
