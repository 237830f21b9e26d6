/**
 * How states that are kept in the store are framed, so that damage and other versions are told before anything is believed.
 *
 *     // 0: four letters, format version (u8)
 *     // 5: JSON length (u32, little-endian), JSON with sorted keys
 *     // ...: values
 *     // end - 32: sha256 of all before it
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./profile.js";

const lettersBytes = 4;
const headerBytes = lettersBytes + 1 + 4;
const hashBytes = 32;

export interface StateFormat {
  /** Four of ASCII. */
  readonly letters: string;
  readonly version: number;
  /** For messages. */
  readonly what: string;
}

export function framedState({ letters, version }: StateFormat, document: unknown, values: Buffer): Buffer {
  const json = Buffer.from(canonicalJson(document));
  const header = Buffer.alloc(headerBytes);
  header.write(letters, "latin1");
  header[lettersBytes] = version;
  header.writeUInt32LE(json.length, lettersBytes + 1);
  const body = Buffer.concat([header, json, values]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** @throws RangeError  damaged, of another version, or something else */
export function partsOfState(
  { letters, version, what }: StateFormat,
  bytes: Uint8Array,
): { readonly document: unknown; readonly values: Buffer } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.length - hashBytes;
  if (end < headerBytes || buffer.toString("latin1", 0, lettersBytes) !== letters)
    throw new RangeError(`it is no ${what}`);
  const found = buffer[lettersBytes]!;
  if (found !== version) throw new RangeError(`it has format ${found}, this mendline reads ${version}`);
  const body = buffer.subarray(0, end);
  if (!createHash("sha256").update(body).digest().equals(buffer.subarray(end)))
    throw new RangeError("it does not match its hash");
  const valuesOffset = headerBytes + buffer.readUInt32LE(lettersBytes + 1);
  if (valuesOffset > end) throw new RangeError(`its JSON ends at ${valuesOffset}, its body at ${end}`);
  const document: unknown = JSON.parse(body.toString("utf8", headerBytes, valuesOffset));
  return { document, values: body.subarray(valuesOffset) };
}
