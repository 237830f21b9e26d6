/** Random histories against a model of the store that is a handful of maps. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import type { Transaction } from "../../src/lineage-store/transaction.js";
import { collect, emptyModel, idOf, withStore } from "./support.js";

type Operation =
  | { kind: "model"; node: number; name: string; version: string }
  | { kind: "edge"; parent: number; child: number; sparsity: number }
  | { kind: "alias"; alias: string; node: number }
  | { kind: "report"; monitor: string }
  | { kind: "reopen" };

const node = fc.nat({ max: 7 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("model" as const),
      node,
      name: fc.constantFrom("a", "b", "__proto__"),
      version: fc.constantFrom("1", "2", "3"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("edge" as const),
      parent: node,
      child: node,
      sparsity: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("alias" as const),
      alias: fc.constantFrom("prod", "edge"),
      node,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("report" as const), monitor: fc.constantFrom("m", "n") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
);

const id = (index: number) => idOf(`node ${index}`);

/** The same rules, said as simply as can be. Codes of refusals are results. */
class Oracle {
  readonly nodes: number[] = [];
  readonly labels = new Map<string, number>();
  readonly edges: { parent: number; child: number; sparsity: number }[] = [];
  readonly aliases = new Map<string, number[]>();
  readonly reports = new Map<string, number>();

  apply(op: Operation): string {
    if (op.kind === "model") return this.model(op.node, `${op.name}@${op.version}`);
    if (op.kind === "edge") return this.edge(op);
    if (op.kind === "alias") return this.alias(op.alias, op.node);
    if (op.kind === "report") this.reports.set(op.monitor, (this.reports.get(op.monitor) ?? 0) + 1);
    return "ok";
  }

  model(index: number, label: string): string {
    const holder = this.labels.get(label);
    if (holder !== undefined && holder !== index) return "MENDLINE_STORE_CONFLICT";
    this.labels.set(label, index);
    if (!this.nodes.includes(index)) this.nodes.push(index);
    return "ok";
  }

  edge({ parent, child, sparsity }: { parent: number; child: number; sparsity: number }): string {
    if (!this.nodes.includes(parent) || !this.nodes.includes(child)) return "MENDLINE_STORE_UNKNOWN";
    const existing = this.edges.find((edge) => edge.parent === parent && edge.child === child);
    if (existing !== undefined) return existing.sparsity === sparsity ? "ok" : "MENDLINE_STORE_CONFLICT";
    if (parent === child || this.distances(parent, "parent").has(child)) return "MENDLINE_STORE_CYCLE";
    this.edges.push({ parent, child, sparsity });
    return "ok";
  }

  alias(alias: string, index: number): string {
    if (!this.nodes.includes(index)) return "MENDLINE_STORE_UNKNOWN";
    this.aliases.set(alias, [index, ...(this.aliases.get(alias) ?? [])]);
    return "ok";
  }

  distances(start: number, towards: "parent" | "child"): Map<number, number> {
    const from = towards === "parent" ? "child" : "parent";
    const distances = new Map([[start, 0]]);
    for (const [current, distance] of distances) {
      for (const edge of this.edges) {
        if (edge[from] === current && !distances.has(edge[towards]))
          distances.set(edge[towards], distance + 1);
      }
    }
    distances.delete(start);
    return distances;
  }

  /** In the order that the store promises. */
  relatives(start: number, towards: "parent" | "child"): { id: string; distance: number }[] {
    const order = (index: number) => this.nodes.indexOf(index);
    return [...this.distances(start, towards)]
      .sort(([left, near], [right, far]) => near - far || order(left) - order(right))
      .map(([index, distance]) => ({ id: id(index), distance }));
  }
}

function perform(tx: Transaction, op: Operation): void {
  if (op.kind === "model") tx.addModel(emptyModel(op.name, op.version, { id: id(op.node) }));
  if (op.kind === "alias") tx.setAlias({ alias: op.alias, id: id(op.node), reason: "test" });
  if (op.kind === "report") tx.appendReport(op.monitor, {});
  if (op.kind === "edge") {
    const { parent, child, sparsity } = op;
    tx.addDerivation({
      parent: id(parent),
      child: id(child),
      transformation: "pruning",
      parameters: { sparsity },
    });
  }
}

/** The operation's result within a commit; a refusal is caught there, and the commit goes on. */
function outcome(tx: Transaction, op: Operation): string {
  try {
    perform(tx, op);
    return "ok";
  } catch (error) {
    return error instanceof MendlineError ? error.code : String(error);
  }
}

async function compare(store: LineageStore, oracle: Oracle): Promise<void> {
  assert.equal(
    (await collect(store.models())).map((model) => model.id),
    oracle.nodes.map(id),
  );
  for (const [label, index] of oracle.labels) assert.is(await store.resolve(label), id(index));
  for (const index of oracle.nodes) {
    const labels = (await store.labelsOf(id(index))).map(({ name, version }) => `${name}@${version}`);
    assert.equal(
      labels,
      [...oracle.labels].filter(([, holder]) => holder === index).map(([label]) => label),
    );
    assert.equal(await collect(store.ancestors(id(index))), oracle.relatives(index, "parent"));
    assert.equal(await collect(store.descendants(id(index))), oracle.relatives(index, "child"));
    const parents = (await store.parents(id(index))).map(({ parent, parameters }) => [
      parent,
      parameters.sparsity,
    ]);
    const expected = oracle.edges.filter(({ child }) => child === index);
    assert.equal(
      parents,
      expected.map(({ parent, sparsity }) => [id(parent), sparsity]),
    );
  }
  for (const [alias, history] of oracle.aliases)
    assert.equal(
      (await collect(store.aliasHistory(alias))).map((entry) => entry.id),
      history.map(id),
    );
  for (const [monitor, count] of oracle.reports)
    assert.is((await collect(store.reports(monitor))).length, count);
  await store.verifyJournal();
}

test("random histories, in commits of one and of many, with reopening", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(operation, { minLength: 1, maxLength: 6 }), { maxLength: 14 }),
      (batches) =>
        withStore(async (first, reopen) => {
          let store = first;
          const oracle = new Oracle();
          for (const batch of batches) {
            const outcomes = await store.commit((tx) => batch.map((op) => outcome(tx, op)));
            assert.equal(
              outcomes,
              batch.map((op) => oracle.apply(op)),
            );
            if (batch.some(({ kind }) => kind === "reopen")) store = await reopen();
          }
          await compare(store, oracle);
        }),
    ),
    { numRuns: 40 },
  ));

test.run();
