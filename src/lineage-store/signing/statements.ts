/**
 * What is signed: in-toto statements about a model and about a derivation.
 * Source: https://github.com/in-toto/attestation, spec/v1/statement.md; sigstore/model-transparency, docs/model_signing_format.md and
 * _signing/signing.py, for the predicate https://model_signing/signature/v1.0.
 *
 *     model        the OpenSSF's predicate: a model that is one file has one resource, named ".", of several each is one, sorted by the
 *                  parts of their paths; the subject's digest is the sha256 of the resources' digests in a row. Beside it, in `mendline`, which that predicate's readers pass over, the record.
 *     derivation   ours, https://mendline/derivation/v1.0: subject, the child; predicate, { parent, transformation, parameters, metrics,
 *                  distribution: sha256 of its JSON or null, recorded }
 *
 * A digest `mendlineContent` is a model's id: the sha256 of its parameters, whatever file they are in.
 */
import { hash } from "node:crypto";
import type { Json } from "../codec.js";
import { jsonText, timeText } from "../export/identifiers.js";
import { sortedFiles } from "../model-parts.js";
import { isPlainObject } from "../plain-object.js";
import type { DerivationRecord, ModelRecord } from "../records.js";

const statementType = "https://in-toto.io/Statement/v1";
export const modelPredicate = "https://model_signing/signature/v1.0";
export const derivationPredicate = "https://mendline/derivation/v1.0";

export interface Statement {
  readonly subject: unknown;
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

/** An edge with both its ends. */
export interface Edge {
  readonly derivation: DerivationRecord;
  readonly parent: ModelRecord;
  readonly child: ModelRecord;
}

/** What the OpenSSF's tool finds in a restored model. */
export function resourcesOf({ files, fileHash }: ModelRecord): { name: string; digest: string }[] {
  return files === undefined
    ? [{ name: ".", digest: fileHash }]
    : sortedFiles(files).map(({ name, sha256 }) => ({ name, digest: sha256 }));
}

export function modelStatement(model: ModelRecord): Statement {
  const resources = resourcesOf(model);
  const sha256 = rootDigest(resources.map(({ digest }) => digest));
  return {
    subject: [{ name: `${model.name}@${model.version}`, digest: { sha256 } }],
    predicateType: modelPredicate,
    predicate: {
      serialization: { method: "files", hash_type: "sha256", allow_symlinks: false },
      resources: resources.map(({ name, digest }) => ({ name, algorithm: "sha256", digest })),
      mendline: describedModel(model),
    },
  };
}

/** What the store says of a model, whatever place and form it keeps it in. */
function describedModel(model: ModelRecord): object {
  const { id, name, version, format, byteLength, fileHash, createdMs, signature, profile, task } = model;
  const { files, metrics, tags } = model;
  return {
    id,
    name,
    version,
    format,
    byteLength,
    fileHash,
    ...(files !== undefined && { files }),
    created: timeText(createdMs),
    createdMs,
    trainingDataSignature: signature,
    profile,
    task,
    metrics,
    tags,
  };
}

export function derivationStatement({ derivation, parent, child }: Edge): Statement {
  const { transformation, parameters, metrics, distribution, createdMs } = derivation;
  return {
    subject: [resource(child)],
    predicateType: derivationPredicate,
    predicate: {
      parent: resource(parent),
      transformation,
      parameters,
      metrics,
      distribution: distribution === null ? null : { sha256: hash("sha256", canonicalText(distribution)) },
      recorded: timeText(createdMs),
      recordedMs: createdMs,
    },
  };
}

function resource({ id, name, version, fileHash }: ModelRecord): object {
  return { name: `${name}@${version}`, digest: { sha256: fileHash, mendlineContent: id } };
}

export function rootDigest(digests: readonly string[]): string {
  return hash("sha256", Buffer.from(digests.join(""), "hex"));
}

export function statementBytes(statement: Statement): Buffer {
  return Buffer.from(canonicalText({ _type: statementType, ...statement }), "utf8");
}

/** The statement in a payload, or why there is none. */
export function statementIn(payload: Buffer): Statement | string {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    return "the signed payload is no JSON";
  }
  if (!isPlainObject(value) || value._type !== statementType)
    return "the signed payload is no in-toto statement of version 1";
  const { subject, predicateType, predicate } = value;
  if (typeof predicateType !== "string" || !isPlainObject(predicate))
    return "the signed statement has no predicate";
  return { subject, predicateType, predicate };
}

/** JSON with sorted names: equal for equal content, however it was written. */
export function canonicalText(value: unknown): string {
  return jsonText(sorted(value as Json));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value as Record<string, Json | undefined>).filter(
    (entry): entry is [string, Json] => entry[1] !== undefined,
  );
  return Object.fromEntries(
    entries
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
