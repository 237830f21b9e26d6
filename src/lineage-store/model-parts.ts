/**
 * A model in several files: an ONNX model and its external data. The store keeps them one behind the other, as if they were one file.
 *
 *   fileHash   of one file its sha256; of several, the sha256 of their sha256 in a row, sorted by the parts of their paths
 *
 * The second is how the OpenSSF's model signing (sigstore/model-transparency, _signing/signing.py) comes to one digest for a folder.
 */
import { createHash, hash } from "node:crypto";
import { modelShardsMax } from "../limits.js";
import { checkCount, checkHash, invalid, isText, shown } from "./rules.js";

export interface ModelPart {
  /** Path below the model's folder, with `/`. The first is the model itself. */
  readonly name: string;
  readonly byteLength: number;
}

export interface ModelFile extends ModelPart {
  readonly sha256: string;
}

/** Hashes a model's bytes as they come, each file by itself. */
export class ModelHash {
  readonly #parts: readonly ModelPart[];
  readonly #digests: string[] = [];
  #hash = createHash("sha256");
  #missing: number;

  /** @param parts  null for a model that is one file */
  constructor(parts: readonly ModelPart[] | null) {
    this.#parts = parts ?? [{ name: "", byteLength: Number.POSITIVE_INFINITY }];
    this.#missing = this.#parts[0]!.byteLength;
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const taken = bytes.subarray(at, at + this.#missing);
      this.#hash.update(taken);
      this.#missing -= taken.length;
      at += taken.length;
      this.#close();
    }
  }

  /** Files that are complete; those without a byte are as soon as the one before is. */
  #close(): void {
    while (this.#missing === 0 && this.#digests.length < this.#parts.length - 1) {
      this.#digests.push(this.#hash.digest("hex"));
      this.#hash = createHash("sha256");
      this.#missing = this.#parts[this.#digests.length]!.byteLength;
    }
  }

  /** @returns files only where there are several */
  end(): { readonly fileHash: string; readonly files?: readonly ModelFile[] } {
    this.#digests.push(this.#hash.digest("hex"));
    if (this.#parts.length === 1) return { fileHash: this.#digests[0]! };
    const files = this.#parts.map((part, index) => ({ ...part, sha256: this.#digests[index]! }));
    return { fileHash: digestOf(files), files };
  }
}

/** By the parts of their paths, so that a folder comes before what only begins like it. */
export function sortedFiles(files: readonly ModelFile[]): ModelFile[] {
  const key = ({ name }: ModelFile) => name.replaceAll("/", "\0");
  return files.toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
}

function digestOf(files: readonly ModelFile[]): string {
  const digests = sortedFiles(files).map(({ sha256 }) => sha256);
  return hash("sha256", Buffer.from(digests.join(""), "hex"));
}

/** A restore makes files of these names: whatever a record says, they lie below the folder that was asked for. */
export function isPartName(name: string): boolean {
  return isText(name) && name.split("/").every((part) => /^[^.\\:][^\\:]*$/.test(part));
}

export function checkFiles(files: readonly ModelFile[], byteLength: number, fileHash: string): void {
  if (files.length < 2 || files.length > modelShardsMax + 1)
    throw invalid("files", `are ${files.length}: of several, 2 to ${modelShardsMax + 1} are told`);
  for (const { name, byteLength: partLength, sha256 } of files) {
    if (typeof name !== "string" || !isPartName(name))
      throw invalid(`file ${shown(name)}`, "is no path below the model's folder");
    checkCount(`file ${name}: byteLength`, partLength);
    checkHash(`file ${name}: sha256`, sha256);
  }
  if (new Set(files.map(({ name }) => name)).size < files.length)
    throw invalid("files", "have one name twice");
  const total = files.reduce((sum, part) => sum + part.byteLength, 0);
  if (total !== byteLength)
    throw invalid("files", `add up to ${total} bytes, the model has ${byteLength}`, { total, byteLength });
  if (digestOf(files) !== fileHash) throw invalid("fileHash", "is not that of the files");
}
