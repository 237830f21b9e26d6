/** Random histories, and the comparison of two stores that went through the same one. */
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import type { ContractStore, ContractTransaction } from "../../src/lineage-store/contract/store.js";
import type { RelativeOptions } from "../../src/lineage-store/reader.js";
import type { NewModel } from "../../src/lineage-store/records.js";
import type { ModelFilter } from "../../src/lineage-store/search.js";
import { collect, emptyModel, idOf } from "./support.js";

/** Few nodes and names, so that everything meets everything. */
export const nodeCount = 9;
const names = ["a", "b", "__proto__"];
const sites = ["north", "south"];
const kinds = ["fine-tuning", "pruning", "merge"] as const;
const monitors = ["m", "n"];
const aliases = ["prod", "edge"];

/** What one number from 0 to 2^32 - 1 stands for; any number is an operation. */
export type Operation = number;

export const nodeId = (index: number) => idOf(`node ${index}`);

/** Takes digits of mixed base off a number. */
class Digits {
  #rest: number;

  constructor(number: number) {
    this.#rest = number;
  }

  next(base: number): number {
    const digit = this.#rest % base;
    this.#rest = Math.floor(this.#rest / base);
    return digit;
  }
}

function perform(tx: ContractTransaction, operation: Operation): void {
  const digits = new Digits(operation);
  const kind = digits.next(12);
  const node = digits.next(nodeCount);
  if (kind < 4) {
    tx.addModel(plainNode(node, names[digits.next(3)]!, `${digits.next(3)}`));
  } else if (kind < 9) {
    const parameters = { sparsity: digits.next(2) / 2 };
    const transformation = kinds[digits.next(3)]!;
    const child = nodeId(digits.next(nodeCount));
    tx.addDerivation({ parent: nodeId(node), child, transformation, parameters });
  } else if (kind < 10) tx.setAlias({ alias: aliases[digits.next(2)]!, id: nodeId(node), reason: "test" });
  else if (kind < 11) tx.appendRun(`run ${node % 3}`, `step ${digits.next(5)}`, { node });
  else {
    tx.appendReport(monitors[digits.next(2)]!, { node });
    tx.putMonitor(monitors[digits.next(2)]!, { node });
  }
}

/** Every node that an operation can speak of: with them all there, most edges are possible. */
export function addNodes(tx: ContractTransaction): void {
  for (let node = 0; node < nodeCount; node++) tx.addModel(plainNode(node, names[node % 3]!, `n${node}`));
}

/** The content of a node never changes; its name may be any. */
function plainNode(node: number, name: string, version: string): NewModel {
  const tags = { site: sites[node % 2]!, odd: `${node % 3}` };
  return emptyModel(name, version, {
    id: nodeId(node),
    tags,
    metrics: { auc: node / nodeCount },
  });
}

/** An operation's result within a commit; a refusal is caught there, and the commit goes on. */
export function outcome(tx: ContractTransaction, operation: Operation): string {
  try {
    perform(tx, operation);
    return "ok";
  } catch (error) {
    return error instanceof MendlineError ? error.code : String(error);
  }
}

/** A history that any process can make again: operations of the commit with this index. */
export function seededBatch(seed: number, index: number): Operation[] {
  let state = (seed * 0x9e3779b1 + index * 0x85ebca6b) >>> 0;
  // xorshift32, Marsaglia 2003.
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  random();
  return Array.from({ length: 1 + (random() % 6) }, random);
}

const filters: ModelFilter[] = [
  {},
  { name: "b" },
  { name: "__proto__" },
  { tags: { site: "north" } },
  { tags: { site: "south", odd: "1" }, name: "a" },
  { metrics: [{ metric: "auc", comparison: ">=", value: 0.4 }] },
];
const walks: RelativeOptions[] = [
  {},
  { maxDistance: 2 },
  { limit: 2 },
  { transformations: ["pruning", "merge"] },
  { name: "a" },
  { tags: { odd: "0" }, limit: 1 },
];

/** Asks both everything; what they answer must be the same, order included. */
export async function assertSame(store: ContractStore, model: ContractStore): Promise<void> {
  const both = async <T>(ask: (one: ContractStore) => Promise<T>): Promise<T> => {
    const expected = await ask(model);
    assert.equal(await ask(store), expected);
    return expected;
  };
  const models = await both((one) => collect(one.models()));
  await both((one) => collect(one.derivations()));
  for (const filter of filters) await both((one) => collect(one.search(filter)));
  for (const name of names) {
    const versions = await both((one) => collect(one.versionsOf(name)));
    for (const { version, id } of versions) assert.is(await store.resolve(`${name}@${version}`), id);
  }
  for (const { id } of models) {
    await both((one) => one.labelsOf(id));
    await both((one) => one.parents(id));
    await both((one) => collect(one.children(id)));
    await both((one) => collect(one.children(id, { transformation: "merge" })));
    for (const walk of walks) {
      await both((one) => collect(one.ancestors(id, walk)));
      await both((one) => collect(one.descendants(id, walk)));
    }
    await both((one) => one.nearestAncestor(id, ({ metrics }) => metrics.auc! < 0.4));
    await both((one) => one.nearestDescendant(id, ({ tags }) => tags.site === "north"));
    for (const { id: other } of models) {
      await both((one) => one.isAncestor(id, other));
      await both((one) => one.path(id, other));
      await both((one) => one.path(id, other, { maxDistance: 2 }));
      await both((one) => one.commonAncestors([id, other]));
    }
    await both((one) => one.commonAncestors([id, models[0]!.id, models.at(-1)!.id]));
  }
  await both((one) => collect(one.aliases()));
  for (const alias of aliases) await both((one) => collect(one.aliasHistory(alias)));
  const runs = await both((one) => collect(one.listRuns()));
  for (const { runId } of runs) await both((one) => one.run(runId));
  for (const key of monitors) await both((one) => collect(one.reports(key)));
  await both((one) => collect(one.listMonitors()));
}
