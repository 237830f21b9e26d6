/** Safetensors models of three layers that a JavaScript module judges: how far each layer is from where it should be. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AddModelRequest, addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { scratchDir } from "../../support.js";
import { write } from "../parameters/safetensors-writer.js";
import { floats, gaussians, moved } from "../parameters/tensors.js";
import { rainRequest } from "../rain.js";
import { runtime } from "./scene.js";

const scratch = scratchDir();
let moduleCount = 0;

export const layerNames = ["block.2.weight", "block.9.weight", "block.10.weight"] as const;

/**
 * The mean loss is the sum over layers and axes of (value - target)^2, each row a little off, by nothing in the mean.
 *
 * @param targets  of each layer its first values: what they should be
 */
export function judgeModule(targets: readonly (readonly number[])[], noise = 0.03): string {
  const path = join(scratch, `judge-${moduleCount++}.mjs`);
  writeFileSync(
    path,
    `import fs from "node:fs";
    const names = ${JSON.stringify(layerNames)};
    const targets = ${JSON.stringify(targets)};
    export default async ({ parameters, rows }) => {
      const bytes = fs.readFileSync(parameters);
      const length = Number(bytes.readBigUInt64LE(0));
      const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
      const values = names.map((name, layer) => {
        const at = 8 + length + header[name].data_offsets[0];
        return targets[layer].map((_, axis) => bytes.readFloatLE(at + 4 * axis));
      });
      return Array.from({ length: rows.rowCount }, (_, row) => {
        const off = ((row % 5) - 2) * ${noise};
        let loss = (row % 7) / 10;
        values.forEach((list, layer) => list.forEach((value, axis) => {
          loss += (value - targets[layer][axis] - off) ** 2;
        }));
        return loss;
      });
    };`,
  );
  return path;
}

/**
 * @param firsts  the first values of each layer
 * @param width  of its square matrix
 */
export function layeredBytes(firsts: readonly (readonly number[])[], seed: number, width = 8): Uint8Array {
  return write(
    Object.fromEntries(
      layerNames.map((name, layer) => {
        const rest = gaussians(width ** 2, layer + 1).slice(firsts[layer]!.length);
        const values = [...firsts[layer]!, ...(seed === 0 ? rest : moved(rest, 0.1, seed * 10 + layer))];
        return [name, floats("F32", values, [width, width])];
      }),
    ),
  );
}

export async function addLayered(
  store: LineageStore,
  version: string,
  bytes: Uint8Array,
  parents: readonly string[] = [],
  over: Pick<AddModelRequest, "trainingData"> = {},
): Promise<string> {
  const { file: _, parents: __, metrics: ___, ...base } = rainRequest(runtime, "rain@1");
  const { trainingData } = rainRequest(runtime, parents.length > 0 ? "rain@3" : "rain@1");
  const file = join(scratch, `layered-${version}.safetensors`);
  writeFileSync(file, bytes);
  const request: AddModelRequest = {
    ...base,
    file,
    name: "m",
    version,
    trainingData: trainingData!,
    parents: parents.map((ref) => ({ ref })),
    ...over,
  };
  return (await addModel(runtime, store, request)).id;
}
