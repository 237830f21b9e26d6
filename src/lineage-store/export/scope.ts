/** What an export holds: every model, or one and its ancestors; one model at a time, so that memory does not grow with the lineage. */
import { MendlineError } from "../../errors.js";
import type { DerivationRecord, ModelLabel, ModelRecord } from "../records.js";
import type { LineageStore } from "../store.js";

export interface ExportedParent {
  readonly derivation: DerivationRecord;
  readonly model: ModelRecord;
}

export interface ExportedModel {
  readonly model: ModelRecord;
  /** Its own name and version first. */
  readonly labels: readonly ModelLabel[];
  readonly parents: readonly ExportedParent[];
}

/** What was exported so far. */
export interface ExportCounts {
  models: number;
  derivations: number;
}

export class ExportScope {
  /** Id of the model that is exported with its ancestors; null for the whole lineage. */
  readonly root: string | null;
  readonly counts: ExportCounts = { models: 0, derivations: 0 };
  readonly #store: LineageStore;
  readonly #signal: AbortSignal | undefined;

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
      const exported = await this.#withParents(model);
      this.counts.models++;
      this.counts.derivations += exported.parents.length;
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

  async #withParents(model: ModelRecord): Promise<ExportedModel> {
    const parents: ExportedParent[] = [];
    for (const derivation of await this.#store.parents(model.id))
      parents.push({ derivation, model: await this.#store.get(derivation.parent) });
    return { model, labels: await this.#store.labelsOf(model.id), parents };
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
