/** Stands in for model files and onnxruntime: candidates are networks in memory, judged with mendline's own scoring. */

import { groupLayers, type Layer } from "../../src/host/parameters/layers.js";
import { type CandidateSpec, nameOf, type PlainSpec, plainOf } from "../../src/host/repair/candidate-spec.js";
import { type Judgement, judgementOf } from "../../src/host/repair/judgement.js";
import type { LabelledData } from "../../src/host/repair/labelled-data.js";
import { Scorer } from "../../src/host/repair/outputs.js";
import type { Candidate } from "../../src/host/repair/validator.js";
import { blend, type Network, outputCountOf, predict } from "./network.js";
import type { LabelScene } from "./scene.js";

export const ancestorId = "ancestor";

interface MemoryCandidate extends Candidate {
  readonly network: Network;
}

/** As Candidates (src/host/repair/candidates.ts) makes them from files, of the kinds that one ancestor allows. */
export class MemoryJudge {
  readonly canRecalibrate = false;
  readonly #scene: LabelScene;
  readonly #layers: Layer[];

  constructor(scene: LabelScene) {
    this.#scene = scene;
    this.#layers = scene.deployed.map((_, index) => [String(index)]);
  }

  specAt(ancestor: string, scale: number): PlainSpec {
    if (scale === 0) return { kind: "keep" };
    return scale === 1 ? { kind: "ancestor", id: ancestor } : { kind: "blend", ancestor, scale };
  }

  async layers(): Promise<Layer[]> {
    return this.#layers;
  }

  networkOf(candidate: CandidateSpec): Network {
    const { deployed, ancestor } = this.#scene;
    const spec = plainOf(candidate);
    if (spec.kind === "keep") return deployed;
    if (spec.kind === "ancestor") return ancestor;
    if (spec.kind === "blend") return blend(deployed, ancestor, () => spec.scale);
    const last = deployed.length - 1;
    if (spec.kind === "ramp")
      return blend(deployed, ancestor, (layer) => spec.first + ((spec.last - spec.first) * layer) / last);
    if (spec.kind === "combination") throw new Error(`${nameOf(spec)}: there is one ancestor`);
    const groups = groupLayers(this.#layers, spec.scales.length);
    const scales = this.#layers.map(
      ([name]) => spec.scales[groups.findIndex((group) => group.includes(name!))]!,
    );
    return blend(deployed, ancestor, (layer) => scales[layer]!);
  }

  async make(spec: CandidateSpec): Promise<MemoryCandidate> {
    const absent = async () => {
      throw new Error("a candidate in memory has no file");
    };
    return {
      format: "onnx",
      name: nameOf(spec),
      network: this.networkOf(spec),
      bytes: absent,
      writeTo: absent,
    };
  }

  /** @param slice  rows of the scene's live data, known by their numbers */
  async evaluate(candidate: Candidate, slice: LabelledData): Promise<Judgement> {
    const { network } = candidate as MemoryCandidate;
    const scorer = new Scorer({ kind: "probability", outputCount: outputCountOf(network) }, slice.labels);
    const rows = slice.rowNumbers.map((number) => number - 1);
    scorer.take(predict(network, this.#scene.encoded, rows));
    return judgementOf(scorer.finish(), slice, "log-loss");
  }
}
