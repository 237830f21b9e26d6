/**
 * How a record becomes bytes, and back.
 *
 *     // 0: record format version, 1
 *     // 1: check, first 16 bytes of sha256( version, u32 key length, key, payload )
 *     // 17: payload, MessagePack, keys of maps sorted
 *
 * LevelDB does not verify its block checksums on read, so a flipped bit would come back as a wrong value. The check is
 * verified on every read; it covers the key, so a value that wandered to another key is found too.
 */
import { hash } from "node:crypto";
import { Packr } from "msgpackr";
import { MendlineError, messageOf } from "../errors.js";
import { storeDepthMax, storeRecordBytesMax } from "../limits.js";
import { describeKey } from "./keys.js";
import { isPlainObject } from "./plain-object.js";

/** What JSON can say. Numbers may also be NaN and infinite; -0 is kept as 0. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** What a record can hold: JSON and bytes. */
export type Stored =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Stored[]
  | { readonly [key: string]: Stored };

export const recordVersion = 1;
const checkOffset = 1;
const checkBytes = 16;
const payloadOffset = checkOffset + checkBytes;

// Maps, because msgpackr renames the key "__proto__" of objects; no records extension, so that any reader can decode.
const packr = new Packr({ useRecords: false, mapsAsObjects: false, copyBuffers: true });
/** For payloads without such a key: no maps on the way, half the time. */
const objectPackr = new Packr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });

/** Where what is hashed is put together. Larger records take a buffer of their own. */
const scratch = Buffer.allocUnsafeSlow(16_384);

const loneSurrogate = /\p{Surrogate}/gu;

/** Marks what a caller gave: JSON inside a record, in which bytes are refused, because reading would refuse them. */
export class JsonDocument {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

type Packed = null | boolean | number | string | Uint8Array | Packed[] | Map<string, Packed>;

/**
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  something that is neither JSON nor bytes, or nested too deep
 * @throws MendlineError MENDLINE_DATA_LIMIT        larger than `storeRecordBytesMax`
 */
export function encodeRecord(key: Buffer, value: unknown): Buffer {
  const payload = packr.pack(new Normalizer(key).normalize(value, 0));
  const bytes = Buffer.allocUnsafeSlow(payloadOffset + payload.length);
  bytes[0] = recordVersion;
  bytes.set(payload, payloadOffset);
  bytes.write(checkFor(key, bytes), checkOffset, "latin1");
  return bytes;
}

/**
 * @throws MendlineError MENDLINE_STORE_CORRUPT  the bytes are not what was written under this key
 * @throws MendlineError MENDLINE_STORE_VERSION  a sound record of a later format
 */
export function decodeRecord(key: Buffer, bytes: Buffer): Stored {
  const version = bytes[0] ?? 0;
  if (bytes.length <= payloadOffset || checkFor(key, bytes) !== storedCheck(bytes)) {
    throw corrupt(key, "does not match its hash");
  }
  if (version !== recordVersion) {
    throw new MendlineError(
      "MENDLINE_STORE_VERSION",
      `${describeKey(key)} has record format ${version}, this mendline reads ${recordVersion}: use a newer mendline`,
      { details: { version, supported: recordVersion } },
    );
  }
  try {
    return decodePayload(bytes);
  } catch (error) {
    throw corrupt(key, `cannot be decoded (${messageOf(error)})`);
  }
}

/** The value in bytes that `encodeRecord` has just made and nobody could change. */
export function decodePayload(bytes: Buffer): Stored {
  const payload = bytes.subarray(payloadOffset);
  return payload.includes("__proto__")
    ? restore(packr.unpack(payload) as Packed)
    : (objectPackr.unpack(payload) as Stored);
}

/** The check inside a record's bytes: names its exact content in the journal. */
export function checkOf(bytes: Buffer): Buffer {
  return bytes.subarray(checkOffset, payloadOffset);
}

/** What helps a damaged store. */
export const repairRemedy =
  "`mendline lineage repair` saves all that can still be read, or restore the store from a copy";

export function corrupt(key: Buffer, problem: string): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's record ${describeKey(key)} ${problem}: the disk or another program changed it; ${repairRemedy}`,
    { details: { record: describeKey(key) } },
  );
}

function storedCheck(bytes: Buffer): string {
  return bytes.toString("latin1", checkOffset, payloadOffset);
}

/** As latin1 text ("binary" to node): node 20 makes that eight times as fast as a buffer (0.19 us, 1.5 us). */
function checkFor(key: Buffer, bytes: Buffer): string {
  const keyOffset = 5;
  const byteLength = keyOffset + key.length + bytes.length - payloadOffset;
  const hashed =
    byteLength <= scratch.length ? scratch.subarray(0, byteLength) : Buffer.allocUnsafe(byteLength);
  hashed[0] = bytes[0]!;
  hashed.writeUInt32BE(key.length, 1);
  hashed.set(key, keyOffset);
  bytes.copy(hashed, keyOffset + key.length, payloadOffset);
  return hash("sha256", hashed, "binary").slice(0, checkBytes);
}

/** One form for equal values: keys sorted, undefined members left out, text well-formed, -0 as 0. */
class Normalizer {
  readonly #key: Buffer;
  #bytes = 0;
  #bytesAllowed = true;

  constructor(key: Buffer) {
    this.#key = key;
  }

  normalize(value: unknown, depth: number): Packed {
    if (depth > storeDepthMax) throw this.#invalid(`is nested deeper than ${storeDepthMax}, or in a circle`);
    if (typeof value === "string") return this.#text(value);
    this.#count(1);
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") return value === 0 ? 0 : value;
    if (value instanceof JsonDocument) return this.#document(value, depth);
    if (value instanceof Uint8Array && this.#bytesAllowed) {
      this.#count(value.length);
      return value;
    }
    if (Array.isArray(value)) return Array.from(value, (member) => this.normalize(member, depth + 1));
    if (isPlainObject(value)) return this.#map(value, depth);
    throw this.#invalid(`holds ${typeof value === "object" ? "an object of a class" : `a ${typeof value}`}`);
  }

  #document({ value }: JsonDocument, depth: number): Packed {
    const outer = this.#bytesAllowed;
    this.#bytesAllowed = false;
    const packed = this.normalize(value ?? null, depth);
    this.#bytesAllowed = outer;
    return packed;
  }

  #map(value: object, depth: number): Map<string, Packed> {
    const map = new Map<string, Packed>();
    for (const [name, member] of Object.entries(value).sort(byName)) {
      if (member !== undefined) map.set(this.#text(name), this.normalize(member, depth + 1));
    }
    return map;
  }

  #text(value: string): string {
    this.#count(value.length + 1);
    return value.replace(loneSurrogate, "\ufffd");
  }

  /** A lower bound of the payload's size; stops shared references that would unfold without end. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > storeRecordBytesMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `${describeKey(this.#key)} is larger than the ${storeRecordBytesMax} bytes that one record may hold: split it, or store it as an object`,
        { details: { byteLengthMax: storeRecordBytesMax } },
      );
    }
  }

  #invalid(problem: string): MendlineError {
    return new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `${describeKey(this.#key)} ${problem}: give plain JSON data`,
    );
  }
}

function byName([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}

function restore(packed: Packed): Stored {
  if (Array.isArray(packed)) return packed.map(restore);
  if (!(packed instanceof Map)) return packed;
  const object: Record<string, Stored> = {};
  for (const [name, member] of packed) {
    if (name === "__proto__") {
      const value = restore(member);
      Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
    } else object[name] = restore(member);
  }
  return object;
}
