/** Signs a model version and the derivations that lead to it, once its bytes are seen to be those that its record names. */
import { MendlineError } from "../../errors.js";
import { ModelHash } from "../model-parts.js";
import type { LineageStore } from "../store.js";
import { isSigned, parseBundle, signedBundle } from "./dsse.js";
import { type SigningKey, signingKey } from "./keys.js";
import { derivationStatement, modelStatement, type Statement, statementBytes } from "./statements.js";

export interface SignRequest {
  /** The private key, in PEM. */
  readonly key: string;
  /** How messages name the key, such as its file. */
  readonly keyName?: string;
  readonly signal?: AbortSignal;
}

export interface MadeSignature {
  /** The derivation's parent; null for the signature about the model itself. */
  readonly parent: string | null;
  readonly bundle: string;
  /** false: this key had signed the very same before. */
  readonly isNew: boolean;
}

export interface SignedModel {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** sha256 of the public key's PEM: by this the bundles name the key. */
  readonly keyHint: string;
  /** The model's first, then one for each derivation. */
  readonly signatures: readonly MadeSignature[];
}

/**
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  the key is of no known kind
 * @throws MendlineError MENDLINE_STORE_CORRUPT     the stored parameters are not those of the record: nothing is signed
 * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_DROPPED, MENDLINE_DATA_LIMIT, MENDLINE_TASK_ABORTED
 */
export async function signModel(
  store: LineageStore,
  id: string,
  { key: pem, keyName = "the key", signal }: SignRequest,
): Promise<SignedModel> {
  const key = signingKey(keyName, pem);
  const model = await store.get(id);
  await checkBytes(store, id, signal);
  const wanted: { parent: string | null; statement: Statement }[] = [
    { parent: null, statement: modelStatement(model) },
  ];
  for (const derivation of await store.parents(id)) {
    const parent = await store.get(derivation.parent);
    wanted.push({
      parent: parent.id,
      statement: derivationStatement({ derivation, parent, child: model }),
    });
  }
  const before = await store.signatures(id);
  const signatures = wanted.map(({ parent, statement }): MadeSignature => {
    const payload = statementBytes(statement);
    const known = before.find((other) => other.parent === parent && hasSigned(other.bundle, payload, key));
    return known === undefined
      ? { parent, bundle: signedBundle(payload, key), isNew: true }
      : { parent, bundle: known.bundle, isNew: false };
  });
  await store.commit((tx) => {
    for (const { parent, bundle, isNew } of signatures) {
      if (isNew) tx.addSignature({ model: id, parent, bundle });
    }
  });
  return { id, name: model.name, version: model.version, keyHint: key.hint, signatures };
}

function hasSigned(bundle: string, payload: Buffer, key: SigningKey): boolean {
  const envelope = parseBundle("a stored signature", bundle);
  return envelope.hint === key.hint && envelope.payload.equals(payload) && isSigned(envelope, key);
}

/**
 * Reads every byte: who signs a model says that this is it.
 *
 * @throws MendlineError MENDLINE_STORE_DROPPED  the parameters are not in the store any more
 * @throws MendlineError MENDLINE_STORE_CORRUPT  an object is damaged or lost, or they are not the file that was added
 */
export async function checkBytes(store: LineageStore, id: string, signal?: AbortSignal): Promise<void> {
  const { name, version, fileHash, files = null } = await store.get(id);
  const found = await store.reading(id, () => hashOfFile(store, id, new ModelHash(files), signal));
  if (found === fileHash) return;
  throw new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the stored parameters of ${name}@${version} are not those of its record: add it again, or restore the store from a copy`,
    { details: { id, fileHash, found } },
  );
}

async function hashOfFile(
  store: LineageStore,
  id: string,
  hash: ModelHash,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { layout } = await store.parameters(id);
  for (const { object } of layout) {
    for await (const chunk of store.readObject(object)) {
      hash.update(chunk);
      if (signal?.aborted)
        throw new MendlineError("MENDLINE_TASK_ABORTED", "reading the parameters was cancelled", {
          cause: signal.reason,
        });
    }
  }
  return hash.end().fileHash;
}
