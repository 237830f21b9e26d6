/** The rain example's lineage (examples/rain), read from its model files: trained on Seattle, sent to New York. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { daysOf, featureNames, readWeather, withLabels } from "../../examples/rain/weather.js";
import { openParameterFile } from "../../src/host/parameters/parameter-file.js";
import type { ParameterFile } from "../../src/host/parameters/tensor-index.js";
import { encode } from "./encoding.js";
import type { Network } from "./network.js";
import { type LabelScene, labelledFrom } from "./scene.js";

const modelsDir = fileURLToPath(new URL("../../../examples/rain/models/", import.meta.url));
const layerNames = ["hidden1", "hidden2", "output"];
const weatherNames = ["temp_min", "temp_max", "wind"];

/** New York's days of the two years that no model has seen. */
export async function rainScene(): Promise<LabelScene> {
  const read = async (name: string) => ModelFile.open(join(modelsDir, `${name}.onnx`));
  const [base, second, deployed, pruned] = await Promise.all(
    ["rain-1", "rain-2", "rain-3", "rain-pruned-1"].map(read),
  );
  const days = daysOf(readWeather(), { locations: ["New York"], from: "2014-01-01", to: "2015-12-31" });
  const rows = withLabels(days);
  const [mean, deviation] = [base!.values("input_mean"), base!.values("input_std")];
  return {
    name: "rain",
    story: "rain or not; trained on Seattle, sent to New York (NOAA, weather.csv of vega-datasets)",
    live: labelledFrom("New York", rows, featureNames, "rains"),
    encoded: encode(rows, [
      { kind: "season", name: "day_of_year" },
      ...weatherNames.map((name, at) => ({
        kind: "number" as const,
        name,
        scaling: { mean: mean[at]!, deviation: deviation[at]! },
      })),
    ]),
    deployed: deployed!.network(),
    ancestor: base!.network(),
    relatives: [second!.network(), base!.network(), pruned!.network()],
  };
}

class ModelFile {
  readonly #file: ParameterFile;
  readonly #bytes: Buffer;

  private constructor(file: ParameterFile, bytes: Buffer) {
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(path: string): Promise<ModelFile> {
    return new ModelFile(await openParameterFile(path), readFileSync(path));
  }

  values(name: string): Float32Array {
    const { byteOffset, byteLength } = this.#tensor(name);
    // A copy: bytes within a file are not aligned.
    return new Float32Array(new Uint8Array(this.#bytes.subarray(byteOffset, byteOffset + byteLength)).buffer);
  }

  network(): Network {
    return layerNames.map((name) => {
      const [outCount, inCount] = this.#tensor(`${name}.weight`).shape as [number, number];
      return {
        inCount,
        outCount,
        weight: this.values(`${name}.weight`),
        bias: this.values(`${name}.bias`),
      };
    });
  }

  #tensor(name: string) {
    const tensor = this.#file.tensors.find((one) => one.name === name);
    if (tensor === undefined) throw new Error(`${this.#file.path} has no tensor ${name}`);
    return tensor;
  }
}
