/** What an export holds: every model, or one and its ancestors; one model at a time, so that memory does not grow with the lineage. */
import { MendlineError } from "../../errors.js";
import { externalWalkMax } from "../../limits.js";
import type { DeclarationRecord, ExternalRecord } from "../declared.js";
import type { DerivationRecord, ModelLabel, ModelRecord } from "../records.js";
import type { LineageStore } from "../store.js";

export interface ExportedParent {
  readonly derivation: DerivationRecord;
  readonly model: ModelRecord;
  /** Under which names other tools know it. */
  readonly externals: readonly ExternalRecord[];
}

/** A parent that a document names, and no derivation of the store. */
export interface DeclaredParent {
  readonly declaration: DeclarationRecord;
  readonly external: ExternalRecord;
  /** The model of the store that it stands for. */
  readonly model: ModelRecord | null;
}

export interface ExportedModel {
  readonly model: ModelRecord;
  /** Its own name and version first. */
  readonly labels: readonly ModelLabel[];
  readonly parents: readonly ExportedParent[];
  readonly externals: readonly ExternalRecord[];
  readonly declared: readonly DeclaredParent[];
}

/** A model of which no parameters are held. */
export interface ExportedExternal {
  readonly external: ExternalRecord;
  readonly declared: readonly DeclaredParent[];
}

/** What was exported so far. */
export interface ExportCounts {
  models: number;
  derivations: number;
  externals: number;
  declarations: number;
}

export class ExportScope {
  /** Id of the model that is exported with its ancestors; null for the whole lineage. */
  readonly root: string | null;
  readonly counts: ExportCounts = { models: 0, derivations: 0, externals: 0, declarations: 0 };
  readonly #store: LineageStore;
  readonly #signal: AbortSignal | undefined;
  /** External models that exported ones are declared to come from. */
  readonly #reached = new Set<string>();
  #hasExternals: boolean | null = null;

  constructor(store: LineageStore, root: string | null, signal?: AbortSignal) {
    this.#store = store;
    this.root = root;
    this.#signal = signal;
  }

  /**
   * In created order; with a root it comes first, then its ancestors, nearest first.
   *
   * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal
   */
  async *models(): AsyncGenerator<ExportedModel> {
    for await (const model of this.#records()) {
      this.#checkSignal();
      const exported = await this.#exported(model);
      this.counts.models++;
      this.counts.derivations += exported.parents.length;
      this.counts.declarations += exported.declared.length;
      yield exported;
    }
  }

  async *#records(): AsyncGenerator<ModelRecord> {
    if (this.root === null) {
      yield* this.#store.models();
      return;
    }
    yield await this.#store.get(this.root);
    for await (const { id } of this.#store.ancestors(this.root, { signal: this.#signal }))
      yield await this.#store.get(id);
  }

  async #exported(model: ModelRecord): Promise<ExportedModel> {
    const parents: ExportedParent[] = [];
    for (const derivation of await this.#store.parents(model.id)) {
      const parent = await this.#store.get(derivation.parent);
      parents.push({ derivation, model: parent, externals: await this.#externalsOf(parent.id) });
    }
    const externals = await this.#externalsOf(model.id);
    const known = new Set([model.id, ...parents.map((parent) => parent.model.id)]);
    const declared = await this.#declared(externals, known);
    return { model, labels: await this.#store.labelsOf(model.id), parents, externals, declared };
  }

  async #externalsOf(id: string): Promise<ExternalRecord[]> {
    this.#hasExternals ??= (await this.#store.externals().next()).done !== true;
    return this.#hasExternals ? this.#store.externalsOf(id) : [];
  }

  /** @param known  models of the store that need no declaration, for the store has a derivation */
  async #declared(
    children: readonly ExternalRecord[],
    known: ReadonlySet<string>,
  ): Promise<DeclaredParent[]> {
    const declared = new Map<string, DeclaredParent>();
    for (const child of children) {
      for (const declaration of await this.#store.declarations(child.id)) {
        const external = await this.#store.external(declaration.parent);
        if (external === null) continue;
        const resolution = await this.#store.resolutionOf(external);
        if (resolution !== null && known.has(resolution.id)) continue;
        if (resolution === null) this.#reach(external.id);
        const model = resolution === null ? null : await this.#store.get(resolution.id);
        declared.set(resolution?.id ?? external.id, { declaration, external, model });
      }
    }
    return [...declared.values()];
  }

  #reach(id: string): void {
    // All of them are exported anyway where there is no root.
    if (this.root === null || this.#reached.add(id).size <= externalWalkMax) return;
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `more than ${externalWalkMax} declared ancestors are in the export: leave the model out to export all`,
      { details: { externalsMax: externalWalkMax } },
    );
  }

  /** After `models`: external models that stand for no model of the store; with a root those that its lineage is declared to come from. */
  async *externals(): AsyncGenerator<ExportedExternal> {
    for await (const external of this.#externalRecords()) {
      this.#checkSignal();
      if ((await this.#store.resolutionOf(external)) !== null) continue;
      const declared = await this.#declared([external], new Set());
      this.counts.externals++;
      this.counts.declarations += declared.length;
      yield { external, declared };
    }
  }

  async *#externalRecords(): AsyncGenerator<ExternalRecord> {
    if (this.root === null) yield* this.#store.externals();
    // Grows while it is walked.
    else for (const id of this.#reached) yield (await this.#store.external(id))!;
  }

  #checkSignal(): void {
    if (!this.#signal?.aborted) return;
    throw new MendlineError("MENDLINE_TASK_ABORTED", "the export was cancelled", {
      cause: this.#signal.reason,
    });
  }
}

export function labelOf({ name, version }: ModelLabel): string {
  return `${name}@${version}`;
}

/** `name`, or `name@version` where there is one. */
export function externalLabel({ name, version }: ExternalRecord): string {
  return version === null ? name : `${name}@${version}`;
}
