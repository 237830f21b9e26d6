/**
 * Opens a model file: tells its format by content, never by name, and gives the tensor index.
 * Pickles and archives that hold them are refused before anything in them is looked at.
 */
import { dirname, join } from "node:path";
import { safetensorsHeaderBytesMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { foreignAdvice, signatureBytes } from "./foreign-formats.js";
import { withFile } from "./model-bytes.js";
import { readOnnx } from "./onnx.js";
import { readSafetensors } from "./safetensors.js";
import { joinShards, type ShardIndex, shardIndexOf } from "./shards.js";
import { modelError, type ParameterFile } from "./tensor-index.js";

export interface ReadOptions {
  /** Whether an ONNX model may keep its values in other files of its folder: it then says which are read. */
  readonly externalData?: boolean | undefined;
}

/**
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND   no such file, or it cannot be read
 * @throws MendlineError MENDLINE_MODEL_FORMAT     another format, or something in it that mendline does not take
 * @throws MendlineError MENDLINE_MODEL_MALFORMED  breaks a rule of its format
 */
export async function openParameterFile(
  path: string,
  { externalData = false }: ReadOptions = {},
): Promise<ParameterFile> {
  return withFile(path, async (source) => {
    const index = await shardIndexOf(source);
    return index === null ? readAny(source, externalData) : openShards(path, index);
  });
}

async function openShards(path: string, index: ShardIndex): Promise<ParameterFile> {
  const files: ParameterFile[] = [];
  for (const name of index.names)
    files.push(await withFile(join(dirname(path), name), (source) => readParameters(source)));
  return joinShards(path, index, files);
}

/** The same from any bytes: a candidate in memory, by `memorySource`. */
export function readParameters(source: ByteSource): Promise<ParameterFile> {
  return readAny(source, false);
}

async function readAny(source: ByteSource, externalData: boolean): Promise<ParameterFile> {
  if (source.byteLength < 8)
    throw modelError(
      "MENDLINE_MODEL_MALFORMED",
      source.label,
      `has ${source.byteLength} bytes, too few for any model; is it empty or cut off?`,
      { byteLength: source.byteLength },
    );
  const head = new Uint8Array(Math.min(signatureBytes, source.byteLength));
  await source.read(head, 0);
  if (isSafetensors(head)) return readSafetensors(source);
  const advice = foreignAdvice(head);
  if (advice !== null) throw modelError("MENDLINE_MODEL_FORMAT", source.label, advice);
  if (isBrokenSafetensors(head, source.byteLength)) return readSafetensors(source);
  if (isOnnx(head)) return readOnnx(source, externalData);
  throw modelError(
    "MENDLINE_MODEL_FORMAT",
    source.label,
    "is neither safetensors nor ONNX; give a .safetensors or .onnx file",
  );
}

const brace = 0x7b;

function headerLengthOf(head: Uint8Array): number {
  return Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true));
}

/** Asked before other signatures: a header of 640 bytes begins as a pickle does. */
function isSafetensors(head: Uint8Array): boolean {
  return head[8] === brace && headerLengthOf(head) <= safetensorsHeaderBytesMax;
}

/**
 * Close enough to be told which rule it breaks: a length far too great but with its upper bytes clear, or a length that
 * fits with something else than a brace behind it.
 */
function isBrokenSafetensors(head: Uint8Array, byteLength: number): boolean {
  const headerLength = headerLengthOf(head);
  if (head[8] === brace) return headerLength < 2 ** 40;
  return headerLength >= 2 && headerLength <= Math.min(byteLength - 8, safetensorsHeaderBytesMax);
}

/** Fields of ModelProto by the tag that each begins with: number << 3 | wire type; numbers above 15 take two bytes. */
const modelTags: ReadonlySet<number> = new Set([
  0x08, // ir_version, varint
  0x12, // producer_name, bytes, as all but model_version below
  0x1a, // producer_version
  0x22, // domain
  0x28, // model_version, varint
  0x32, // doc_string
  0x3a, // graph
  0x42, // opset_import
  0x72, // metadata_props
  0xa2 | (0x01 << 8), // training_info, 20
  0xca | (0x01 << 8), // functions, 25
  0xd2 | (0x01 << 8), // configuration, 26
]);

function isOnnx(head: Uint8Array): boolean {
  const first = head[0]!;
  return modelTags.has(first < 0x80 ? first : first | (head[1]! << 8));
}
