/** A check of a store lists every bit that was flipped in records and objects, at one go, and says what is lost with each. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findingsMax } from "../../src/limits.js";
import { describeKey, indexKinds, journaledKinds, keyOf, parseKey } from "../../src/lineage-store/keys.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { type CheckedModel, checkStore } from "../../src/lineage-store/store-check.js";
import { repairStore } from "../../src/lineage-store/store-repair.js";
import { rawRecords, tamper, traces } from "./raw-store.js";
import { packing, seededNumbers, writeRichStore } from "./rich-store.js";
import { addAll, emptyModel, failure, freshDir, idOf, plainDeltas } from "./support.js";

const rich = freshDir();
await writeRichStore(rich);
const deltas = plainDeltas();

function copyOfRich(): string {
  const dir = freshDir();
  cpSync(rich, dir, { recursive: true });
  return dir;
}

const richRecords = await rawRecords(copyOfRich());
const isIndex = (key: Buffer) => indexKinds.includes(parseKey(key)!.kind);

function flipped(bytes: Buffer, bit: number): Buffer {
  const other = Buffer.from(bytes);
  other[bit >> 3]! ^= 1 << (bit & 7);
  return other;
}

function flipFile(path: string, random: (bound: number) => number): void {
  const bytes = readFileSync(path);
  writeFileSync(path, flipped(bytes, random(bytes.length * 8)));
}

const objectFiles = (dir: string) =>
  (readdirSync(join(dir, "objects"), { recursive: true }) as string[])
    .filter((name) => name.length > 10)
    .sort();
const hashOf = (name: string) => name.replace("/", "").replace(".packed", "");

async function resolved(dir: string, ref: string): Promise<string> {
  const store = await LineageStore.open(dir, { ...packing(), create: false });
  try {
    return await store.resolve(ref);
  } finally {
    await store.close();
  }
}

test("a sound store: everything was read, and nothing is listed", async () => {
  const dir = copyOfRich();
  const models: CheckedModel[] = [];
  const check = await checkStore(dir, { deltas, onModel: (model) => models.push(model) });
  assert.is(check.isSound, true, JSON.stringify(check));
  assert.equal(check.damage, { files: [], records: [], objects: [], unlisted: { records: 0, objects: 0 } });
  assert.is(models.length, 18);
  assert.ok(models.every(({ problem }) => problem === null));
  const store = await LineageStore.open(dir, packing());
  assert.equal(check.journal, await store.verifyJournal());
  await store.close();
  await failure("MENDLINE_TASK_ABORTED", () => checkStore(dir, { deltas, signal: AbortSignal.abort() }));
  await failure("MENDLINE_STORE_UNKNOWN", () => checkStore(dir, { deltas, ref: "nobody@1" }));
  await failure("MENDLINE_STORE_UNKNOWN", () => checkStore(freshDir(), { deltas }));
});

test("a bit in each of 20 records, of any kind: all are listed, and no other as damaged", async () => {
  const random = seededNumbers(31);
  const kinds = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const dir = copyOfRich();
    const hit = new Map<string, Buffer>();
    while (hit.size < 20) {
      const { key } = richRecords[random(richRecords.length)]!;
      hit.set(describeKey(key), key);
    }
    const changes = richRecords
      .filter(({ key }) => hit.has(describeKey(key)))
      .map(({ key, value }) => ({ key, value: flipped(value, random(value.length * 8)) }));
    await tamper(dir, changes);
    const before = traces(dir);
    const { isSound, damage } = await checkStore(dir, { deltas });
    // It was opened: LevelDB's own notes and its LOCK are not looked at.
    assert.equal(traces(dir).filter(isData), before.filter(isData));
    assert.is(isSound, false);
    await repairStore(dir, { deltas });
    const left = new Set((await rawRecords(dir)).map(({ key }) => describeKey(key)));
    // An index record of something that is lost has nothing to index any more.
    const expected = [...hit].filter(([name, key]) => !isIndex(key) || left.has(name)).map(([name]) => name);
    const damaged = damage.records.filter((one) => one.isDamaged).map(({ record }) => record);
    assert.equal([...new Set(damaged)].sort(), expected.sort(), `round ${round}`);
    for (const { kind, lost, remedy, isDamaged } of damage.records) {
      const isOfIndex = indexKinds.includes(kind);
      assert.is(lost === null, isOfIndex);
      if (isOfIndex) assert.match(remedy!, "`mendline lineage repair`");
      if (isDamaged) kinds.add(kind);
    }
    assert.equal([damage.objects, damage.unlisted], [[], { records: 0, objects: 0 }]);
  }
  assert.ok(kinds.size > (journaledKinds.length + indexKinds.length) / 2, [...kinds].join(" "));
});

/** Without the files that LevelDB writes when it is opened and closed again. */
function isData(trace: string): boolean {
  return /^(?:objects|FORMAT)/.test(trace);
}

test("20 bits at once, anywhere: every object that was hit, every file, and what a repair then loses", async () => {
  const random = seededNumbers(77);
  for (let round = 0; round < 8; round++) {
    const dir = copyOfRich();
    const objects = objectFiles(dir);
    const databases = readdirSync(join(dir, "db")).filter((name) => /\.(?:ldb|log)$/.test(name));
    const [hitObjects, hitFiles] = [new Set<string>(), new Set<string>()];
    for (let flip = 0; flip < 20; flip++) {
      const names = flip % 4 === 0 ? databases : objects;
      const name = names[random(names.length)]!;
      // Twice the same file could hit the same bit.
      if (hitObjects.has(hashOf(name)) || hitFiles.has(name)) continue;
      flipFile(join(dir, flip % 4 === 0 ? "db" : "objects", name), random);
      if (flip % 4 === 0) hitFiles.add(name);
      else hitObjects.add(hashOf(name));
    }
    const before = traces(dir);
    const { damage } = await checkStore(dir, { deltas });
    assert.equal(traces(dir), before);
    const named = new Set(damage.files.map(({ path }) => path.slice(path.lastIndexOf("/") + 1)));
    for (const name of named) assert.ok(hitFiles.has(name), name);
    // The padding of a table's footer counts for nothing.
    assert.ok(named.size >= hitFiles.size - 1, [...hitFiles].join(" "));
    const found = damage.objects.map(({ object }) => object);
    assert.equal([...found].sort(), [...hitObjects].sort());
    const repair = await repairStore(dir, { deltas, checkObjects: true });
    const lost = damage.records.filter((one) => one.lost !== null && !one.record.startsWith("journal "));
    const repairLost = repair.lost.filter(({ record }) => !record.startsWith("object "));
    for (const { record } of repairLost)
      assert.ok(
        lost.some((one) => one.record === record),
        record,
      );
  }
});

test("a damaged base: it is named alone, with every model whose tensors stand on it", async () => {
  const dir = copyOfRich();
  const store = await LineageStore.open(dir, packing());
  const m1 = await store.resolve("m@1");
  const { object } = (await store.parameters(m1)).tensors[0]!;
  await store.close();
  const name = objectFiles(dir).find((one) => hashOf(one) === object)!;
  flipFile(join(dir, "objects", name), seededNumbers(3));
  const problems = new Map<string, string | null>();
  const { journal, damage } = await checkStore(dir, {
    deltas,
    onModel: (model) => problems.set(`${model.name}@${model.version}`, model.problem),
  });
  assert.ok(journal !== null);
  assert.equal(
    damage.objects.map((one) => one.object),
    [object!],
  );
  const uses = damage.objects[0]!.uses.map((use) => [`${use.name}@${use.version}`, use.part, use.tensors]);
  assert.equal(uses[0], ["m@1", "tensors", ["t"]]);
  assert.ok(uses.length > 1 && uses.every(([, part]) => part === "tensors"), JSON.stringify(uses));
  for (const [model, problem] of problems)
    assert.is(
      problem !== null,
      uses.some(([used]) => used === model),
      model,
    );
  const one = await checkStore(dir, { deltas, ref: "other@1" });
  assert.is(one.isSound, true);
});

test("the whole file is gone, the names of models, and FORMAT: each is told, the rest goes on", async () => {
  const dir = copyOfRich();
  const m3 = await resolved(dir, "m@3");
  const format = join(dir, "FORMAT");
  writeFileSync(format, readFileSync(format, "utf8").replace("schema", "schemb"));
  rmSync(join(dir, "objects", objectFiles(dir)[0]!));
  await tamper(dir, [{ key: keyOf("model", m3), value: Buffer.from("no record") }]);
  const { damage } = await checkStore(dir, { deltas });
  assert.equal(
    damage.files.map(({ path }) => path),
    [format],
  );
  const model = damage.records.find(({ kind }) => kind === "model")!;
  assert.is(model.lost, `the model ${m3}: its file, and all that is known of it`);
  const dependents = damage.records.filter(({ isDamaged }) => !isDamaged);
  assert.ok(dependents.some(({ record }) => record === 'label "m" "3"'));
  assert.ok(dependents.some(({ lost }) => /^what alias prod stands for/.test(lost!)));
  assert.ok(dependents.filter(({ kind }) => kind === "derivation").length === 2);
  assert.is(damage.objects.length, 1);
  assert.is(damage.objects[0]!.problem, "is missing");
});

test("a torn end of the log: a crash's, which is none, or one with which a commit is gone", async () => {
  const logOf = (dir: string) =>
    join(dir, "db", readdirSync(join(dir, "db")).find((name) => name.endsWith(".log"))!);
  const crashed = copyOfRich();
  writeFileSync(logOf(crashed), Buffer.concat([readFileSync(logOf(crashed)), Buffer.from("half a rec")]));
  const harmless = await checkStore(crashed, { deltas });
  assert.is(harmless.isSound, true, JSON.stringify(harmless.damage));
  const dir = copyOfRich();
  const bytes = readFileSync(logOf(dir));
  writeFileSync(logOf(dir), flipped(bytes, (bytes.length - 20) * 8));
  const { damage } = await checkStore(dir, { deltas });
  assert.match(damage.files[0]!.problem, /^is damaged from byte \d+ to its end$/);
  assert.equal(
    damage.records.map(({ kind }) => kind),
    ["journal"],
  );
});

test("more damage than is listed is counted", async () => {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  const count = findingsMax + 50;
  await addAll(store, ...Array.from({ length: count }, (_, index) => emptyModel(`m${index}`)));
  await store.close();
  const changes = Array.from({ length: count }, (_, index) => ({
    key: keyOf("model", idOf(`m${index}@1`)),
    value: Buffer.from("no record"),
  }));
  await tamper(dir, changes);
  const { damage } = await checkStore(dir, { deltas });
  assert.is(damage.records.length, findingsMax);
  // And a label of each.
  assert.is(damage.unlisted.records, 2 * count - findingsMax);
});

test.run();
