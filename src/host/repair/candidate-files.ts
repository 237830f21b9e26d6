/** Candidates as files of the repair's own: one, or a folder of an ONNX model and its external data. */
import { copyFile, open, readFile, rm } from "node:fs/promises";
import { parameterChunkBytes } from "../../limits.js";
import { writeModel } from "../models/blended-file.js";
import { withModel } from "../parameters/open-files.js";
import type { ParameterFile } from "../parameters/tensor-index.js";

/**
 * @param like  the model of whose very form it is
 * @param path  of the file; of several, a folder, which is made anew
 * @returns the path of the model's own file
 */
export async function writeCandidate(
  like: ParameterFile,
  pieces: AsyncIterable<Uint8Array>,
  path: string,
): Promise<string> {
  if (like.shards === undefined) {
    await writePieces(path, pieces);
    return path;
  }
  await rm(path, { recursive: true, force: true });
  return (await writeModel(like, pieces, path)).path;
}

async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, "w", 0o600);
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A model's files, as a candidate. */
export async function copyCandidate(file: ParameterFile, path: string): Promise<string> {
  if (file.shards !== undefined) return writeCandidate(file, readPieces(file), path);
  await copyFile(file.path, path);
  return path;
}

/** The bytes of all its files, one behind the other. */
export async function candidateBytes(file: ParameterFile): Promise<Uint8Array> {
  if (file.shards === undefined) return readFile(file.path);
  const bytes = new Uint8Array(file.byteLength);
  await withModel(file, (source) => source.read(bytes, 0));
  return bytes;
}

async function* readPieces(file: ParameterFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.byteLength; at += parameterChunkBytes) {
    const piece = new Uint8Array(Math.min(parameterChunkBytes, file.byteLength - at));
    await withModel(file, (source) => source.read(piece, at));
    yield piece;
  }
}
