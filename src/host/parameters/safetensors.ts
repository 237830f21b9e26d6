/**
 * safetensors -> tensor index.
 *
 *   0: u64 little-endian, length N of the header
 *   8: N bytes of JSON: { "__metadata__"?: {text: text}, name: { dtype, shape, data_offsets: [begin, end] }, … }
 *   8 + N: the data; offsets count from here
 *
 * Every rule of the format is checked and has one error text (MENDLINE_MODEL_MALFORMED unless it says otherwise):
 *   length   N <= 100,000,000                    "header length … exceeds …"
 *   inside   8 + N <= file                       "header length … exceeds the … bytes that follow it"
 *   start    the header begins with {            "the header begins with …"
 *   text     the header is UTF-8                 "the header is not UTF-8"
 *   grammar  the JSON, its fields, unique keys   "the header is malformed: …"
 *   dtype    known (MENDLINE_MODEL_FORMAT)       "has dtype …"
 *   product  the shape's product counts exactly  "has a shape whose size overflows"
 *   order    begin <= end                        "has data_offsets that end before they begin"
 *   size     end - begin = product * width       "has … bytes where its shape and dtype need …"
 *   holes    each begins where the last ended    "leaves a hole" / "overlaps"
 *   data     the last ends where the file ends   "the tensors end at byte … of … bytes of data"
 * Sources: huggingface/safetensors README ("Format") and its reference reader. Stricter than that reader: duplicate keys
 * (the README forbids them, the reader cannot see them), unknown fields, half surrogates.
 */
import { safetensorsHeaderBytesMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { HeaderProblem, type HeaderTensor, parseHeader } from "./safetensors-header.js";
import {
  byteLengthOf,
  type Dtype,
  dtypeBits,
  elementCountOf,
  modelError,
  type ParameterFile,
  quoted,
  sortByName,
  type TensorEntry,
} from "./tensor-index.js";

/** The dtypes of our index that safetensors does not have. */
const foreignDtypes: ReadonlySet<Dtype> = new Set<Dtype>(["I4", "I2", "U4", "U2", "C128", "STRING"]);

/** @throws MendlineError MENDLINE_MODEL_MALFORMED, MENDLINE_MODEL_FORMAT (unknown dtype, or a limit of ours) */
export async function readSafetensors(source: ByteSource): Promise<ParameterFile> {
  const { text, dataOffset } = await readHeader(source);
  const tensors = parse(source, text).map((stated) => toEntry(source, stated, dataOffset));
  checkCoverage(source, tensors, dataOffset);
  return {
    path: source.label,
    format: "safetensors",
    byteLength: source.byteLength,
    tensors: sortByName(tensors),
    quantized: tensors.some(looksQuantized),
    inputs: [],
    outputs: [],
  };
}

async function readHeader(source: ByteSource): Promise<{ text: string; dataOffset: number }> {
  if (source.byteLength < 8)
    throw malformed(source, `has ${source.byteLength} bytes where the length of the header alone takes 8`);
  const prefix = new Uint8Array(8);
  await source.read(prefix, 0);
  const headerLength = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const rest = source.byteLength - 8;
  if (headerLength > safetensorsHeaderBytesMax)
    throw malformed(
      source,
      `header length ${headerLength} exceeds ${safetensorsHeaderBytesMax}, the format's maximum`,
    );
  if (headerLength > rest)
    throw malformed(
      source,
      `header length ${headerLength} exceeds the ${rest} bytes that follow it; is it cut off?`,
    );
  const header = new Uint8Array(headerLength);
  await source.read(header, 8);
  if (header[0] !== 0x7b)
    throw malformed(source, `the header begins with ${byteName(header[0])} where { must be`);
  return { text: decode(source, header), dataOffset: 8 + headerLength };
}

function byteName(byte: number | undefined): string {
  return byte === undefined ? "nothing" : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}

function decode(source: ByteSource, header: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch {
    throw malformed(source, "the header is not UTF-8");
  }
}

function parse(source: ByteSource, text: string): HeaderTensor[] {
  try {
    return parseHeader(text);
  } catch (thrown) {
    if (!(thrown instanceof HeaderProblem)) throw thrown;
    throw modelError(
      thrown.limit ? "MENDLINE_MODEL_FORMAT" : "MENDLINE_MODEL_MALFORMED",
      source.label,
      `the header is ${thrown.limit ? "beyond a limit" : "malformed"}: ${thrown.text} (character ${thrown.at})`,
      { character: thrown.at },
    );
  }
}

function toEntry(source: ByteSource, stated: HeaderTensor, dataOffset: number): TensorEntry {
  const { name, shape, begin, end } = stated;
  const dtype = knownDtype(source, stated);
  const elementCount = elementCountOf(shape);
  const byteLength = elementCount === null ? null : byteLengthOf(dtype, elementCount);
  if (elementCount === null || byteLength === null)
    throw malformed(source, `tensor ${quoted(name)} has a shape whose size overflows: [${shape.join(", ")}]`);
  if (end < begin)
    throw malformed(
      source,
      `tensor ${quoted(name)} has data_offsets that end before they begin: ${begin}, ${end}`,
    );
  // Widths below 8 bits must fill whole bytes here: the format has no padding.
  const whole = ((elementCount % 8) * dtypeBits[dtype]) % 8 === 0;
  if (end - begin !== byteLength || !whole)
    throw malformed(
      source,
      `tensor ${quoted(name)} has ${end - begin} bytes where its shape and dtype need ${(elementCount * dtypeBits[dtype]) / 8}`,
    );
  return {
    name,
    dtype,
    shape,
    byteOffset: dataOffset + begin,
    byteLength,
    inline: null,
    slot: null,
    order: null,
  };
}

function knownDtype(source: ByteSource, { name, dtype }: HeaderTensor): Dtype {
  if (isDtype(dtype) && !foreignDtypes.has(dtype)) return dtype;
  throw modelError(
    "MENDLINE_MODEL_FORMAT",
    source.label,
    `tensor ${quoted(name)} has dtype ${quoted(dtype)}, which safetensors does not have or mendline does not know; save it as F32, F16 or BF16`,
    { tensor: name, dtype: dtype.slice(0, 80) },
  );
}

function isDtype(text: string): text is Dtype {
  return Object.hasOwn(dtypeBits, text);
}

function checkCoverage(source: ByteSource, tensors: readonly TensorEntry[], dataOffset: number): void {
  const ordered = [...tensors].sort(
    (left, right) => left.byteOffset - right.byteOffset || left.byteLength - right.byteLength,
  );
  let position = dataOffset;
  for (const { name, byteOffset, byteLength } of ordered) {
    if (byteOffset > position)
      throw malformed(
        source,
        `tensor ${quoted(name)} leaves a hole: it begins at byte ${byteOffset - dataOffset} of the data, the tensor before ends at ${position - dataOffset}`,
      );
    if (byteOffset < position)
      throw malformed(
        source,
        `tensor ${quoted(name)} overlaps: it begins at byte ${byteOffset - dataOffset} of the data, the tensor before ends at ${position - dataOffset}`,
      );
    position = byteOffset + byteLength;
  }
  if (position !== source.byteLength)
    throw malformed(
      source,
      `the tensors end at byte ${position - dataOffset} of ${source.byteLength - dataOffset} bytes of data; is it cut off, or is something appended?`,
    );
}

/** GPTQ and AWQ name packed weights `qweight`; others keep `weight` and narrow its dtype (bitsandbytes, fp8). */
function looksQuantized({ name, dtype, shape }: TensorEntry): boolean {
  if (name.endsWith("qweight")) return true;
  return name.endsWith("weight") && shape.length >= 2 && dtype !== "BOOL" && dtypeBits[dtype] <= 8;
}

function malformed(source: ByteSource, problem: string): Error {
  return modelError("MENDLINE_MODEL_MALFORMED", source.label, problem);
}
