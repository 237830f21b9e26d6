/** Logs of a rebuilt database: closed up where an entry is lost, for their readers count on places without gaps. */
import type { Stored } from "./codec.js";
import { Fields, hashBytes } from "./fields.js";
import { describeKey, keyOf, partsOf, type RecordKind } from "./keys.js";
import { numberBytes, type RebuildTarget } from "./rebuild-target.js";

/** Logs whose places have no gaps. */
const logs = [
  "alias",
  "run",
  "request",
  "external",
  "declaration",
  "signature",
  "presence",
  "trial",
] as const satisfies readonly RecordKind[];
type Log = (typeof logs)[number];

/**
 *     scratch   "place/" key of an alias's entry -> its place in the new log
 *               "once/" content hash, external id -> null: said of each other before
 */
export class LogRebuild {
  readonly #target: RebuildTarget;

  constructor(target: RebuildTarget) {
    this.#target = target;
  }

  async rebuild(): Promise<void> {
    for (const log of logs) await this.#log(log);
    await this.#deliveries();
    await this.#monitors();
    await this.#target.notes.flush();
  }

  async #log(kind: Log): Promise<void> {
    let last: string | number | null = null;
    let place = 0;
    for await (const key of this.#target.keys(kind)) {
      const [log, stood] = partsOf(kind, key) as [string, number];
      if (log !== last) place = 0;
      const value = this.#target.told(key, (found) => new Fields(key, found) && found);
      const needed = value === null ? null : this.#neededBy(kind, key, value, place);
      if (needed !== null) this.#target.findings.loseWith(key, needed);
      if (value === null || needed !== null) {
        last = log;
        continue;
      }
      const at = keyOf(kind, log, place);
      if (stood === place) await this.#target.keep(key);
      else await this.#target.rewrite(at, value);
      if (kind === "alias") await this.#target.notes.put(placeKey(key), numberBytes(place));
      if (place === 0) await this.#begun(kind, log, key);
      if (kind === "external") await this.#named(log, key, value);
      place++;
      last = log;
    }
  }

  /** What a log's entry cannot be without, where that is lost. */
  #neededBy(kind: Log, key: Buffer, value: Stored, place: number): string | null {
    const [log, stood] = partsOf(kind, key) as [string, number];
    // Answers mean nothing without what was asked.
    if (kind === "request" && place === 0 && stood > 0) return `the question of label request ${log}`;
    let id: string | null = null;
    if (kind === "alias") id = new Fields(key, value).hash("id");
    if (kind === "signature" || kind === "presence") id = log;
    return id === null || this.#target.modelOf(id) !== null ? null : `model ${id}`;
  }

  async #begun(kind: Log, log: string, key: Buffer): Promise<void> {
    if (kind === "alias") await this.#target.index("aliases", [log], null);
    if (kind === "request")
      await this.#target.list("requests", [this.#target.salvaged.orderOf(key).bytes, Buffer.from(log)], log);
    if (kind === "run")
      await this.#target.list("runs", [this.#target.salvaged.orderOf(key).bytes, Buffer.from(log)], log);
  }

  async #named(id: string, key: Buffer, value: Stored): Promise<void> {
    const content = new Fields(key, value).hashOrNull("hash");
    if (content === null) return;
    const once = Buffer.concat([Buffer.from("once/", "latin1"), hashBytes(content), hashBytes(id)]);
    if (this.#target.notes.has(once)) return;
    await this.#target.notes.put(once, Buffer.of());
    const order = this.#target.salvaged.orderOf(key).bytes;
    await this.#target.list("named", [hashBytes(content), order, hashBytes(id)], id);
  }

  /** Told of a place in an alias's history: it goes where that went, or a webhook would be told of another deployment or of none. */
  async #deliveries(): Promise<void> {
    await this.#target.out.flush();
    await this.#target.notes.flush();
    for await (const key of this.#target.keys("delivery")) {
      const [webhook, alias, stood] = partsOf("delivery", key);
      const entry = keyOf("alias", alias, stood);
      const value = this.#target.told(key, (found) => new Fields(key, found) && found);
      if (value === null) continue;
      const place = this.#target.scratch.bytes(placeKey(entry))?.readUIntBE(0, 6);
      if (place === undefined) this.#target.findings.loseWith(key, describeKey(entry));
      else if (place === stood) await this.#target.keep(key);
      else await this.#target.rewrite(keyOf("delivery", webhook, alias, place), value);
    }
  }

  async #monitors(): Promise<void> {
    for (const kind of ["report", "monitor"] as const) {
      for await (const key of this.#target.keys(kind)) {
        if (this.#target.salvaged.isDropped(key)) continue;
        await this.#target.keep(key);
        const monitors = keyOf("monitors", partsOf(kind, key)[0]);
        if (kind === "monitor" && !this.#target.out.has(monitors))
          await this.#target.index("monitors", [partsOf(kind, key)[0]], null);
      }
    }
  }
}

function placeKey(entry: Buffer): Buffer {
  return Buffer.concat([Buffer.from("place/", "latin1"), entry]);
}
