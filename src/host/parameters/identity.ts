/**
 * The identity of a model: a hash of its parameters alone. File format, metadata, order of tensors and padding do not
 * enter, so the same weights have the same id in safetensors and ONNX (where names and dtypes agree).
 *
 *   sha256( "mendline.parameters.v2" then for each tensor, by the UTF-8 bytes of its name:
 *           u64 length of name, name, u64 length of dtype, dtype, u64 rank, u64 each dimension, u64 byteLength, sha256(bytes) )
 *
 * All u64 little-endian. Every part is preceded by its length, so no two models share an encoding. The bytes stand as their sha256, by
 * which the store names them: adding a model hashes them once, and a stored model's id can be proven from its objects.
 */
import { createHash, type Hash } from "node:crypto";
import { parameterChunkBytes, parameterWindowBytes } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { ByteWindow } from "./model-bytes.js";
import { withModel } from "./open-files.js";
import { modelError, type ParameterFile, sortByName, type TensorEntry } from "./tensor-index.js";

const domain = "mendline.parameters.v2";

/**
 * The content id of a model file, 64 hex digits. Memory: two chunks of `parameterChunkBytes`, whatever the model's size.
 *
 * @throws MendlineError MENDLINE_MODEL_MALFORMED  the file's length changed since it was opened
 */
export async function contentId(file: ParameterFile): Promise<string> {
  return withModel(file, (source) => contentIdFrom(source, file));
}

/** The same for bytes that may lie elsewhere than at `file.path`: a candidate in memory. */
export async function contentIdFrom(source: ByteSource, file: ParameterFile): Promise<string> {
  if (source.byteLength !== file.byteLength) {
    throw modelError(
      "MENDLINE_MODEL_MALFORMED",
      source.label,
      `has ${source.byteLength} bytes and had ${file.byteLength} when it was opened: it was rewritten meanwhile; read it again`,
      { byteLength: source.byteLength, byteLengthBefore: file.byteLength },
    );
  }
  const reader = new TensorReader(source);
  const hashes = new Map<string, string>();
  for (const tensor of file.tensors) {
    const hash = createHash("sha256");
    await reader.feed(tensor, hash);
    hashes.set(tensor.name, hash.digest("hex"));
  }
  return contentIdOf(file.tensors, (tensor) => hashes.get(tensor.name)!);
}

/** The same where the sha256 of every tensor's bytes is known. */
export function contentIdOf<
  T extends Pick<TensorEntry, "name" | "shape" | "byteLength"> & { readonly dtype: string },
>(tensors: readonly T[], hashOf: (tensor: T) => string): string {
  const hash = createHash("sha256").update(domain);
  for (const tensor of sortByName([...tensors]))
    hash.update(tensorPreamble(tensor)).update(Buffer.from(hashOf(tensor), "hex"));
  return hash.digest("hex");
}

function tensorPreamble(
  tensor: Pick<TensorEntry, "name" | "shape" | "byteLength"> & { readonly dtype: string },
): Uint8Array {
  const name = Buffer.from(tensor.name, "utf8");
  const dtype = Buffer.from(tensor.dtype, "utf8");
  return Buffer.concat([
    u64(name.length),
    name,
    u64(dtype.length),
    dtype,
    u64(tensor.shape.length),
    ...tensor.shape.map(u64),
    u64(tensor.byteLength),
  ]);
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** Feeds tensors to a hash: small ones out of a shared window, large ones in chunks, the next read during a hash. */
class TensorReader {
  private readonly window: ByteWindow;
  private chunks: [Uint8Array, Uint8Array] | null = null;
  private readonly source: ByteSource;

  constructor(source: ByteSource) {
    this.source = source;
    this.window = new ByteWindow(source);
  }

  async feed(tensor: TensorEntry, hash: Hash): Promise<void> {
    if (tensor.byteLength === 0) return;
    if (tensor.inline !== null) hash.update(tensor.inline);
    else if (tensor.byteLength <= parameterWindowBytes)
      hash.update(await this.window.view(tensor.byteOffset, tensor.byteLength));
    else await this.feedChunks(tensor, hash);
  }

  private async feedChunks({ byteOffset, byteLength }: TensorEntry, hash: Hash): Promise<void> {
    let [current, next] = (this.chunks ??= [
      new Uint8Array(parameterChunkBytes),
      new Uint8Array(parameterChunkBytes),
    ]);
    const end = byteOffset + byteLength;
    let filled = await this.fill(current, byteOffset, end);
    let position = byteOffset + filled.length;
    while (position < end) {
      const pending = this.fill(next, position, end);
      hash.update(filled);
      filled = await pending;
      position += filled.length;
      [current, next] = [next, current];
    }
    hash.update(filled);
  }

  private async fill(chunk: Uint8Array, position: number, end: number): Promise<Uint8Array> {
    const part = chunk.subarray(0, Math.min(chunk.length, end - position));
    await this.source.read(part, position);
    return part;
  }
}
