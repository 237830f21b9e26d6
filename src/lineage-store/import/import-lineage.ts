/** Other tools' documents into the store, as what they say and no more: external models and declared derivations (declared.ts). */
import { hash } from "node:crypto";
import { open } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";
import { importFileBytesMax, importFilesMax } from "../../limits.js";
import {
  checkDeclaration,
  checkExternal,
  type ExternalName,
  type ExternalRecord,
  type ExternalSource,
  externalId,
  externalSources,
  type NewDeclaration,
  type Resolution,
} from "../declared.js";
import { hubName } from "../export/huggingface.js";
import { fileError } from "../files.js";
import type { NewDerivation } from "../records.js";
import { checkOneOf, invalid } from "../rules.js";
import type { LineageStore } from "../store.js";
import type { Transformation } from "../transformations.js";
import { cardStatements } from "./card.js";
import { Foreign, malformed } from "./foreign.js";
import { frontMatter } from "./front-matter.js";
import { MlflowDocuments } from "./mlflow.js";
import type { Statements } from "./statements.js";

export interface ImportRequest {
  readonly format: ExternalSource;
  readonly files: readonly string[];
  /** Any REF: the model of the store that the one card is of. */
  readonly model?: string;
  /** The Hub's name of the model that the one card is of. */
  readonly name?: string;
  /** Whether a declaration between two models of the store becomes a derivation. */
  readonly link?: boolean;
  readonly signal?: AbortSignal;
}

export interface ImportedExternal extends ExternalName {
  readonly id: string;
  readonly isNew: boolean;
  /** The model of the store that it stands for. */
  readonly model: Resolution | null;
}

export interface ImportedDeclaration {
  /** Ids of external models. */
  readonly child: string;
  readonly parent: string;
  readonly transformation: Transformation;
  readonly isNew: boolean;
}

export interface ImportSummary {
  readonly format: ExternalSource;
  readonly externals: readonly ImportedExternal[];
  readonly declarations: readonly ImportedDeclaration[];
  /** Derivations that were added, by ids of models. */
  readonly linked: readonly { readonly parent: string; readonly child: string }[];
}

/**
 * All or nothing, whatever the number of documents; the same again changes nothing.
 *
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND, MENDLINE_DATA_FORMAT, MENDLINE_DATA_MALFORMED, MENDLINE_DATA_LIMIT  a document
 * @throws MendlineError MENDLINE_STORE_CYCLE  what the documents say closes a circle
 * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_AMBIGUOUS, MENDLINE_ARGUMENT_INVALID, MENDLINE_TASK_ABORTED
 */
export async function importLineage(store: LineageStore, request: ImportRequest): Promise<ImportSummary> {
  checkRequest(request);
  const statements =
    request.format === "mlflow" ? await mlflowStatements(request) : await allCards(store, request);
  const resolver = new Resolver(store, statements);
  const derivations = request.link === true ? await linksOf(store, resolver, statements) : [];
  const written = await store.commit((tx) => {
    const externals = statements.externals.map((external) => tx.addExternal(external));
    const declarations = statements.declarations.map((declaration) => tx.addDeclaration(declaration));
    for (const derivation of derivations) tx.addDerivation(derivation);
    return { externals, declarations };
  });
  const externals: ImportedExternal[] = [];
  for (const [index, { source, name, version }] of statements.externals.entries()) {
    const model = await resolver.modelOf({ source, name, version });
    externals.push({ ...written.externals[index]!, source, name, version, model });
  }
  return {
    format: request.format,
    externals,
    declarations: statements.declarations.map((declaration, index) => ({
      child: externalId(declaration.child),
      parent: externalId(declaration.parent),
      transformation: declaration.transformation,
      isNew: written.declarations[index]!,
    })),
    linked: derivations.map(({ parent, child }) => ({ parent, child })),
  };
}

function checkRequest({ format, files, model, name }: ImportRequest): void {
  checkOneOf("format", format, externalSources);
  if (files.length < 1 || files.length > importFilesMax)
    throw invalid("an import", `takes 1 to ${importFilesMax} files, not ${files.length}`);
  if (model === undefined && name === undefined) return;
  if (format !== "huggingface") throw invalid("a model or a name", "can be given for a model card only");
  if (files.length > 1) throw invalid("a model or a name", "belongs to one card: import the others apart");
}

async function allCards(
  store: LineageStore,
  { files, model, name, signal }: ImportRequest,
): Promise<Statements> {
  const record = model === undefined ? null : await store.get(await store.resolve(model));
  const all: Statements = { externals: [], declarations: [] };
  for (const path of files) {
    const { text, document } = await readDocument(path, signal);
    const { externals, declarations } = cardStatements(await frontMatter(path, text), {
      document,
      name: name ?? (record === null ? undefined : hubName(record, await store.externalsOf(record.id))),
      hash: record?.id,
    });
    checkStatements({ externals, declarations }, new Map([[document, path]]));
    all.externals.push(...externals);
    all.declarations.push(...declarations);
  }
  return all;
}

async function mlflowStatements({ files, signal }: ImportRequest): Promise<Statements> {
  const documents = new MlflowDocuments();
  const paths = new Map<string, string>();
  for (const path of files) {
    const { text, document } = await readDocument(path, signal);
    documents.add(new Foreign(`${path}:`, parsedJson(path, text)), document);
    paths.set(document, path);
  }
  const statements = documents.statements();
  checkStatements(statements, paths);
  return statements;
}

/** Names and numbers that the store would refuse are told with the document that holds them. */
function checkStatements({ externals, declarations }: Statements, paths: ReadonlyMap<string, string>): void {
  const checked = (document: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      throw malformed(`${paths.get(document)}:`, messageOf(error), error);
    }
  };
  for (const external of externals) checked(external.document, () => checkExternal(external));
  for (const declaration of declarations) checked(declaration.document, () => checkDeclaration(declaration));
}

function parsedJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`${path}:`, `is no JSON: ${(error as Error).message}`, error);
  }
}

async function readDocument(path: string, signal?: AbortSignal): Promise<{ text: string; document: string }> {
  if (signal?.aborted)
    throw new MendlineError("MENDLINE_TASK_ABORTED", "the import was cancelled", { cause: signal.reason });
  const bytes = await readBounded(path);
  return { text: decoded(path, bytes), document: hash("sha256", bytes) };
}

/** A pipe or a growing file tells no length: read up to the bound and one byte more. */
async function readBounded(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  try {
    const file = await open(path, "r");
    for await (const chunk of file.createReadStream({ end: importFileBytesMax })) {
      chunks.push(chunk as Uint8Array);
      byteLength += (chunk as Uint8Array).length;
    }
  } catch (error) {
    throw fileError(path, "read", error, "MENDLINE_DATA_NOT_FOUND");
  }
  if (byteLength <= importFileBytesMax) return Buffer.concat(chunks);
  throw new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${path} is larger than the ${importFileBytesMax} bytes that one document may have`,
    {
      details: { byteLengthMax: importFileBytesMax },
    },
  );
}

function decoded(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw malformed(`${path}:`, "is no UTF-8 text", error);
  }
}

/** Which models of the store the documents speak of, what they say themselves included. */
class Resolver {
  readonly #store: LineageStore;
  readonly #hashes = new Map<string, string>();
  readonly #known = new Map<string, Resolution | null>();

  constructor(store: LineageStore, { externals }: Statements) {
    this.#store = store;
    for (const external of externals) {
      if (external.hash != null) this.#hashes.set(externalId(external), external.hash);
    }
  }

  async modelOf(name: ExternalName): Promise<Resolution | null> {
    const id = externalId(name);
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const record: ExternalRecord | null = await this.#store.external(id);
    const hash = this.#hashes.get(id) ?? record?.hash ?? null;
    const found = await this.#store.resolutionOf({ ...name, hash });
    this.#known.set(id, found);
    return found;
  }
}

/** Declarations between models of the store that are no derivations yet. */
async function linksOf(
  store: LineageStore,
  resolver: Resolver,
  { declarations }: Statements,
): Promise<NewDerivation[]> {
  const links = new Map<string, NewDerivation>();
  for (const declaration of declarations) {
    const child = await resolver.modelOf(declaration.child);
    const parent = await resolver.modelOf(declaration.parent);
    if (child === null || parent === null) continue;
    const parents = await store.parents(child.id);
    if (parents.some((derivation) => derivation.parent === parent.id)) continue;
    links.set(`${parent.id} ${child.id}`, linkOf(declaration, parent.id, child.id));
  }
  return [...links.values()];
}

function linkOf(declaration: NewDeclaration, parent: string, child: string): NewDerivation {
  const { transformation, parameters, metrics, document } = declaration;
  const declaredBy = { source: declaration.child.source, document };
  return { parent, child, transformation, parameters: { ...parameters, declaredBy }, metrics: metrics ?? {} };
}
