/**
 * A blend of two model files, written to a third: for models of any size, whole or in shards, outside of any store.
 *
 *     check    formats, names, types and shapes match, values are finite, weights are related
 *     write    to a staged name beside the target, hashed on the way, synced
 *     verify   read back: every byte by its hash, every tensor in its place
 *     rename   the target shows what was there before, or the whole blend
 *
 * Memory: three pieces of `parameterChunkBytes` and the two indexes of tensors, whatever the models' size. A model in several files
 * (safetensors in shards, ONNX with external data) is written as files of the same names and sizes, with the drifted model's index, into
 * a folder that must not be there yet.
 */
import { createHash, type Hash, randomBytes } from "node:crypto";
import { copyFile, type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MendlineError } from "../../errors.js";
import { parameterChunkBytes } from "../../limits.js";
import { fileError, stagingPrefix, syncFolder, writeAll } from "../../lineage-store/files.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { blendFiles } from "../parameters/blend.js";
import { assertBlendable } from "../parameters/compatibility.js";
import { withFile } from "../parameters/model-bytes.js";
import { everyTensor } from "../parameters/pairing.js";
import { openParameterFile } from "../parameters/parameter-file.js";
import type { ParameterFile, Shard } from "../parameters/tensor-index.js";

export interface BlendRequest {
  /** A .safetensors or .onnx file, or the index of a model in shards. */
  readonly drifted: string;
  readonly ancestor: string;
  /** 0 gives the drifted parameters, 1 the ancestor's. */
  readonly scale: number;
  /** A file; for a model in several files a folder that does not exist. */
  readonly out: string;
  /** Whether ONNX models may keep their values in other files of their folders. */
  readonly externalData?: boolean | undefined;
  /** Whether quantised weights are blended as the reals that they stand for, and quantised again: requantize.ts. */
  readonly requantize?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenFile {
  readonly path: string;
  readonly byteLength: number;
  readonly sha256: string;
}

export interface BlendedModel {
  /** The file; of a model in several files the index of shards, or the ONNX model. */
  readonly path: string;
  readonly tensorCount: number;
  readonly files: readonly WrittenFile[];
}

/**
 * @throws MendlineError MENDLINE_MODEL_*, MENDLINE_DATA_NOT_FOUND  a model cannot be read
 * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE, MENDLINE_REPAIR_UNRELATED  they do not blend
 * @throws MendlineError MENDLINE_DATA_WRITE  the target cannot be written, or does not read back; it is then as it was
 */
export async function blendModelFiles(runtime: Runtime, request: BlendRequest): Promise<BlendedModel> {
  const { scale, externalData, requantize, signal } = request;
  if (!Number.isFinite(scale))
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `scale ${scale} is no number`);
  const drifted = await openParameterFile(request.drifted, { externalData });
  const ancestor = await openParameterFile(request.ancestor, { externalData });
  const { pairing, requantizer } = await assertBlendable(runtime, drifted, ancestor, everyTensor, {
    requantize,
  });
  signal?.throwIfAborted();
  const pieces = blendFiles(runtime, drifted, ancestor, scale, pairing.pairs, requantizer);
  return writeModel(drifted, pieces, request.out, signal);
}

/** @param pieces  the bytes of a model of the very form of `like`, in order */
export async function writeModel(
  like: ParameterFile,
  pieces: AsyncIterable<Uint8Array>,
  out: string,
  signal?: AbortSignal,
): Promise<BlendedModel> {
  const target = resolve(out);
  const isSharded = like.shards !== undefined;
  await checkTarget(target, isSharded);
  const staged = join(dirname(target), `${stagingPrefix}${randomBytes(8).toString("hex")}`);
  const inner = (path: string) => (isSharded ? join(path, basename(like.path)) : path);
  try {
    if (isSharded) await mkdir(staged);
    const files = await writeParts(like, pieces, staged, signal);
    if (isSharded && like.format === "safetensors") await copySynced(like.path, inner(staged), staged);
    await readBack(like, inner(staged), files, signal);
    await rename(staged, target);
    await syncFolder(dirname(target));
    const placed = files.map((file) => ({ ...file, path: target + file.path.slice(staged.length) }));
    return { path: inner(target), tensorCount: like.tensors.length, files: placed };
  } catch (cause) {
    await rm(staged, { recursive: true, force: true });
    if (signal?.aborted === true) throw cause;
    throw fileError(out, "written", cause, "MENDLINE_DATA_WRITE");
  }
}

/** Found out before hours of blending, not after. */
async function checkTarget(target: string, isSharded: boolean): Promise<void> {
  const found = await lstat(target).catch(() => null);
  if (found === null || (!isSharded && found.isFile())) return;
  const why = isSharded
    ? "it exists already: a model in shards goes into a new folder"
    : "something is there that is no file";
  throw new MendlineError("MENDLINE_DATA_WRITE", `${target} could not be written: ${why}`);
}

/** One file after the other; a piece may reach over the end of a shard. */
async function writeParts(
  { path, byteLength, shards }: ParameterFile,
  pieces: AsyncIterable<Uint8Array>,
  staged: string,
  signal: AbortSignal | undefined,
): Promise<WrittenFile[]> {
  const parts: readonly Shard[] = shards ?? [{ name: "", byteOffset: 0, byteLength }];
  const folders = await makeFolders(parts, staged);
  const written: WrittenFile[] = [];
  let part = await Part.open(parts[0]!, staged);
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      for (let at = 0; at < piece.length; ) {
        if (part.missing === 0) {
          written.push(await part.close());
          part = await Part.open(parts[written.length]!, staged);
        }
        const taken = piece.subarray(at, at + Math.min(part.missing, piece.length - at));
        await part.append(taken);
        at += taken.length;
      }
    }
    // Files of external data may be empty.
    while (part.missing === 0 && written.length + 1 < parts.length) {
      written.push(await part.close());
      part = await Part.open(parts[written.length]!, staged);
    }
    if (part.missing > 0) throw new Error(`${path} ended early`);
    written.push(await part.close());
    // The innermost first: a name is safe when the folder that holds it is.
    for (const folder of folders.toReversed()) await syncFolder(folder);
    return written;
  } finally {
    await part.release();
  }
}

/** Those of several files' names, each behind the one that it lies in; none for one file. */
async function makeFolders(parts: readonly Shard[], staged: string): Promise<string[]> {
  if (parts[0]!.name === "") return [];
  const folders = new Set([staged]);
  for (const { name } of parts) {
    const names = name.split("/").slice(0, -1);
    for (const index of names.keys()) folders.add(join(staged, ...names.slice(0, index + 1)));
  }
  for (const folder of folders) await mkdir(folder, { recursive: true });
  return [...folders];
}

class Part {
  readonly #path: string;
  readonly #byteLength: number;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #isOpen = true;
  missing: number;

  private constructor(path: string, byteLength: number, file: FileHandle) {
    this.#path = path;
    this.#byteLength = byteLength;
    this.#file = file;
    this.missing = byteLength;
  }

  static async open({ name, byteLength }: Shard, staged: string): Promise<Part> {
    const path = join(staged, name);
    return new Part(path, byteLength, await open(path, "wx"));
  }

  /** The hash is taken while the disk writes. */
  async append(bytes: Uint8Array): Promise<void> {
    const writing = writeAll(this.#file, bytes);
    this.#hash.update(bytes);
    await writing;
    this.missing -= bytes.length;
  }

  async close(): Promise<WrittenFile> {
    await this.#file.sync();
    await this.release();
    return { path: this.#path, byteLength: this.#byteLength, sha256: this.#hash.digest("hex") };
  }

  async release(): Promise<void> {
    if (this.#isOpen) await this.#file.close();
    this.#isOpen = false;
  }
}

async function copySynced(source: string, target: string, folder: string): Promise<void> {
  await copyFile(source, target);
  const file = await open(target, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}

async function readBack(
  like: ParameterFile,
  path: string,
  files: readonly WrittenFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await openParameterFile(path, {
    externalData: like.format === "onnx" && like.shards !== undefined,
  });
  const form = ({ tensors, byteLength }: ParameterFile) =>
    JSON.stringify([
      byteLength,
      tensors.map(({ name, dtype, shape, byteOffset }) => [name, dtype, shape, byteOffset]),
    ]);
  const isSame = form(found) === form(like);
  for (const { path: written, sha256 } of files) {
    if (!isSame || (await hashOf(written, signal)) !== sha256)
      throw new Error("it does not read back as it was written; is the disk sound?");
  }
}

function hashOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  return withFile(path, async (source) => {
    const hash = createHash("sha256");
    const chunk = new Uint8Array(Math.min(parameterChunkBytes, Math.max(1, source.byteLength)));
    for (let at = 0; at < source.byteLength; at += chunk.length) {
      signal?.throwIfAborted();
      const piece = chunk.subarray(0, Math.min(chunk.length, source.byteLength - at));
      await source.read(piece, at);
      hash.update(piece);
    }
    return hash.digest("hex");
  });
}
