/** What the tests of the readers share: reading from memory, expecting a refusal, checking the partition. */
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../../../src/errors.js";
import { contentIdFrom } from "../../../src/host/parameters/identity.js";
import { memorySource } from "../../../src/host/parameters/model-bytes.js";
import { readParameters } from "../../../src/host/parameters/parameter-file.js";
import { type ParameterFile, segments, type TensorEntry } from "../../../src/host/parameters/tensor-index.js";

export function read(bytes: Uint8Array): Promise<ParameterFile> {
  return readParameters(memorySource(bytes, "m.model"));
}

export async function idOf(bytes: Uint8Array): Promise<string> {
  return contentIdFrom(memorySource(bytes), await read(bytes));
}

export async function refuses(bytes: Uint8Array, code: ErrorCode, message: RegExp): Promise<void> {
  let thrown: unknown = null;
  await read(bytes).catch((error: unknown) => {
    thrown = error;
  });
  assert.instance(thrown, MendlineError, `expected ${code} ${message}`);
  const { code: found, message: said } = thrown as unknown as MendlineError;
  assert.is(found, code, said);
  assert.match(said, message);
  assert.match(said, /^m\.model: /);
  assert.not.match(said, /\n/);
}

export function tensorOf(file: ParameterFile, name: string): TensorEntry {
  const found = file.tensors.find((tensor) => tensor.name === name);
  if (found === undefined)
    throw new Error(`no tensor ${name} among ${file.tensors.map((tensor) => tensor.name)}`);
  return found;
}

export function valuesOf(bytes: Uint8Array, { inline, byteOffset, byteLength }: TensorEntry): Uint8Array {
  return inline ?? bytes.slice(byteOffset, byteOffset + byteLength);
}

/** Segments cover every byte once, in order, none empty, and tensors are where the index says. */
export function checkPartition(file: ParameterFile): void {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  assert.is(byName.size, file.tensors.length, "names are unique");
  let position = 0;
  let ranged = 0;
  for (const { kind, tensor, byteOffset, byteLength } of segments(file)) {
    assert.is(byteOffset, position);
    assert.ok(byteLength > 0);
    if (kind === "tensor") {
      ranged++;
      const entry = byName.get(tensor ?? "");
      assert.is(entry?.byteOffset, byteOffset);
      assert.is(entry?.byteLength, byteLength);
    } else assert.is(tensor, null);
    position += byteLength;
  }
  assert.is(position, file.byteLength);
  const expected = file.tensors.filter((tensor) => tensor.byteOffset >= 0 && tensor.byteLength > 0).length;
  assert.is(ranged, expected);
  for (const { inline, byteOffset, byteLength } of file.tensors) {
    assert.is(inline === null, byteOffset >= 0);
    if (inline !== null) assert.is(inline.length, byteLength);
  }
}
