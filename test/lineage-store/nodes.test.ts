/** Models by their numbers: sixteen lines of JSON in a record, written as models come. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nodesLengthMax } from "../../src/limits.js";
import { encodeRecord } from "../../src/lineage-store/codec.js";
import { keyOf, parseKey, type RecordKind } from "../../src/lineage-store/keys.js";
import { nodeFrom, nodeLine } from "../../src/lineage-store/nodes.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { repairStore } from "../../src/lineage-store/store-repair.js";
import type { Transaction } from "../../src/lineage-store/transaction.js";
import { rawRecords, tamper } from "./raw-store.js";
import { addAll, collect, emptyModel, failure, freshDir, idOf, withStore } from "./support.js";

/** Numbers in the keys of a kind. */
async function numbersOf(dir: string, kind: RecordKind): Promise<number[]> {
  const parsed = (await rawRecords(dir)).map(({ key }) => parseKey(key)!);
  return parsed.filter((one) => one.kind === kind).map(({ parts }) => parts[0] as number);
}

const range = (begin: number, end: number) =>
  Array.from({ length: end - begin }, (_, index) => begin + index);
const some = (begin: number, end: number) =>
  range(begin, end).map((index) => emptyModel("m", String(index), { metrics: { auc: index } }));

async function written(counts: readonly number[]): Promise<string> {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  let begin = 0;
  for (const count of counts) {
    await addAll(store, ...some(begin, begin + count));
    begin += count;
  }
  const versions = (await collect(store.models())).map(({ version }) => Number(version));
  assert.equal(versions, range(0, begin));
  await store.verifyJournal();
  await store.close();
  return dir;
}

test("models stand alone until there are sixteen, however they came", async () => {
  for (const counts of [[50], [15, 35], [1, 14, 1, 17, 17], Array(50).fill(1)]) {
    const dir = await written(counts);
    assert.equal(await numbersOf(dir, "nodes"), [0, 1, 2], counts.join(" "));
    assert.equal(await numbersOf(dir, "single"), [48, 49]);
  }
  assert.equal(await numbersOf(await written([16]), "single"), []);
});

test("the numbers go on after the store was opened again", () =>
  withStore(async (store, reopen) => {
    await addAll(store, ...some(0, 16));
    const opened = await reopen();
    await addAll(opened, ...some(16, 17));
    const again = await reopen();
    await addAll(again, ...some(17, 18));
    assert.equal(
      (await collect(again.models())).map(({ number }) => number),
      range(0, 18),
    );
  }));

test("models whose text would make the record large stand alone for good", () =>
  withStore(async (store, reopen, dir) => {
    const tags = { note: "x".repeat(nodesLengthMax / 16) };
    await addAll(store, ...range(0, 16).map((index) => emptyModel("m", String(index), { tags })));
    await addAll(store, ...some(16, 33));
    const opened = await reopen();
    assert.is((await collect(opened.models())).length, 33);
    await opened.verifyJournal();
    await opened.close();
    assert.equal(await numbersOf(dir, "nodes"), [1]);
    assert.equal(await numbersOf(dir, "single"), [...range(0, 16), 32]);
  }));

test("a line says what the model's own record says, whatever its text is", () =>
  withStore(async (store, reopen) => {
    const tags = { __proto__: "no", "\ud800": 'half "\ud800" of a pair', "\\ud83d": "\\udead\n", π: "😀" };
    const odd = emptyModel("odd", "1", {
      tags: JSON.parse(JSON.stringify(tags)) as Record<string, string>,
      metrics: { zero: -0, tiny: 5e-324, third: 1 / 3, __proto__: 1 },
      task: { features: ["b", "a"], label: null, kind: "regression" },
      signature: idOf("profile"),
      createdMs: 3,
    });
    await addAll(store, odd);
    const own = await store.get(odd.id);
    const [line] = await collect((await reopen()).models());
    assert.equal(line, own);
    assert.equal(Object.keys(line!.tags).sort(), Object.keys(own.tags).sort());
  }));

async function rawLine(add: (tx: Transaction) => void): Promise<string> {
  const dir = freshDir();
  const store = await LineageStore.open(dir, { nowMs: () => 5 });
  await store.commit(add);
  await store.verifyJournal();
  await store.close();
  const { value } = (await rawRecords(dir)).find(({ key }) => key.equals(keyOf("single", 0)))!;
  return value.toString("hex");
}

test("the same model makes the same line, whatever order a caller gives, whatever else, and what he does with it later", async () => {
  const task = { features: ["a"], label: "y", kind: "regression" } as const;
  const given = { tags: { a: "1", b: "2" }, metrics: { x: 1, y: 2 }, task };
  const expected = await rawLine((tx) => tx.addModel(emptyModel("m", "1", given)));
  const turned = { tags: { b: "2", a: "1" }, metrics: { y: 2, x: 1 }, task: { of: 2, ...task } };
  assert.is(await rawLine((tx) => tx.addModel(emptyModel("m", "1", turned))), expected);
  const changed = { ...given, tags: { ...given.tags } as Record<string, string> };
  const line = await rawLine((tx) => {
    tx.addModel(emptyModel("m", "1", changed));
    changed.tags.a = "other";
  });
  assert.is(line, expected);
});

test("a line that does not say what it should is damage, and no undefined further on", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("m"));
    const model = await store.get(idOf("m@1"));
    const line = nodeLine(model, [1]);
    assert.equal(nodeFrom(0, line), { parents: [1], model });
    const broken = [
      line.slice(1),
      "null",
      "[]",
      "[[],{}]",
      line.replace("[1]", '["1"]'),
      line.replace('"number":0', '"number":1'),
      line.replace('"tags":{}', '"tags":[]'),
      line.replace('"createdMs":', '"was":'),
    ];
    for (const text of broken) {
      assert.is.not(text, line);
      assert.throws(() => nodeFrom(0, text), /single 0 does not say what it should/, text);
    }
    const task = { features: ["a"], label: "y", kind: "regression" } as const;
    const files = [{ name: "m.onnx", byteLength: 0, sha256: idOf("file") }];
    const told = nodeLine({ ...model, files, task }, []);
    assert.equal(nodeFrom(0, told).model, { ...model, files, task });
    for (const member of ["sha256", "features", "kind", "label"])
      assert.throws(() => nodeFrom(0, told.replace(`"${member}":`, '"x":')), /does not say/, member);
  }));

async function tampered(change: { key: Buffer; value: Buffer | null }): Promise<LineageStore> {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  await addAll(store, ...some(0, 20));
  await store.commit((tx) =>
    tx.addDerivation({ parent: idOf("m@1"), child: idOf("m@2"), transformation: "other" }),
  );
  await store.close();
  await tamper(dir, [change]);
  return LineageStore.open(dir);
}

test("a check finds sixteen that are missing, too few, or other ones, and a mark of later parents that is gone", async () => {
  const nodes = keyOf("nodes", 0);
  const changes: [key: Buffer, value: unknown, told: RegExp][] = [
    [nodes, undefined, /single 0 is not the model/],
    [nodes, "a\nb", /nodes 0 has 2 lines instead of 16/],
    [nodes, 7, /nodes 0 has 0 lines/],
    [keyOf("single", 17), ["x"], /single 17 is no text/],
    [keyOf("late", 0), undefined, /late 0 is missing/],
  ];
  for (const [key, value, told] of changes) {
    const store = await tampered({ key, value: value === undefined ? null : encodeRecord(key, value) });
    const error = await failure("MENDLINE_STORE_CORRUPT", () =>
      store.checked((_database, _files, verify) => verify()),
    );
    assert.match(error.message, told);
    await store.close();
  }
});

test("a damaged line keeps nobody from adding models, and a repair puts all together", async () => {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  await addAll(store, ...some(0, 10));
  await store.close();
  const damaged = keyOf("single", 3);
  await tamper(dir, [{ key: damaged, value: Buffer.from("no record") }]);
  const opened = await LineageStore.open(dir);
  await addAll(opened, ...some(10, 33));
  const error = await failure("MENDLINE_STORE_CORRUPT", () => opened.verifyJournal());
  assert.match(error.message, "single 3");
  await opened.close();
  assert.equal(await numbersOf(dir, "nodes"), [1]);
  assert.equal(await numbersOf(dir, "single"), [...range(0, 16), 32]);
  assert.equal((await repairStore(dir)).lost, []);
  assert.equal(await numbersOf(dir, "nodes"), [0, 1]);
  const repaired = await LineageStore.open(dir);
  await repaired.verifyJournal();
  await repaired.close();
});

test("a parent that comes later is seen by those who walked before", () =>
  withStore(async (store, reopen) => {
    await addAll(store, ...some(0, 40));
    const parents = async (from: LineageStore, child: number) =>
      (await collect(from.ancestors(idOf(`m@${child}`)))).map(({ id }) => id);
    assert.equal(await parents(store, 2), []);
    for (const [parent, child] of [
      [30, 2],
      [31, 2],
      [39, 38],
    ])
      await store.commit((tx) =>
        tx.addDerivation({ parent: idOf(`m@${parent}`), child: idOf(`m@${child}`), transformation: "other" }),
      );
    for (const open of [async () => store, reopen]) {
      const opened = await open();
      assert.equal(await parents(opened, 2), [idOf("m@30"), idOf("m@31")]);
      assert.equal(await parents(opened, 38), [idOf("m@39")]);
      assert.equal(await parents(opened, 3), []);
    }
  }));

test.run();
