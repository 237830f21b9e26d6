/** Candidates of a repair: the drifted model as it is, an ancestor as it is, and the blends between them. */
import { copyFile, open, readFile } from "node:fs/promises";
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { blendFiles } from "../parameters/blend.js";
import { contentId } from "../parameters/identity.js";
import { openParameterFile } from "../parameters/parameter-file.js";
import type { ParameterFile } from "../parameters/tensor-index.js";
import type { RepairContext } from "./context.js";
import { labelOf } from "./request.js";
import type { Candidate } from "./validator.js";

/** What a candidate's parameters are, in words that a record can hold. */
export type CandidateSpec =
  | { readonly kind: "keep" }
  | { readonly kind: "ancestor"; readonly id: string }
  | { readonly kind: "blend"; readonly ancestor: string; readonly scale: number };

/** A candidate's file, read back. */
export interface WrittenCandidate {
  readonly file: ParameterFile;
  /** Content id. */
  readonly id: string;
  readonly candidate: Candidate;
}

/** Scale 0 is the drifted model, and 1 the ancestor itself, with its own graph and integer tensors. */
export function specAt(ancestor: string, scale: number): CandidateSpec {
  if (scale === 0) return { kind: "keep" };
  return scale === 1 ? { kind: "ancestor", id: ancestor } : { kind: "blend", ancestor, scale };
}

export class Candidates {
  readonly model: ModelRecord;
  readonly drifted: ParameterFile;
  readonly #context: RepairContext;
  /** Blends are made in it one after the other: shared, so that the judging thread needs no copy of its own. */
  #buffer: Uint8Array | null = null;

  private constructor(context: RepairContext, model: ModelRecord, drifted: ParameterFile) {
    this.#context = context;
    this.model = model;
    this.drifted = drifted;
  }

  static async open(context: RepairContext, model: ModelRecord): Promise<Candidates> {
    return new Candidates(context, model, await context.scratch.file(model));
  }

  async make(spec: CandidateSpec): Promise<Candidate> {
    if (spec.kind === "keep") return fileCandidate(this.drifted, labelOf(this.model));
    if (spec.kind === "ancestor") return fileCandidate(await this.#ancestor(spec.id), "the ancestor");
    const ancestor = await this.#ancestor(spec.ancestor);
    const pieces = () => blendFiles(this.#context.runtime, this.drifted, ancestor, spec.scale);
    return {
      format: this.drifted.format,
      name: `scale ${spec.scale}`,
      bytes: () => this.#gather(pieces()),
      writeTo: (path) => writePieces(path, pieces()),
    };
  }

  /**
   * Writes a candidate's file, synced, and reads it back: it must index to the very tensors of the drifted one.
   *
   * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  it does not
   */
  async write(spec: CandidateSpec, path: string): Promise<WrittenCandidate> {
    const { name, writeTo } = await this.make(spec);
    await writeTo(path);
    const file = await openParameterFile(path);
    if (spec.kind === "blend") checkForm(this.drifted, file);
    return { file, id: await contentId(file), candidate: fileCandidate(file, name) };
  }

  async #ancestor(id: string): Promise<ParameterFile> {
    return this.#context.scratch.file(await this.#context.store.get(id));
  }

  async #gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    this.#buffer ??= new Uint8Array(new SharedArrayBuffer(this.drifted.byteLength));
    let at = 0;
    for await (const piece of pieces) {
      this.#buffer.set(piece, at);
      at += piece.byteLength;
    }
    return this.#buffer;
  }
}

function fileCandidate({ path, format }: ParameterFile, name: string): Candidate {
  return {
    format,
    name,
    bytes: () => readFile(path),
    writeTo: (target) => copyFile(path, target),
  };
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

function checkForm(drifted: ParameterFile, repaired: ParameterFile): void {
  const form = ({ tensors }: ParameterFile) =>
    JSON.stringify(tensors.map(({ name, dtype, shape, byteOffset }) => [name, dtype, shape, byteOffset]));
  if (form(drifted) === form(repaired) && drifted.byteLength === repaired.byteLength) return;
  throw new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `${repaired.path}: the repaired file does not read back as it was written`,
  );
}
