/**
 * Checks what is signed of a model version and of the derivations that lead to it: by whom, and whether it is what the store says now.
 * The bytes of the parameters are another check's: a signature holds the hash that the record names.
 */
import { isPlainObject } from "../plain-object.js";
import type { ModelRecord } from "../records.js";
import type { LineageStore } from "../store.js";
import { type Envelope, isSigned, parseBundle } from "./dsse.js";
import { type VerificationKey, verificationKey } from "./keys.js";
import {
  canonicalText,
  derivationPredicate,
  derivationStatement,
  type Edge,
  modelPredicate,
  modelStatement,
  resourcesOf,
  rootDigest,
  type Statement,
  statementIn,
} from "./statements.js";

export interface VerifySignaturesRequest {
  /** The public key, in PEM. */
  readonly key: string;
  /** How messages name the key, such as its file. */
  readonly keyName?: string;
  /** Bundles from elsewhere, such as one of the OpenSSF's tool, that count beside the stored ones. */
  readonly bundles?: readonly string[];
}

export interface SignatureFinding {
  /** `invalid`: there are signatures by this key, and none holds. */
  readonly state: "valid" | "unsigned" | "invalid";
  /** What a valid signature about a model holds: its record with the file's hash, or that hash alone (made by another tool). */
  readonly covers: "record" | "file" | null;
  /** Why none holds. */
  readonly problem: string | null;
}

export interface DerivationFinding extends SignatureFinding {
  readonly parent: { readonly id: string; readonly name: string; readonly version: string };
}

export interface SignatureReport {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly keyHint: string;
  readonly model: SignatureFinding;
  readonly derivations: readonly DerivationFinding[];
  /** Stored signatures by other keys, which were not looked at. */
  readonly otherKeys: number;
  /** Whether the model and every derivation are signed by this key. */
  readonly isValid: boolean;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_MALFORMED  the key, a bundle from elsewhere; MENDLINE_STORE_UNKNOWN */
export async function verifySignatures(
  store: LineageStore,
  id: string,
  { key: pem, keyName = "the key", bundles = [] }: VerifySignaturesRequest,
): Promise<SignatureReport> {
  const key = verificationKey(keyName, pem);
  const model = await store.get(id);
  const stored = await store.signatures(id);
  const given = bundles.map((bundle, index) => parseBundle(`signature ${index + 1}`, bundle));
  const isOurs = ({ hint }: { hint: string | null }) => hint === null || hint === key.hint;
  const about = (parent: string | null) => [
    ...stored.filter((record) => record.parent === parent && isOurs(record)).map(({ bundle }) => bundle),
    ...given.filter(isOurs),
  ];
  const modelFinding = findingOf(about(null), (envelope) => modelProblem(envelope, key, model));
  const derivations: DerivationFinding[] = [];
  for (const derivation of await store.parents(id)) {
    const parent = await store.get(derivation.parent);
    const edge = { derivation, parent, child: model };
    const finding = findingOf(about(parent.id), (envelope) => derivationProblem(envelope, key, edge));
    const { id: parentId, name, version } = parent;
    derivations.push({ ...finding, covers: null, parent: { id: parentId, name, version } });
  }
  return {
    id,
    name: model.name,
    version: model.version,
    keyHint: key.hint,
    model: modelFinding,
    derivations,
    otherKeys: stored.filter((record) => !isOurs(record)).length,
    isValid: [modelFinding, ...derivations].every(({ state }) => state === "valid"),
  };
}

/** What is wrong with a signature, or what it covers; null: it is about something else. */
type Outcome = { readonly problem: string } | { readonly covers: "record" | "file" } | null;

/** One that holds is enough: anybody can add one that does not. */
function findingOf(
  candidates: readonly (string | Envelope)[],
  check: (envelope: Envelope) => Outcome,
): SignatureFinding {
  let problem: string | null = null;
  let best: SignatureFinding | null = null;
  for (const candidate of candidates) {
    const outcome = typeof candidate === "string" ? storedOutcome(candidate, check) : check(candidate);
    if (outcome === null) continue;
    if ("problem" in outcome) problem ??= outcome.problem;
    else if (best === null || outcome.covers === "record")
      best = { state: "valid", covers: outcome.covers, problem: null };
  }
  if (best !== null) return best;
  return { state: problem === null ? "unsigned" : "invalid", covers: null, problem };
}

function storedOutcome(bundle: string, check: (envelope: Envelope) => Outcome): Outcome {
  try {
    return check(parseBundle("the stored signature", bundle));
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** The statement of an envelope that this key has signed. */
function signedStatement(
  envelope: Envelope,
  key: VerificationKey,
  predicateType: string,
): Statement | { readonly problem: string } | null {
  const statement = statementIn(envelope.payload);
  if (typeof statement !== "string" && statement.predicateType !== predicateType) {
    // One of a kind that is known stands for something else; another says nothing that could be checked.
    const isKnown = [modelPredicate, derivationPredicate].includes(statement.predicateType);
    return isKnown ? null : { problem: `it says nothing known: its predicate is ${statement.predicateType}` };
  }
  // A bundle without a hint may be anybody's.
  if (!isSigned(envelope, key))
    return envelope.hint === null ? null : { problem: "the signature does not fit what is signed" };
  return typeof statement === "string" ? { problem: statement } : statement;
}

function modelProblem(envelope: Envelope, key: VerificationKey, model: ModelRecord): Outcome {
  const statement = signedStatement(envelope, key, modelPredicate);
  if (statement === null || "problem" in statement) return statement;
  const digests = resourceDigests(statement.predicate);
  if (digests === null) return { problem: "it does not list files by their sha256" };
  if (digestOfSubject(statement.subject) !== rootDigest(digests))
    return { problem: "its files do not add up to the digest of its subject" };
  const expected = resourcesOf(model).map(({ digest }) => digest);
  if (`${digests}` !== `${expected}`) {
    const kept = expected.length === 1 ? model.fileHash : `${expected.length} other files`;
    const told = digests.length === 1 ? `the file ${digests[0]}` : `${digests.length} files`;
    return { problem: `it signs ${told}, the store has ${kept}` };
  }
  if (!Object.hasOwn(statement.predicate, "mendline")) return { covers: "file" };
  const fields = differing(modelStatement(model).predicate.mendline, statement.predicate.mendline);
  return fields === null
    ? { covers: "record" }
    : { problem: `the store says otherwise than what was signed: ${fields}` };
}

function derivationProblem(envelope: Envelope, key: VerificationKey, edge: Edge): Outcome {
  const statement = signedStatement(envelope, key, derivationPredicate);
  if (statement === null || "problem" in statement) return statement;
  const expected = derivationStatement(edge);
  const found = { subject: statement.subject, ...statement.predicate };
  const fields = differing({ subject: expected.subject, ...expected.predicate }, found);
  return fields === null
    ? { covers: "record" }
    : { problem: `the store says otherwise than what was signed: ${fields}` };
}

function resourceDigests(predicate: Readonly<Record<string, unknown>>): string[] | null {
  const { serialization, resources } = predicate;
  if (!isPlainObject(serialization) || serialization.method !== "files" || !Array.isArray(resources))
    return null;
  const digests: string[] = [];
  for (const resource of resources as unknown[]) {
    if (!isPlainObject(resource) || resource.algorithm !== "sha256") return null;
    if (typeof resource.digest !== "string" || !/^[0-9a-f]{64}$/.test(resource.digest)) return null;
    digests.push(resource.digest);
  }
  return digests;
}

function digestOfSubject(subject: unknown): unknown {
  if (!Array.isArray(subject) || subject.length !== 1) return null;
  const [only] = subject as unknown[];
  return isPlainObject(only) && isPlainObject(only.digest) ? only.digest.sha256 : null;
}

/** Names of members that are not the same, or null. */
function differing(expected: unknown, found: unknown): string | null {
  if (canonicalText(expected) === canonicalText(found)) return null;
  if (!isPlainObject(expected) || !isPlainObject(found)) return "its shape";
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...names]
    .filter((name) => canonicalText(expected[name] ?? null) !== canonicalText(found[name] ?? null))
    .join(", ");
}
