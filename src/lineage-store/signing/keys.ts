/**
 * Signing keys: Ed25519, or ECDSA over P-256, P-384 or P-521 with the hash that Sigstore pairs with the curve. Private keys are used
 * and forgotten: nothing here writes or shows one.
 *
 * Source: sigstore/protobuf-specs, sigstore_common.proto (PKIX_ECDSA_P256_SHA_256 and its neighbours, PKIX_ED25519).
 */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { messageOf } from "../../errors.js";
import { keyFileBytesMax } from "../../limits.js";
import { invalid } from "../rules.js";

const curveHashes: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

const howToMake =
  "make one with `openssl genpkey -algorithm ed25519` (or `-algorithm EC -pkeyopt ec_paramgen_curve:P-256`)";

export interface VerificationKey {
  /** By which a reader finds the public key that fits: sha256 of its PEM, as the OpenSSF's model signing has it. */
  readonly hint: string;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

export interface SigningKey extends VerificationKey {
  sign(bytes: Uint8Array): Buffer;
}

/**
 * @param what  names the key in messages, such as its file
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  no private key of a known kind, not encrypted, in PEM
 */
export function signingKey(what: string, pem: string): SigningKey {
  if (/^-----BEGIN PUBLIC KEY-----/m.test(pem))
    throw invalid(what, "is a public key: sign with the private one");
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw invalid(
      what,
      "is encrypted: give it decrypted, as by `openssl pkey -in KEY`, from a place that only you can read",
    );
  const key = parsed(what, pem, createPrivateKey, "private");
  const digest = digestOf(what, key);
  return { ...verifierOf(createPublicKey(key), digest), sign: (bytes) => sign(digest, bytes, key) };
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  no public key of a known kind in PEM */
export function verificationKey(what: string, pem: string): VerificationKey {
  if (/^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/m.test(pem))
    throw invalid(
      what,
      "is a private key: who checks needs the public one, as by `openssl pkey -in KEY -pubout`",
    );
  const key = parsed(what, pem, createPublicKey, "public");
  return verifierOf(key, digestOf(what, key));
}

function verifierOf(publicKey: KeyObject, digest: string | null): VerificationKey {
  return {
    hint: hash("sha256", publicKey.export({ type: "spki", format: "pem" })),
    verifies: (bytes, signature) => verify(digest, bytes, publicKey, signature),
  };
}

/** The error of the parser may show parts of the key, and is left out. */
function parsed(
  what: string,
  pem: string,
  parse: (pem: string) => KeyObject,
  kind: "private" | "public",
): KeyObject {
  if (pem.length > keyFileBytesMax)
    throw invalid(what, `has more than the ${keyFileBytesMax} bytes of a key's file`);
  try {
    return parse(pem);
  } catch (error) {
    const isPem = /-----BEGIN /.test(pem);
    const why = isPem ? `is no ${kind} key that can be read (${codeOf(error)})` : "holds no key in PEM";
    throw invalid(what, `${why}: ${howToMake}`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : messageOf(error).slice(0, 40);
}

/** null: the kind of key knows its own. */
function digestOf(what: string, key: KeyObject): string | null {
  if (key.asymmetricKeyType === "ed25519") return null;
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  const digest = key.asymmetricKeyType === "ec" ? curveHashes[curve] : undefined;
  if (digest !== undefined) return digest;
  const kind = [key.asymmetricKeyType, curve].filter((word) => word !== "").join(" ");
  throw invalid(what, `is a key of kind ${kind}, not Ed25519 or P-256 (P-384, P-521): ${howToMake}`);
}
