/**
 * A model spread over several safetensors files, and the index that names them.
 *
 *   { "metadata"?: { … }, "weight_map": { tensor: "model-00001-of-00002.safetensors", … } }
 *
 * The shards are read one behind the other, by rising name, as if they were one file: whoever compares, hashes or blends a model never
 * learns that there are several. What is checked (MENDLINE_MODEL_MALFORMED unless it says otherwise):
 *   text    UTF-8, JSON, at most `shardIndexBytesMax` (MENDLINE_MODEL_FORMAT)
 *   names   of files in the index's own folder: no separators, no "..", no control characters; `modelShardsMax` of them
 *   map     every tensor stands in the very shard that it is said to stand in, and no shard holds another
 * The index's `total_size` is not believed and not needed. Source: huggingface_hub, "split_state_dict_into_shards_factory" (docs,
 * "Serialization").
 */
import { modelShardsMax, shardIndexBytesMax, tensorsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { modelError, type ParameterFile, quoted, type Shard, sortByName } from "./tensor-index.js";

export interface ShardIndex {
  /** Of the files, by rising name. */
  readonly names: readonly string[];
  /** Tensor -> file. */
  readonly shardOf: ReadonlyMap<string, string>;
}

const brace = 0x7b;

/** The index that a file is; null for a file that is none. */
export async function shardIndexOf(source: ByteSource): Promise<ShardIndex | null> {
  const head = new Uint8Array(Math.min(9, source.byteLength));
  await source.read(head, 0);
  // Of safetensors the upper half of the header's length, bytes 4 to 7, is 0, which is no text.
  const isText = head.length === 9 && head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  if (head[0] !== brace || !isText) return null;
  if (source.byteLength > shardIndexBytesMax) {
    throw modelError(
      "MENDLINE_MODEL_FORMAT",
      source.label,
      `is JSON of ${source.byteLength} bytes; an index of shards has at most ${shardIndexBytesMax}`,
    );
  }
  const bytes = new Uint8Array(source.byteLength);
  await source.read(bytes, 0);
  return parseIndex(source.label, bytes);
}

function parseIndex(path: string, bytes: Uint8Array): ShardIndex | null {
  let index: unknown;
  try {
    index = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"weight_map"')) return null;
    throw malformed(path, "the index is no valid JSON; is it cut off?");
  }
  const map = (index as { readonly weight_map?: unknown } | null)?.weight_map;
  if (map === undefined) return null;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw malformed(path, "weight_map is no object of tensors and file names");
  return checkMap(path, Object.entries(map));
}

function checkMap(path: string, entries: readonly [string, unknown][]): ShardIndex {
  if (entries.length > tensorsMax) {
    const problem = `weight_map has ${entries.length} tensors, more than ${tensorsMax}`;
    throw modelError("MENDLINE_MODEL_FORMAT", path, problem);
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, name] of entries) {
    if (typeof name !== "string" || !isFileName(name)) {
      const told = typeof name === "string" ? quoted(name) : `a ${typeof name}`;
      throw malformed(
        path,
        `weight_map puts tensor ${quoted(tensor)} into ${told}, which is no name of a .safetensors file in the same folder`,
      );
    }
    shardOf.set(tensor, name);
  }
  const names = [...new Set(shardOf.values())].sort();
  if (names.length === 0) throw malformed(path, "weight_map is empty");
  if (names.length > modelShardsMax) {
    const problem = `names ${names.length} files, more than ${modelShardsMax}: save the model in fewer`;
    throw modelError("MENDLINE_MODEL_FORMAT", path, problem);
  }
  return { names, shardOf };
}

/** On every system: a backslash, a colon, a device's stream are refused everywhere, so that an index means the same everywhere. */
function isFileName(name: string): boolean {
  return /^[^/\\:\p{Cc}]{1,200}\.safetensors$/u.test(name) && !name.startsWith(".");
}

/** @param files  the shards, in the order of the index's names */
export function joinShards(path: string, index: ShardIndex, files: readonly ParameterFile[]): ParameterFile {
  const tensors: ParameterFile["tensors"][number][] = [];
  const shards: Shard[] = [];
  let byteOffset = 0;
  for (const [at, file] of files.entries()) {
    const name = index.names[at]!;
    if (file.format !== "safetensors")
      throw malformed(file.path, "is no safetensors file, as its index says");
    for (const tensor of file.tensors) {
      checkPlace(path, index, tensor.name, name);
      tensors.push({ ...tensor, byteOffset: tensor.byteOffset + byteOffset });
    }
    shards.push({ name, byteOffset, byteLength: file.byteLength });
    byteOffset += file.byteLength;
  }
  checkComplete(path, index, tensors);
  return {
    path,
    shards,
    format: "safetensors",
    byteLength: byteOffset,
    tensors: sortByName(tensors),
    quantized: files.some((file) => file.quantized),
    inputs: [],
    outputs: [],
  };
}

function checkPlace(path: string, { shardOf }: ShardIndex, tensor: string, shard: string): void {
  const stated = shardOf.get(tensor);
  if (stated === shard) return;
  throw malformed(
    path,
    stated === undefined
      ? `${quoted(shard)} holds tensor ${quoted(tensor)}, which weight_map does not name`
      : `${quoted(shard)} holds tensor ${quoted(tensor)}, which weight_map puts into ${quoted(stated)}`,
  );
}

function checkComplete(path: string, { shardOf }: ShardIndex, tensors: ParameterFile["tensors"]): void {
  if (tensors.length === shardOf.size) return;
  const found = new Set(tensors.map(({ name }) => name));
  const [tensor, shard] = [...shardOf].find(([name]) => !found.has(name))!;
  throw malformed(path, `${quoted(shard)} lacks tensor ${quoted(tensor)}, which weight_map puts there`);
}

/** The shards' bytes one behind the other. @param sources  in the order of the shards */
export function joinedSource(
  path: string,
  shards: readonly Shard[],
  sources: readonly ByteSource[],
): ByteSource {
  for (const [at, { byteLength }] of shards.entries()) {
    const found = sources[at]!;
    if (found.byteLength === byteLength) continue;
    throw malformed(
      found.label,
      `has ${found.byteLength} bytes and had ${byteLength} when it was opened: it was rewritten meanwhile; read it again`,
    );
  }
  const last = shards.at(-1)!;
  const byteLength = last.byteOffset + last.byteLength;
  return {
    label: path,
    byteLength,
    async read(target, byteOffset) {
      const wanted = byteOffset + target.length;
      if (wanted > byteLength)
        throw malformed(path, `its shards end at byte ${byteLength} where ${wanted} are needed`);
      for (const [at, shard] of shards.entries()) {
        const begin = Math.max(byteOffset, shard.byteOffset);
        const end = Math.min(byteOffset + target.length, shard.byteOffset + shard.byteLength);
        if (begin >= end) continue;
        await sources[at]!.read(
          target.subarray(begin - byteOffset, end - byteOffset),
          begin - shard.byteOffset,
        );
      }
    },
  };
}

function malformed(path: string, problem: string): Error {
  return modelError("MENDLINE_MODEL_MALFORMED", path, problem);
}
