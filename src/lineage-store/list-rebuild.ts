/** Indexes of a rebuilt database that are lists: of several records, in the order in which these came. */
import { hashBytes } from "./fields.js";
import { journalCommit } from "./journal.js";
import { keyOf, kindOf, type RecordKind, rangeOf } from "./keys.js";
import { findModel } from "./models.js";
import { NodeIndex } from "./nodes.js";
import { type RebuildTarget, takenPrefix } from "./rebuild-target.js";
import type { ModelRecord } from "./records.js";
import { neighbours } from "./walk.js";

export class ListRebuild {
  readonly #target: RebuildTarget;

  constructor(target: RebuildTarget) {
    this.#target = target;
  }

  /** When all that is listed is written, or noted. */
  async rebuild(): Promise<void> {
    await this.#lists();
    await this.#target.out.flush();
    await this.#nodes();
    await this.#target.out.flush();
  }

  async #lists(): Promise<void> {
    const groups: { [K in RecordKind]?: number } = { labels: 6, parent: 6, child: 6, named: 32 };
    for (const kind of ["labels", "parent", "child", "named"] as const) {
      let last = "";
      let place = 0;
      for await (const { group, value } of this.#target.sorted(kind, groups[kind]!)) {
        if (group !== last) place = 0;
        last = group;
        const bytes = Buffer.from(group, "latin1");
        if (kind === "named")
          await this.#target.index(kind, [bytes.toString("hex"), place++], hashBytes(value));
        else await this.#target.index(kind, [bytes.readUIntBE(0, 6), place++], listValue(kind, value));
      }
    }
    await this.#versions();
    let number = 0;
    for await (const { value } of this.#target.sorted("runs", 0))
      await this.#target.index("runs", [number++], { runId: value });
    number = 0;
    for await (const { value } of this.#target.sorted("requests", 0))
      await this.#target.index("requests", [number++], { requestId: value });
  }

  async #nodes(): Promise<void> {
    const index = new NodeIndex();
    for await (const taken of this.#target.scratch.keys(rangeOf(takenPrefix))) {
      this.#target.checkSignal();
      const model = findModel(this.#target.database, this.#target.scratch.bytes(taken)!.toString("hex"));
      if (model !== null) await this.#target.indexWrites(index.add(model, ...this.#parentsOf(model)));
    }
    await this.#target.indexWrites(index.end());
  }

  /** The parents that came in a model's own commit, and whether others came later. */
  #parentsOf({ id, number }: ModelRecord): [parents: number[], isLate: boolean] {
    const { sequence } = this.#target.salvaged.orderOf(keyOf("model", id));
    const parents: number[] = [];
    for (const parent of neighbours(this.#target.database, "parent", number)) {
      const derivation = keyOf("derivation", parent, number);
      if (this.#target.salvaged.orderOf(derivation).sequence !== sequence) return [parents, true];
      parents.push(parent);
    }
    return [parents, false];
  }

  async #versions(): Promise<void> {
    let last = -1;
    let places = new Map<string, number>();
    for await (const { value } of this.#target.sorted("versions", 0)) {
      const [name, version, sequence] = JSON.parse(value) as [string, string, number];
      if (sequence !== last) places = this.#labelPlaces(sequence);
      last = sequence;
      const label = keyOf("label", name, version).toString("latin1");
      const place = places.get(label) ?? places.size;
      places.set(label, place);
      await this.#target.index("versions", [name, sequence, place], version);
    }
  }

  /** The labels of a commit, those that are lost as well; none where the commit is. */
  #labelPlaces(sequence: number): Map<string, number> {
    const { scratch } = this.#target;
    if (!scratch.has(keyOf("journal", sequence))) return new Map();
    const labels = journalCommit(scratch, sequence).changes.filter(({ key }) => kindOf(key) === "label");
    return new Map(labels.map(({ key }, place) => [key.toString("latin1"), place]));
  }
}

function listValue(kind: "labels" | "parent" | "child", value: string): unknown {
  if (kind !== "labels") return Number(value);
  const [name, version] = JSON.parse(value) as [string, string];
  return { name, version };
}
