/**
 * ONNX tensors whose values lie in files beside the model's (TensorProto.external_data). Read where the caller asks for it, for the
 * model then says which other files are opened. They follow the model's own file as shards do, and every offset counts from its beginning.
 *
 *   location   a file below the model's own folder, no link (contained-file.ts), not the model itself; `modelShardsMax` of them
 *   offset     decimal digits, within the file; 0 by default
 *   length     decimal digits, what the tensor's shape needs; by default the rest of the file
 *   basepath   where the model once was: passed over, as onnx does
 *   checksum   SHA-1 of a whole file: refused, for a blended file would have another and its model would go on stating the old one
 *   others     refused: onnx passes over them, onnxruntime refuses them, or takes weights out of them that it has packed for itself
 *   overlap    refused: what two tensors share cannot be blended for each of them. (onnx says nothing about it.)
 *
 * Problems are MENDLINE_MODEL_MALFORMED; names, links and what is refused are MENDLINE_MODEL_FORMAT.
 * Source: onnx/onnx, docs/ExternalData.md and onnx/external_data_helper.py.
 */
import { basename, dirname } from "node:path";
import { modelShardsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { isContainedName, openContained, Refusal } from "./contained-file.js";
import { modelError, quoted, type Shard } from "./tensor-index.js";

interface Placed {
  readonly start: number;
  readonly end: number;
  readonly what: string;
}

const knownKeys: ReadonlySet<string> = new Set(["location", "offset", "length", "basepath", "checksum"]);

export class ExternalFiles {
  readonly #path: string;
  readonly #shards: Shard[];
  readonly #placed: Placed[] = [];
  readonly #identities = new Set<string>();

  /** @param source  the model's own file, whose label is its path */
  constructor({ label, byteLength }: ByteSource) {
    this.#path = label;
    this.#shards = [{ name: basename(label), byteOffset: 0, byteLength }];
  }

  /** Adds one of external_data's entries to the others of its tensor. */
  note(entries: Map<string, string>, key: string, value: string, what: string): void {
    if (entries.has(key))
      throw this.#malformed(
        `${what} states the ${quoted(key)} of its external data twice, which readers do not agree on`,
      );
    if (!knownKeys.has(key))
      throw this.#unsupported(`${what} has ${quoted(key)} in its external data, which ONNX does not have`);
    if (key === "checksum")
      throw this.#unsupported(
        `${what} states a checksum of its data file, which would not hold for a blend: save the model without checksums`,
      );
    entries.set(key, value);
  }

  /**
   * @param entries  what was noted
   * @param byteLength  what the tensor's shape needs
   * @returns where the values begin
   */
  async place(entries: ReadonlyMap<string, string>, byteLength: number, what: string): Promise<number> {
    const location = entries.get("location");
    if (location === undefined) throw this.#malformed(`${what} has external data without a location`);
    const file = await this.#fileOf(location, what);
    const offset = this.#count(entries.get("offset") ?? "0", "offset", what);
    const rest = file.byteLength - offset;
    if (rest < 0)
      throw this.#malformed(
        `${what} begins at byte ${offset} of ${quoted(location)}, which has ${file.byteLength}`,
      );
    const stated = entries.get("length");
    const length = stated === undefined ? rest : this.#count(stated, "length", what);
    if (length !== byteLength) {
      const told = stated === undefined ? " to the file's end (it states no length)" : "";
      throw this.#malformed(
        `${what} has ${length} bytes of external data${told} where its shape needs ${byteLength}`,
      );
    }
    if (length > rest)
      throw this.#malformed(
        `${what} lies at bytes ${offset} to ${offset + length} of ${quoted(location)}, which has ${file.byteLength}; is it cut off?`,
      );
    const start = file.byteOffset + offset;
    if (length > 0) this.#placed.push({ start, end: start + length, what });
    return start;
  }

  /** 64 bits as text; what a double does not count exactly lies beyond every file. */
  #count(text: string, key: string, what: string): number {
    const count = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(count)) return count;
    throw this.#malformed(
      `${what} has the ${key} ${quoted(text)} in its external data, which is no count of bytes up to ${Number.MAX_SAFE_INTEGER}`,
    );
  }

  async #fileOf(location: string, what: string): Promise<Shard> {
    const known = this.#shards.slice(1).find(({ name }) => name === location);
    if (known !== undefined) return known;
    const isModel = location.toLowerCase() === basename(this.#path).toLowerCase();
    if (!isContainedName(location) || isModel)
      throw this.#unsupported(
        `${what} lies in ${quoted(location)}, which is no name of another file in the model's folder`,
      );
    if (this.#shards.length > modelShardsMax)
      throw this.#unsupported(
        `keeps its values in more than ${modelShardsMax} files: save them in one (all_tensors_to_one_file)`,
      );
    const last = this.#shards.at(-1)!;
    const byteOffset = last.byteOffset + last.byteLength;
    const shard = { name: location, byteOffset, byteLength: await this.#sizeOf(location, what) };
    this.#shards.push(shard);
    return shard;
  }

  /** One file under two names would be two tensors' again: of a file system that does not tell cases apart, for example. */
  async #sizeOf(location: string, what: string): Promise<number> {
    const { source, identity } = await openContained(dirname(this.#path), location, location).catch(
      (thrown: unknown) => {
        if (!(thrown instanceof Refusal)) throw thrown;
        const problem = `${what} lies in ${quoted(location)}, which ${thrown.problem}`;
        throw thrown.isMissing ? this.#malformed(problem) : this.#unsupported(problem);
      },
    );
    await source.close();
    if (this.#identities.has(identity))
      throw this.#unsupported(`${what} lies in ${quoted(location)}, which is another name of a file before`);
    this.#identities.add(identity);
    return source.byteLength;
  }

  /** The model's file and all that it named, when all tensors are placed; null where it named none. */
  finish(): readonly Shard[] | null {
    if (this.#shards.length === 1) return null;
    this.#placed.sort((left, right) => left.start - right.start);
    for (const [index, { start, what }] of this.#placed.entries()) {
      const before = this.#placed[index - 1];
      if (before !== undefined && start < before.end)
        throw this.#unsupported(
          `${before.what} and ${what} share bytes of their external data: save the model again, so that each has its own`,
        );
    }
    return this.#shards;
  }

  #malformed(problem: string): Error {
    return modelError("MENDLINE_MODEL_MALFORMED", this.#path, problem);
  }

  #unsupported(problem: string): Error {
    return modelError("MENDLINE_MODEL_FORMAT", this.#path, problem);
  }
}
