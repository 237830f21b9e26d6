/** A store with a few real and a few large models, and what a serving folder holds. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addModel } from "../../../src/host/models.js";
import { contentId } from "../../../src/host/parameters/identity.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { freshDir } from "../../lineage-store/support.js";
import { packageRoot, scratchDir } from "../../support.js";
import { writeExternalised } from "../parameters/externalised.js";
import { type Stated, write } from "../parameters/safetensors-writer.js";

const runtime = await openRuntime();
const scratch = scratchDir();

export interface Added {
  readonly id: string;
  readonly bytes: Buffer;
}

async function add(store: LineageStore, file: string, name: string, version: string): Promise<Added> {
  const { id } = await addModel(runtime, store, { file, name, version });
  return { id, bytes: readFileSync(file) };
}

/** `rain@<version>`. */
export function addRain(store: LineageStore, version: "1" | "2" | "3"): Promise<Added> {
  const file = join(packageRoot, "examples", "rain", "models", `rain-${version}.onnx`);
  return add(store, file, "rain", version);
}

/** `large@<version>`, a safetensors file of that many floats, all of that value. */
export function addLarge(store: LineageStore, version: string, count: number, value: number): Promise<Added> {
  const values = new Uint8Array(new Float32Array(count).fill(value).buffer);
  const tensors: Record<string, Stated> = { w: { dtype: "F32", shape: [count], values } };
  const file = join(scratch, `large-${version}.safetensors`);
  writeFileSync(file, write(tensors));
  return add(store, file, "large", version);
}

/** A folder that is not there yet. */
export function servingDir(): string {
  return join(freshDir(), "serving");
}

/** Names in the folder, hidden ones too; none where there is no folder. */
export function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}

/** What a served folder holds, others' files among it, and nothing that is left over. */
export function serving(...files: string[]): string[] {
  return [...files, "current", "versions"].sort();
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** ONNX with external data: what its files are, by their names. */
export interface AddedFiles {
  readonly id: string;
  readonly files: Readonly<Record<string, Buffer>>;
}

export const dataFiles = ["weights.bin", "more/biases.bin"];

/** `external@<version>`, the parameters of that `rain`, in three files. */
export async function addExternal(store: LineageStore, version: "1" | "2" | "3"): Promise<AddedFiles> {
  const source = join(packageRoot, "examples", "rain", "models", `rain-${version}.onnx`);
  const folder = freshDir();
  const file = writeExternalised(source, folder, dataFiles);
  const { id } = await addModel(runtime, store, { file, externalData: true, name: "external", version });
  const names = ["model.onnx", ...dataFiles];
  return { id, files: Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))])) };
}

/** What a reader of DIR/model.onnx comes to, wherever its weights lie: the model's id. */
export async function servedId(dir: string): Promise<string> {
  return contentId(await openParameterFile(join(dir, "model.onnx"), { externalData: true }));
}
