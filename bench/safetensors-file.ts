/** safetensors files of pretended models: f32 tensors of one size. Format: huggingface/safetensors, README, "Format". */
import { closeSync, openSync, writeSync } from "node:fs";
import { parameter } from "./data.js";

export interface ModelShape {
  readonly tensorCount: number;
  /** Of one tensor. */
  readonly parameterCount: number;
}

/** @returns where the values begin */
export function writeModel(
  path: string,
  { tensorCount, parameterCount }: ModelShape,
  factor: number,
): number {
  const byteLength = parameterCount * 4;
  const tensors = Array.from({ length: tensorCount }, (_, index) => [
    `layer.${String(index).padStart(3, "0")}.weight`,
    {
      dtype: "F32",
      shape: [parameterCount],
      data_offsets: [index * byteLength, (index + 1) * byteLength],
    },
  ]);
  const text = JSON.stringify(Object.fromEntries(tensors));
  // Spaces are allowed at the end, and make the values lie at a multiple of 8.
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const values = new Float32Array(parameterCount);
  const file = openSync(path, "w");
  try {
    writeSync(file, length);
    writeSync(file, header);
    for (let tensor = 0; tensor < tensorCount; tensor++) {
      for (let i = 0; i < parameterCount; i++) values[i] = parameter(tensor * parameterCount + i, factor);
      writeSync(file, new Uint8Array(values.buffer));
    }
  } finally {
    closeSync(file);
  }
  return 8 + header.length;
}
