/**
 * DSSE envelopes in a Sigstore bundle, as the OpenSSF's model signing writes them.
 *
 *     { mediaType, verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
 *       dsseEnvelope: { payload, payloadType, signatures: [{ sig, keyid }] } }
 *
 * Source: https://github.com/secure-systems-lab/dsse, protocol.md v1.0 and envelope.md; sigstore/protobuf-specs, sigstore_bundle.proto:
 * one signature, and the hint of the material is the keyid of the envelope.
 */
import { MendlineError } from "../../errors.js";
import { signatureBytesMax } from "../../limits.js";
import { isPlainObject } from "../plain-object.js";
import type { SigningKey, VerificationKey } from "./keys.js";

const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** A bundle of version 0.3 was first written so. */
const mediaTypeBefore = "application/vnd.dev.sigstore.bundle+json;version=0.3";
const payloadType = "application/vnd.in-toto+json";

/** What is signed: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes. */
export function preAuthEncoding(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `, "utf8"),
    body,
  ]);
}

export function signedBundle(payload: Uint8Array, key: SigningKey): string {
  const sig = key.sign(preAuthEncoding(payloadType, payload)).toString("base64");
  return JSON.stringify({
    mediaType,
    verificationMaterial: { publicKey: { hint: key.hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString("base64"),
      payloadType,
      signatures: [{ sig, keyid: key.hint }],
    },
  });
}

/** An envelope of which nothing is believed yet. */
export interface Envelope {
  /** Of the key that is said to have signed; null where the bundle does not say. */
  readonly hint: string | null;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_LIMIT  no bundle with one DSSE envelope of an in-toto statement */
export function parseBundle(what: string, text: string): Envelope {
  if (text.length > signatureBytesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${what} is larger than the ${signatureBytesMax} bytes of a signature`,
    );
  }
  const reader = new BundleReader(what);
  const bundle = reader.json(text);
  const type = reader.text(bundle, "mediaType");
  if (type !== mediaType && type !== mediaTypeBefore)
    throw reader.malformed(`has the media type ${JSON.stringify(type)}, not ${mediaType}`);
  const material = reader.object(bundle.verificationMaterial, "verificationMaterial");
  if (material.publicKey === undefined)
    throw reader.malformed("was made with a certificate: only signatures with a key can be checked here");
  const envelope = reader.object(bundle.dsseEnvelope, "dsseEnvelope");
  if (envelope.payloadType !== payloadType)
    throw reader.malformed(
      `has a payload of type ${JSON.stringify(envelope.payloadType)}, not ${payloadType}`,
    );
  const signature = reader.onlySignature(envelope.signatures);
  const hint = reader.hint(reader.object(material.publicKey, "publicKey").hint);
  const keyid = reader.hint(signature.keyid);
  // The OpenSSF's tool leaves the keyid empty.
  if (keyid !== null && keyid !== hint)
    throw reader.malformed("names two keys, as its hint and as its keyid");
  return {
    hint,
    payload: reader.base64(envelope.payload, "payload"),
    signature: reader.base64(signature.sig, "sig"),
  };
}

class BundleReader {
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  malformed(problem: string): MendlineError {
    return new MendlineError("MENDLINE_DATA_MALFORMED", `${this.#what} ${problem}`);
  }

  json(text: string): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw this.malformed("is no JSON");
    }
    return this.object(value, "bundle");
  }

  object(value: unknown, name: string): Record<string, unknown> {
    if (!isPlainObject(value)) throw this.malformed(`has no ${name}`);
    return value;
  }

  text(holder: Record<string, unknown>, name: string): string {
    const value = holder[name];
    if (typeof value !== "string") throw this.malformed(`has no ${name}`);
    return value;
  }

  onlySignature(value: unknown): Record<string, unknown> {
    const count = Array.isArray(value) ? value.length : 0;
    if (count !== 1) throw this.malformed(`has ${count} signatures, a bundle has one`);
    return this.object((value as unknown[])[0], "signature");
  }

  hint(value: unknown): string | null {
    if (value === undefined || value === null || value === "") return null;
    if (typeof value !== "string") throw this.malformed("has a hint that is no text");
    return value;
  }

  /** Standard or URL-safe (protobuf's JSON reads both), nothing beside it: Node would skip what it does not know. */
  base64(value: unknown, name: string): Buffer {
    if (typeof value !== "string" || !/^[\w+/-]*={0,2}$/.test(value))
      throw this.malformed(`has no ${name} in base64`);
    return Buffer.from(value, "base64");
  }
}

/** Whether the key signed the envelope's payload. */
export function isSigned({ payload, signature }: Envelope, key: VerificationKey): boolean {
  return key.verifies(preAuthEncoding(payloadType, payload), signature);
}
