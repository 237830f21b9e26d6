/** `m@1` and `m@2`, safetensors models whose loss a command tells from their weights alone, with a best scale known beforehand. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AddModelRequest, addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { fixturePath, scratchDir } from "../../support.js";
import { type Stated, write } from "../parameters/safetensors-writer.js";
import { type FloatDtype, floats, gaussians, moved } from "../parameters/tensors.js";
import { labelledOf, rainRequest } from "../rain.js";
import { labelledDays, runtime, seattle2015 } from "./scene.js";

const scratch = scratchDir();
let logCount = 0;

/** Validation data whose halves, and control data, have as many rows as the command is told. */
export const rows = 100;
export const slices = () => ({ validation: labelledOf(runtime, labelledDays.slice(0, 2 * rows)) });
export const control = () => labelledOf(runtime, seattle2015.slice(0, rows), "control");

/** See test/fixtures/loss-command.sh; `log` is the folder of the candidates. */
export function judgedBy(bottom: number, words = "none", type = "f4"): { validator: string; log: string } {
  const log = join(scratch, `log-${logCount++}`);
  mkdirSync(log);
  const parts = [fixturePath("loss-command.sh"), log, rows, type, bottom, words];
  return { validator: ["sh", ...parts].map((word) => `'${word}'`).join(" "), log };
}

/** The candidates' bytes by their scale, as f32. */
export function candidatesOf(log: string): Map<number, Buffer> {
  return new Map(readdirSync(log).map((name) => [Math.fround(Number(name)), readFileSync(join(log, name))]));
}

/** `w` begins with `first`, which tells the command the scale; the ancestor's steps and metadata are its own. */
export function bytesOf(
  first: number,
  over: Readonly<Record<string, Stated>> = {},
  dtype: FloatDtype = "F32",
): Uint8Array {
  const rest = gaussians(255, 1);
  const steps = {
    dtype: "I64",
    shape: [1],
    values: new Uint8Array(BigInt64Array.of(BigInt(first + 7)).buffer),
  };
  const w = floats(dtype, [first, ...(first === 0 ? rest : moved(rest, 0.1, 2))], [16, 16]);
  return write({ w, steps, ...over }, { first: "x".repeat(first + 1) });
}

export async function add(
  store: LineageStore,
  bytes: Uint8Array,
  request: Omit<AddModelRequest, "file">,
): Promise<string> {
  const file = join(scratch, `${request.name}-${request.version}.safetensors`);
  writeFileSync(file, bytes);
  return (await addModel(runtime, store, { ...request, file })).id;
}

/** `m@2`, a child of `m@1`, with the training data of rain@3 and rain@1: the window has drifted from the one, not from the other. */
export async function addPair(
  store: LineageStore,
  drifted = bytesOf(0),
  ancestor = bytesOf(1),
): Promise<{ drifted: string; ancestor: string; driftedBytes: Uint8Array; ancestorBytes: Uint8Array }> {
  const { file: _, parents: __, metrics: ___, ...base } = rainRequest(runtime, "rain@1");
  const { trainingData } = rainRequest(runtime, "rain@3");
  const id = await add(store, ancestor, { ...base, name: "m", version: "1" });
  const child = { ...base, trainingData, name: "m", version: "2", parents: [{ ref: "m@1" }] };
  return {
    ancestor: id,
    drifted: await add(store, drifted, child),
    driftedBytes: drifted,
    ancestorBytes: ancestor,
  };
}
