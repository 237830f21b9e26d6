/** Tensors by hand and at random, files of them, and a refusal to expect: what the tests of blending share. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { Random } from "../../../src/host/repair/random.js";
import { packageRoot, scratchDir } from "../../support.js";
import { nearestPattern, tableOf } from "../kernels/halves-oracle.js";
import { type Stated, write } from "./safetensors-writer.js";

const dir = scratchDir();
let fileCount = 0;

export type FloatDtype = "F32" | "F64" | "F16" | "BF16";

export const tables = { F16: tableOf("F16"), BF16: tableOf("BF16") };

/** Values as the little-endian bytes of a type; halves by the oracle. */
export function encode(dtype: FloatDtype, values: readonly number[]): Uint8Array {
  if (dtype === "F32") return new Uint8Array(Float32Array.from(values).buffer);
  if (dtype === "F64") return new Uint8Array(Float64Array.from(values).buffer);
  const patterns = values.map((value) => nearestPattern(dtype, tables[dtype], Math.fround(value)));
  return new Uint8Array(Uint16Array.from(patterns).buffer);
}

export function decode(dtype: FloatDtype, bytes: Uint8Array): number[] {
  const copy = new Uint8Array(bytes).buffer;
  if (dtype === "F32") return Array.from(new Float32Array(copy));
  if (dtype === "F64") return Array.from(new Float64Array(copy));
  return Array.from(new Uint16Array(copy), (pattern) => tables[dtype][pattern]!);
}

export function floats(dtype: FloatDtype, values: readonly number[], shape = [values.length]): Stated {
  return { dtype, shape, values: encode(dtype, values) };
}

export function gaussians(count: number, seed: number): number[] {
  const random = new Random(seed);
  // The sum of twelve uniforms has variance 1.
  return Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random.unit();
    return sum;
  });
}

/** Each value moved by a share of a unit. */
export function moved(values: readonly number[], share: number, seed: number): number[] {
  const by = gaussians(values.length, seed);
  return values.map((value, i) => value + share * by[i]!);
}

export function fileOf(bytes: Uint8Array): Promise<ParameterFile> {
  const path = join(dir, `model-${fileCount++}`);
  writeFileSync(path, bytes);
  return openParameterFile(path);
}

export function safetensorsFile(
  tensors: Readonly<Record<string, Stated>>,
  metadata?: Record<string, string>,
): Promise<ParameterFile> {
  return fileOf(write(tensors, metadata));
}

export function rainFile(name: string): Promise<ParameterFile> {
  return openParameterFile(join(packageRoot, "examples", "rain", "models", `${name}.onnx`));
}
