/** A repaired store says what it said before, less what was lost, and tells what that is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeRecord } from "../../src/lineage-store/codec.js";
import { storeSchema } from "../../src/lineage-store/folder.js";
import { indexKinds, journaledKinds, keyOf, parseKey } from "../../src/lineage-store/keys.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { discardSetAside, repairStore } from "../../src/lineage-store/store-repair.js";
import { rawRecords, tamper, traces } from "./raw-store.js";
import { allOf, packing, rowVersions, seededNumbers, writeRichStore } from "./rich-store.js";
import { collect, failure, freshDir, idOf, plainDeltas, tickingClock } from "./support.js";

const rich = freshDir();
await writeRichStore(rich);

function copyOfRich(): string {
  const dir = freshDir();
  cpSync(rich, dir, { recursive: true });
  return dir;
}

async function read(dir: string): Promise<unknown[]> {
  const store = await LineageStore.open(dir, { ...packing(), create: false });
  try {
    return await allOf(store);
  } finally {
    await store.close();
  }
}

const expected = await read(copyOfRich());

async function sitting(dir: string, work: (store: LineageStore) => Promise<void>): Promise<void> {
  const store = await LineageStore.open(dir, { ...packing(), create: false });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

const rawKeys = async (dir: string) => (await rawRecords(dir)).map(({ key }) => key);

test("a sound store: nothing is lost, and everything reads as before, the journal's head too", async () => {
  const dir = copyOfRich();
  const dry = await repairStore(dir, { dryRun: true });
  assert.is(dry.setAside, null);
  assert.equal(await read(dir), expected);
  const repair = await repairStore(dir);
  assert.equal({ ...repair, setAside: null, dryRun: true }, dry);
  assert.equal([repair.lost, repair.parametersLost, repair.journal.isRewritten], [[], [], false]);
  assert.equal(await read(dir), expected);
  assert.ok(existsSync(join(dir, "db.damaged")));
  assert.equal(await discardSetAside(dir), [join(dir, "db.damaged")]);
  assert.equal(readdirSync(dir).sort(), ["FORMAT", "HEAD", "db", "objects", "tmp"]);
});

test("a FORMAT that is damaged or lost is written anew where the database proves that this is a store", async () => {
  for (const damage of [
    (path: string) => rmSync(path),
    (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace("schema", "schemb")),
    (path: string) => writeFileSync(path, ""),
  ]) {
    const dir = copyOfRich();
    const format = join(dir, "FORMAT");
    damage(format);
    const refused = await failure("MENDLINE_STORE_CORRUPT", () => read(dir));
    assert.match(refused.message, "`mendline lineage repair` writes it anew");
    const before = traces(dir);
    const dry = await repairStore(dir, { dryRun: true });
    assert.equal(traces(dir), before);
    assert.equal(
      dry.files.map(({ path }) => path),
      [format],
    );
    const repair = await repairStore(dir);
    assert.equal([repair.lost, repair.journal.isRewritten], [[], false]);
    assert.match(readFileSync(format, "utf8"), `"schema":${storeSchema}`);
    assert.equal(await read(dir), expected);
  }
});

test("without FORMAT, a database of others and a later mendline's are left alone", async () => {
  const empty = freshDir();
  await (await LineageStore.open(empty)).close();
  rmSync(join(empty, "FORMAT"));
  const others = freshDir();
  mkdirSync(join(others, "tmp"), { recursive: true });
  writeFileSync(join(others, "tmp", "precious"), "");
  await tamper(others, [{ key: Buffer.from("a"), value: Buffer.from("b") }]);
  const later = copyOfRich();
  rmSync(join(later, "FORMAT"));
  const key = Buffer.from("mood/x");
  await tamper(later, [{ key, value: encodeRecord(key, "of a kind to come") }]);
  const refusals = [
    [empty, "MENDLINE_STORE_CORRUPT", "nothing in the database"],
    [others, "MENDLINE_STORE_CORRUPT", "nothing in the database"],
    [later, "MENDLINE_STORE_VERSION", "use a newer mendline"],
  ] as const;
  for (const [dir, code, told] of refusals) {
    const before = traces(dir);
    assert.match((await failure(code, () => repairStore(dir))).message, told);
    assert.equal(traces(dir), before);
  }
});

test("there is one of every kind in the store that these tests repair", async () => {
  const kinds = new Set((await rawKeys(copyOfRich())).map((key) => parseKey(key)!.kind));
  assert.equal([...kinds].sort(), [...journaledKinds, "journal", ...indexKinds].sort());
});

test("indexes that are lost to the last record are made again, record for record", async () => {
  const dir = copyOfRich();
  const before = await rawKeys(copyOfRich());
  const keys = before.filter((key) => indexKinds.includes(parseKey(key)!.kind));
  assert.ok(new Set(keys.map((key) => parseKey(key)!.kind)).size === indexKinds.length);
  // Gone for good: a database without them, in which no older table holds them.
  await tamper(
    dir,
    keys.map((key) => ({ key, value: Buffer.from("no record") })),
  );
  const repair = await repairStore(dir);
  assert.equal([repair.lost, repair.journal.isRewritten], [[], false]);
  assert.is(repair.records.indexed, keys.length);
  assert.equal((await rawKeys(dir)).map(String), before.map(String));
  assert.equal(await read(dir), expected);
});

test("answers whose question is lost go with it; other label requests stay", async () => {
  const dir = copyOfRich();
  const store = await LineageStore.open(dir, { ...packing(), create: false });
  const [lost, kept] = (await collect(store.listLabelRequests())) as [string, string];
  await store.close();
  await tamper(dir, [{ key: keyOf("request", lost, 0), value: Buffer.from("no record") }]);
  const repair = await repairStore(dir);
  assert.equal(repair.lost.length, 2);
  assert.ok(repair.lost.some((one) => JSON.stringify(one).includes("the question of label request")));
  const repaired = await LineageStore.open(dir, { ...packing(), create: false });
  assert.equal(await collect(repaired.listLabelRequests()), [kept]);
  await repaired.close();
});

test("files that open() refuses: what is in the others comes back", async () => {
  const log = (dir: string) =>
    join(dir, "db", readdirSync(join(dir, "db")).find((name) => name.endsWith(".log"))!);
  const damages: Readonly<Record<string, (dir: string) => void>> = {
    manifest: (dir) => {
      for (const name of readdirSync(join(dir, "db")))
        if (name.startsWith("MANIFEST")) rmSync(join(dir, "db", name));
    },
    current: (dir) => writeFileSync(join(dir, "db", "CURRENT"), "MANIFEST-777777\n"),
    log: (dir) => truncateSync(log(dir), readFileSync(log(dir)).length - 10),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const dir = copyOfRich();
    damage(dir);
    const refused = await failure("MENDLINE_STORE_CORRUPT", () => read(dir));
    assert.match(refused.message, "`mendline lineage repair`");
    const repair = await repairStore(dir);
    assert.is(repair.journal.isRewritten, name === "log", name);
    assert.is(repair.journal.lostEntries, name === "log" ? 1 : 0, name);
    const found = await read(dir);
    if (name !== "log") assert.equal(found, expected, name);
  }
});

test("a lost model takes with it what cannot be without it, and says so; the rest stands", async () => {
  const dir = copyOfRich();
  const store = await LineageStore.open(dir, packing());
  const m2 = await store.resolve("m@2");
  const m3 = await store.resolve("m@3");
  await store.close();
  await tamper(dir, [{ key: keyOf("model", m2), value: null }]);
  const repair = await repairStore(dir);
  const lost = repair.lost.map(({ record, problem }) => `${record}: ${problem}`);
  assert.ok(lost.includes(`model ${m2}: is damaged or missing`), lost.join("\n"));
  assert.ok(lost.includes(`label "m" "2": needs model ${m2}, which is lost`), lost.join("\n"));
  assert.is(lost.filter((line) => line.startsWith("derivation") && line.includes(m2)).length, 2);
  const repaired = await LineageStore.open(dir, packing());
  await repaired.verifyJournal();
  await failure("MENDLINE_STORE_UNKNOWN", () => repaired.resolve("m@2"));
  assert.equal(await repaired.parents(m3), []);
  await repaired.restoreFile(m3, join(freshDir(), "..", "m3.out"));
  await repaired.close();
});

test("a log with a hole is closed up, and the last entry counts; a first label is made again from its model", async () => {
  const dir = copyOfRich();
  await tamper(dir, [
    { key: keyOf("alias", "prod", 0), value: null },
    { key: keyOf("label", "m", "1"), value: null },
  ]);
  const repair = await repairStore(dir);
  assert.equal(repair.lost, [
    { record: 'alias "prod" 0', problem: "is damaged or missing" },
    { record: 'delivery "ops" "prod" 0', problem: 'needs alias "prod" 0, which is lost' },
  ]);
  const store = await LineageStore.open(dir, packing());
  await store.verifyJournal();
  const m1 = await store.resolve("m@1");
  assert.equal(await store.labelsOf(m1), [{ name: "m", version: "1" }]);
  assert.equal(
    (await collect(store.aliasHistory("prod"))).map(({ sequence, id }) => [sequence, id]),
    [[0, await store.resolve("m@3")]],
  );
  assert.is((await store.lastDelivery("ops", "prod"))!.sequence, 0);
  // It goes on.
  await store.commit((tx) => tx.setAlias({ alias: "prod", id: m1, reason: "back" }));
  assert.is((await store.alias("prod"))!.sequence, 1);
  await store.close();
});

test("pages and objects that are lost: the model stays without its parameters, and its file brings them back", async () => {
  const dir = copyOfRich();
  const original = await LineageStore.open(dir, packing());
  const [m1, m4] = [await original.resolve("m@1"), await original.resolve("m@4")];
  const out = join(dir, "..", "m4.file");
  await original.restoreFile(m4, out);
  const { layout, tensors } = await original.parameters(m4);
  const model = await original.get(m4);
  await original.close();
  await tamper(dir, [{ key: keyOf("tensors", m4, 0), value: null }]);
  const repair = await repairStore(dir, { checkObjects: true, deltas: plainDeltas() });
  assert.equal(
    repair.parametersLost.map(({ id }) => id),
    [m4],
  );
  const store = await LineageStore.open(dir, packing());
  assert.is((await store.presence(m4)).state, "lost");
  assert.is((await store.presence(m1)).state, "kept");
  await failure("MENDLINE_STORE_DROPPED", () => store.restoreFile(m4, out));
  await store.collectGarbage();
  const bytes = readFileSync(out);
  const segments = layout.map(({ byteLength }, index) => ({
    kind: index === 0 ? ("literal" as const) : ("tensor" as const),
    tensor: index === 0 ? null : "t",
    byteOffset: index === 0 ? 0 : layout[0]!.byteLength,
    byteLength,
  }));
  await store.addFile(out, segments as never);
  await store.commit((tx) => tx.addModel({ ...model, layout, tensors }));
  assert.is((await store.presence(m4)).state, "kept");
  await store.restoreFile(m4, out);
  assert.equal(readFileSync(out), bytes);
  await store.verifyJournal();
  await store.close();
});

test("a record that no commit wrote, and one that is another, are not taken over", async () => {
  const dir = copyOfRich();
  const foreign = keyOf("run", "slipped in", 0);
  const prod = keyOf("alias", "prod", 1);
  const id = Buffer.from(idOf("x"), "hex");
  await tamper(dir, [
    { key: foreign, value: encodeRecord(foreign, { step: "started", atMs: 1, data: null }) },
    {
      key: prod,
      value: encodeRecord(prod, { id, atMs: 1, reason: "", run: null, target: null, previous: null }),
    },
  ]);
  const repair = await repairStore(dir);
  assert.equal(
    repair.lost.map(({ record }) => record),
    ['alias "prod" 1', 'run "slipped in" 0', 'delivery "ops" "prod" 1'],
  );
  const store = await LineageStore.open(dir, packing());
  await failure("MENDLINE_STORE_UNKNOWN", () => store.run("slipped in"));
  assert.is((await store.alias("prod"))!.sequence, 0);
  await store.close();
});

test("flipped bits in tables and logs: repaired each time, with nothing that was not there before", async () => {
  const random = seededNumbers(5);
  const names = readdirSync(join(rich, "db")).filter((name) => /\.(?:ldb|log)$/.test(name));
  const labels = new Set([
    "m@1",
    "m@2",
    "m@3",
    "m@4",
    "other@1",
    "child@1",
    "plain@1",
    "extra@1",
    ...rowVersions.map((version) => `row@${version}`),
  ]);
  let lossless = 0;
  for (let flip = 0; flip < 60; flip++) {
    const dir = copyOfRich();
    const path = join(dir, "db", names[flip % names.length]!);
    const bytes = readFileSync(path);
    const at = random(bytes.length * 8);
    bytes[at >> 3]! ^= 1 << (at & 7);
    writeFileSync(path, bytes);
    const repair = await repairStore(dir);
    if (repair.records.lost === 0 && repair.journal.lostEntries === 0) lossless++;
    const store = await LineageStore.open(dir, packing());
    await store.verifyJournal();
    for await (const { name, version } of store.models()) assert.ok(labels.has(`${name}@${version}`));
    await store.close();
    rmSync(dir, { recursive: true });
  }
  assert.ok(lossless > 10, String(lossless));
});

test("a dry run tells what a repair tells, and leaves every byte and every time as it was", async () => {
  const log = (dir: string) => readdirSync(join(dir, "db")).find((name) => name.endsWith(".log"))!;
  const states: Readonly<Record<string, (dir: string) => void>> = {
    sound: () => undefined,
    "no HEAD": (dir) => rmSync(join(dir, "HEAD")),
    "no folder for staging": (dir) => rmSync(join(dir, "tmp"), { recursive: true }),
    "no LOCK": (dir) => rmSync(join(dir, "db", "LOCK")),
    "a log without its end": (dir) => truncateSync(join(dir, "db", log(dir)), 300),
    "no CURRENT": (dir) => rmSync(join(dir, "db", "CURRENT")),
    "a swap that was cut off": (dir) => renameSync(join(dir, "db"), join(dir, "db.rebuilt")),
  };
  for (const [name, change] of Object.entries(states)) {
    const dir = copyOfRich();
    change(dir);
    const before = traces(dir);
    const options = { checkObjects: true, deltas: plainDeltas(), nowMs: () => 1 };
    const dry = await repairStore(dir, { ...options, dryRun: true });
    assert.equal(traces(dir), before, name);
    const repair = await repairStore(dir, options);
    const comparable = ({ files, ...told }: typeof dry) => ({ ...told, files: files.length });
    assert.equal({ ...comparable(repair), setAside: null, dryRun: true }, comparable(dry), name);
    await read(dir);
  }
});

test("a journal that is not the acknowledged one is told of, and nothing is thrown away for it", async () => {
  const [dir, other] = [copyOfRich(), copyOfRich()];
  await sitting(other, (store) => store.commit((tx) => tx.appendReport("prod", { other: true })));
  await sitting(dir, (store) => store.commit((tx) => tx.appendReport("prod", { own: true })));
  writeFileSync(join(dir, "HEAD"), readFileSync(join(other, "HEAD")));
  const refused = await failure("MENDLINE_STORE_CORRUPT", () => read(dir));
  assert.match(refused.message, "its journal is not the one that it had");
  const repair = await repairStore(dir);
  assert.is(repair.lost.length, 1);
  assert.match(repair.lost[0]!.record, /^journal \d+$/);
  assert.is(repair.lost[0]!.problem, "is not the one that was acknowledged");
  assert.equal([repair.journal.lostEntries, repair.journal.isRewritten], [1, true]);
  await sitting(dir, async (store) => {
    assert.equal((await collect(store.reports("prod")))[0]!.report, { own: true });
    await store.verifyJournal();
  });
});

test("of two entries in the last place of the journal the acknowledged one counts", async () => {
  const dir = copyOfRich();
  const before = expected[0] as { readonly entryCount: number; readonly head: string };
  const key = keyOf("journal", before.entryCount - 1);
  const level = new Level<Buffer, Buffer>(join(dir, "db"), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  await level.put(key, encodeRecord(key, { previous: Buffer.alloc(32), atMs: 1, changes: [] }));
  await level.close();
  await failure("MENDLINE_STORE_CORRUPT", () => read(dir));
  const repair = await repairStore(dir);
  assert.equal([repair.lost, repair.journal.isRewritten, repair.journal.head], [[], false, before.head]);
  assert.equal(await read(dir), expected);
});

test("a store that is held is not repaired", async () => {
  const dir = copyOfRich();
  const store = await LineageStore.open(dir, packing());
  await failure("MENDLINE_STORE_LOCKED", () => repairStore(dir));
  await failure("MENDLINE_STORE_LOCKED", () => repairStore(dir, { dryRun: true }));
  await store.close();
  await failure("MENDLINE_STORE_UNKNOWN", () => repairStore(freshDir()));
});

test("killed at every rename and removal: the old database or the new one, and the next repair ends it", async () => {
  const child = fileURLToPath(new URL("repair-child.js", import.meta.url));
  for (let step = 0; ; step++) {
    const dir = copyOfRich();
    await tamper(dir, [{ key: keyOf("aliases", "prod"), value: Buffer.from("no record") }]);
    const running = spawn(process.execPath, [child, dir, String(step)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = (await once(running, "close")) as [number | null];
    const isOver = code === 0;
    if (isOver) assert.ok(step > 4, String(step));
    const opened = await LineageStore.open(dir, packing());
    const reads = await collect(opened.aliases()).then(
      () => true,
      () => false,
    );
    await opened.close();
    if (isOver) assert.ok(reads);
    if (!reads) await repairStore(dir, { nowMs: tickingClock() });
    assert.equal(await read(dir), expected);
    rmSync(dir, { recursive: true });
    if (isOver) return;
  }
});

test.run();
