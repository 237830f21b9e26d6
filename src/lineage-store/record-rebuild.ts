/**
 * A new database from salvaged records: what hangs together is taken over, and every index is made anew. What needs a lost record goes
 * with it, and is told.
 */
import { MendlineError } from "../errors.js";
import type { Database } from "./database.js";
import { Fields, hashBytes } from "./fields.js";
import { formHash, tagHash } from "./indexes.js";
import { journalCommit } from "./journal.js";
import { keyOf, partsOf } from "./keys.js";
import { ListRebuild } from "./list-rebuild.js";
import { LogRebuild } from "./log-rebuild.js";
import { pageCount, parametersOf } from "./models.js";
import { numberBytes, RebuildTarget, takenPrefix } from "./rebuild-target.js";
import type { SalvagedRecords } from "./record-salvage.js";
import { derivationFrom, type ModelRecord, modelFrom } from "./records.js";
import type { RepairFindings } from "./repair-findings.js";

export class RecordRebuild {
  readonly #target: RebuildTarget;
  #modelCount = 0;

  constructor(
    salvaged: SalvagedRecords,
    database: Database,
    findings: RepairFindings,
    signal: AbortSignal | undefined,
  ) {
    this.#target = new RebuildTarget(salvaged, database, findings, signal);
  }

  /** Everything but the objects' index and the journal. */
  async rebuild(): Promise<void> {
    await this.#models();
    await this.#labels();
    await this.#derivations();
    await new LogRebuild(this.#target).rebuild();
    await new ListRebuild(this.#target).rebuild();
  }

  // Models

  async #models(): Promise<void> {
    for await (const key of this.#target.keys("model")) {
      const [id] = partsOf("model", key);
      const model = this.#target.told(key, (value) => modelFrom(id, key, value));
      const taken = model === null ? null : Buffer.concat([takenPrefix, numberBytes(model.number)]);
      if (model === null || this.#target.notes.has(taken!)) {
        if (model !== null) this.#target.findings.lose(key, "has the place of another model");
        await this.#target.scratch.write([{ key, bytes: null }]);
        continue;
      }
      await this.#target.keep(key);
      this.#modelCount++;
      await this.#target.notes.put(taken!, hashBytes(id));
      for (const [name, text] of Object.entries(model.tags))
        await this.#target.index("tag", [tagHash(name, text), model.number], null);
      await this.#pages(model);
    }
    for await (const key of this.#target.keys("tensors")) {
      const [id] = partsOf("tensors", key);
      if (!this.#target.out.has(keyOf("model", id))) this.#target.findings.loseWith(key, `model ${id}`);
    }
  }

  async #pages(model: ModelRecord): Promise<void> {
    const { id, name, version, number } = model;
    const keys = Array.from({ length: pageCount(model.tensorCount, model.segmentCount) }, (_, page) =>
      keyOf("tensors", id, page),
    );
    try {
      const { tensors } = parametersOf(this.#target.scratch, model);
      for (const key of keys) await this.#target.keep(key);
      const form = formHash(tensors);
      if (form !== null) await this.#target.index("form", [form, number], null);
    } catch (error) {
      if (!(error instanceof MendlineError) || error.code !== "MENDLINE_STORE_CORRUPT") throw error;
      // A part of a list of tensors is none: the file brings all of it back.
      const problem = "the list of its tensors is damaged or missing";
      this.#target.findings.loseParameters({ id, name, version, problem });
    }
  }

  async #labels(): Promise<void> {
    for await (const key of this.#target.keys("label")) {
      const told = this.#target.told(key, (value) => {
        const fields = new Fields(key, value);
        return { id: fields.hash("id"), sequence: fields.number("sequence") };
      });
      if (told === null) continue;
      const model = this.#target.modelOf(told.id);
      if (model === null) this.#target.findings.loseWith(key, `model ${told.id}`);
      else {
        await this.#target.keep(key);
        await this.#listLabel(model, key, told.sequence);
      }
    }
    await this.#target.out.flush();
    for await (const key of this.#target.keys("model")) await this.#firstLabel(partsOf("model", key)[0]);
  }

  /** A model's own record tells its first label. */
  async #firstLabel(id: string): Promise<void> {
    const model = this.#target.modelOf(id)!;
    const key = keyOf("label", model.name, model.version);
    if (this.#target.out.has(key)) return;
    const { sequence } = this.#target.salvaged.orderOf(keyOf("model", id));
    const commit = sequence === null ? null : journalCommit(this.#target.scratch, sequence);
    const at = sequence ?? this.#target.salvaged.lastSequence + 1;
    await this.#target.rewrite(key, {
      id: hashBytes(id),
      atMs: commit?.atMs ?? model.createdMs,
      sequence: at,
    });
    await this.#listLabel(model, key, at);
    this.#target.findings.regain(key, this.#target.salvaged.namedCheck(key) !== null);
  }

  async #listLabel(model: ModelRecord, key: Buffer, sequence: number): Promise<void> {
    const [name, version] = partsOf("label", key);
    const order = this.#target.salvaged.orderOf(key).bytes;
    const value = JSON.stringify([name, version, sequence]);
    await this.#target.list("labels", [numberBytes(model.number), order, key], value);
    await this.#target.list("versions", [numberBytes(sequence), order, key], value);
  }

  async #derivations(): Promise<void> {
    for await (const key of this.#target.keys("derivation")) {
      const [parent, child] = partsOf("derivation", key);
      const derivation = this.#target.told(key, (value) => derivationFrom(key, value));
      if (derivation === null) continue;
      const ends = [derivation.parent, derivation.child] as const;
      const lost = ends.find((id, index) => this.#target.modelOf(id)?.number !== [parent, child][index]);
      if (lost !== undefined) {
        this.#target.findings.loseWith(key, `model ${lost}`);
        continue;
      }
      await this.#target.keep(key);
      const order = this.#target.salvaged.orderOf(key).bytes;
      await this.#target.list("parent", [numberBytes(child), order, numberBytes(parent)], String(parent));
      await this.#target.list("child", [numberBytes(parent), order, numberBytes(child)], String(child));
    }
  }

  // Objects (object-index.ts)

  /** Marks parameters as lost, if they are not gone already. */
  async loseParameters(model: ModelRecord, sequence: number, atMs: number): Promise<void> {
    await this.#target.rewrite(keyOf("presence", model.id, sequence), { state: "lost", atMs });
    await this.#target.notes.flush();
  }

  /** An object that a model refers to. */
  async addObject(object: string, byteLength: number): Promise<void> {
    await this.#target.index("object", [object], { byteLength });
  }

  knowsObject(object: string): boolean {
    return this.#target.out.has(keyOf("object", object));
  }

  async flush(): Promise<void> {
    await this.#target.flush();
  }

  get modelCount(): number {
    return this.#modelCount;
  }

  get target(): Database {
    return this.#target.database;
  }
}
