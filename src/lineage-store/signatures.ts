/** Signatures as records: a log for each model, of bundles about it and about the derivations that lead to it. Only ever added to. */
import { MendlineError } from "../errors.js";
import type { RecordReader } from "./database.js";
import type { RecordWriter } from "./declare.js";
import { Fields, hashBytes } from "./fields.js";
import { keyOf } from "./keys.js";
import { findDerivation, requireModel } from "./models.js";
import { checkHash } from "./rules.js";
import { parseBundle } from "./signing/dsse.js";
import { nextPlace } from "./walk.js";

export interface NewSignature {
  /** The model that is signed, or the child of the derivation that is. */
  readonly model: string;
  /** The derivation's parent; null for a signature about the model itself. */
  readonly parent: string | null;
  /** A Sigstore bundle (signing/dsse.ts), kept to the letter. */
  readonly bundle: string;
}

export interface SignatureRecord extends NewSignature {
  /** Of the key that is said to have signed; null where the bundle does not say. */
  readonly hint: string | null;
  readonly atMs: number;
}

/** @returns whether it is new */
export function addSignature(writer: RecordWriter, signature: NewSignature): boolean {
  const { model: id, parent, bundle } = signature;
  checkHash("model id", id);
  const model = requireModel(writer, id);
  if (parent !== null) requireDerivation(writer, parent, model.number, id);
  const { hint } = parseBundle("the signature", bundle);
  const before = signaturesOf(writer, id);
  if (before.some((other) => other.bundle === bundle && other.parent === parent)) return false;
  const place = nextPlace(writer, (index) => keyOf("signature", id, index));
  writer.put(keyOf("signature", id, place), {
    parent: parent === null ? null : hashBytes(parent),
    hint,
    bundle,
    atMs: writer.atMs,
  });
  return true;
}

function requireDerivation(reader: RecordReader, parent: string, childNumber: number, child: string): void {
  checkHash("parent", parent);
  const { number } = requireModel(reader, parent, "parent");
  if (findDerivation(reader, number, childNumber) !== null) return;
  throw new MendlineError("MENDLINE_STORE_UNKNOWN", `model ${child} is not derived from ${parent}`, {
    details: { parent, child },
  });
}

/** In the order in which they were added. */
export function signaturesOf(reader: RecordReader, id: string): SignatureRecord[] {
  const signatures: SignatureRecord[] = [];
  for (let place = 0; ; place++) {
    const key = keyOf("signature", id, place);
    const value = reader.read(key);
    if (value === undefined) return signatures;
    const fields = new Fields(key, value);
    signatures.push({
      model: id,
      parent: fields.hashOrNull("parent"),
      hint: fields.textOrNull("hint"),
      bundle: fields.text("bundle"),
      atMs: fields.number("atMs"),
    });
  }
}
