/** Candidates of a repair: the drifted model as it is, an ancestor as it is, and what lies between them. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import { blendFiles, isBlendable, type ScaleOf } from "../parameters/blend.js";
import { contentId } from "../parameters/identity.js";
import { groupLayers, type Layer, layersOf } from "../parameters/layers.js";
import { mixFiles } from "../parameters/mix.js";
import { pairTensors, type TensorFilter, type TensorPair } from "../parameters/pairing.js";
import { openParameterFile } from "../parameters/parameter-file.js";
import { Requantizer } from "../parameters/requantize.js";
import type { ParameterFile } from "../parameters/tensor-index.js";
import { candidateBytes, copyCandidate, writeCandidate } from "./candidate-files.js";
import { type CandidateSpec, nameOf, type PlainSpec } from "./candidate-spec.js";
import type { RepairContext } from "./context.js";
import type { Recalibration } from "./recalibration.js";
import { type Candidate, candidateOfBytes } from "./validator.js";

/** A candidate's file, read back. */
export interface WrittenCandidate {
  readonly file: ParameterFile;
  /** Content id. */
  readonly id: string;
  readonly candidate: Candidate;
}

/** Scales of its own for at most so many groups of layers: each needs ten labels. */
export const layerGroupsMax = 6;

export class Candidates {
  readonly model: ModelRecord;
  readonly drifted: ParameterFile;
  readonly #context: RepairContext;
  readonly #filter: TensorFilter;
  readonly #requantize: boolean;
  /** Blends are made in it one after the other: shared, so that the judging thread needs no copy of its own. */
  #buffer: Uint8Array | null = null;
  #recalibration: Recalibration | null = null;

  private constructor(
    context: RepairContext,
    model: ModelRecord,
    drifted: ParameterFile,
    filter: TensorFilter,
    requantize: boolean,
  ) {
    this.#context = context;
    this.model = model;
    this.drifted = drifted;
    this.#filter = filter;
    this.#requantize = requantize;
  }

  /** @param requantize  blends of quantised weights are quantised again */
  static async open(
    context: RepairContext,
    model: ModelRecord,
    filter: TensorFilter,
    requantize = false,
  ): Promise<Candidates> {
    return new Candidates(context, model, await context.scratch.file(model), filter, requantize);
  }

  /** From now on `recalibrated` candidates can be made. */
  recalibrateWith(recalibration: Recalibration): void {
    this.#recalibration = recalibration.isPossible ? recalibration : null;
  }

  get canRecalibrate(): boolean {
    return this.#recalibration !== null;
  }

  /** Scale 0 is the drifted model, and 1 the ancestor itself, unless tensors are frozen. */
  specAt(ancestor: string, scale: number): PlainSpec {
    if (scale === 0) return { kind: "keep" };
    const isWhole = this.#filter.include.length + this.#filter.exclude.length === 0;
    return scale === 1 && isWhole ? { kind: "ancestor", id: ancestor } : { kind: "blend", ancestor, scale };
  }

  /** Layers, in the order of depth, of the tensors that a blend with this ancestor changes. */
  async layers(ancestor: string): Promise<Layer[]> {
    const { pairs } = await this.#pairs(ancestor);
    const names = pairs.map(({ drifted }) => drifted).filter(({ dtype }) => isBlendable(dtype));
    return layersOf(this.drifted, new Set(names.map(({ name }) => name)));
  }

  async make(spec: CandidateSpec): Promise<Candidate> {
    const name = nameOf(spec);
    if (spec.kind === "recalibrated") return this.#recalibrated(spec.of, name);
    if (spec.kind === "keep") return fileCandidate(this.drifted, name);
    if (spec.kind === "ancestor") return fileCandidate(await this.#file(spec.id), name);
    const pieces = await this.#pieces(spec);
    return {
      format: this.drifted.format,
      name,
      parts: this.drifted.shards,
      bytes: () => this.#gather(pieces()),
      writeTo: (path) => writeCandidate(this.drifted, pieces(), path),
    };
  }

  /**
   * Writes a candidate's file, or its folder, synced, and reads it back: it must index to the very tensors of the drifted one.
   *
   * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  it does not
   */
  async write(spec: CandidateSpec, path: string): Promise<WrittenCandidate> {
    const { name, writeTo } = await this.make(spec);
    const file = await openParameterFile(await writeTo(path), { externalData: true });
    if (spec.kind !== "keep" && spec.kind !== "ancestor") checkForm(this.drifted, file);
    return { file, id: await contentId(file), candidate: fileCandidate(file, name) };
  }

  async #recalibrated(of: PlainSpec, name: string): Promise<Candidate> {
    if (this.#recalibration === null) throw new Error(`${name}: nothing recalibrates it`);
    const candidate = candidateOfBytes(
      await this.#recalibration.apply(await this.make(of)),
      this.drifted.format,
      name,
    );
    return {
      ...candidate,
      parts: this.drifted.shards,
      writeTo: (path) => writeCandidate(this.drifted, onePiece(candidate), path),
    };
  }

  async #pieces(
    spec: Exclude<PlainSpec, { kind: "keep" | "ancestor" }>,
  ): Promise<() => AsyncIterable<Uint8Array>> {
    const { runtime } = this.#context;
    if (spec.kind === "combination") {
      const terms = await Promise.all(
        spec.terms.map(async ({ ancestor, weight }) => ({ ...(await this.#pairs(ancestor)), weight })),
      );
      return () => mixFiles(runtime, this.drifted, terms);
    }
    const { file, pairs } = await this.#pairs(spec.ancestor);
    const scale = await this.#scaleOf(spec);
    const requantizer =
      this.#requantize && this.drifted.quantized ? await Requantizer.open(this.drifted, file, pairs) : null;
    return () => blendFiles(runtime, this.drifted, file, scale, pairs, requantizer);
  }

  async #scaleOf(spec: Extract<CandidateSpec, { kind: "blend" | "ramp" | "groups" }>): Promise<ScaleOf> {
    if (spec.kind === "blend") return spec.scale;
    const layers = await this.layers(spec.ancestor);
    const groups = spec.kind === "groups" ? groupLayers(layers, spec.scales.length) : layers;
    const scaleAt =
      spec.kind === "groups"
        ? (group: number) => spec.scales[group]!
        : (layer: number) => spec.first + ((spec.last - spec.first) * layer) / Math.max(1, layers.length - 1);
    const scales = new Map(groups.flatMap((names, index) => names.map((name) => [name, scaleAt(index)])));
    return (name) => scales.get(name) ?? 0;
  }

  async #file(id: string): Promise<ParameterFile> {
    return this.#context.scratch.file(await this.#context.store.get(id));
  }

  async #pairs(
    ancestor: string,
  ): Promise<{ readonly file: ParameterFile; readonly pairs: readonly TensorPair[] }> {
    const file = await this.#file(ancestor);
    return { file, pairs: pairTensors(this.drifted, file, this.#filter).pairs };
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

function fileCandidate(file: ParameterFile, name: string): Candidate {
  return {
    format: file.format,
    name,
    parts: file.shards,
    bytes: () => candidateBytes(file),
    writeTo: (target) => copyCandidate(file, target),
  };
}

async function* onePiece(candidate: Candidate): AsyncGenerator<Uint8Array> {
  yield await candidate.bytes();
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
