/** A store into one file and back: the same to the last byte, or refused. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { monitorReportsMax } from "../../src/limits.js";
import { BackupReader, BackupWriter, type FrameKind } from "../../src/lineage-store/backup-format.js";
import { disk } from "../../src/lineage-store/files.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { addTensorModel, allOf, packing, seededBytes, seededNumbers, writeRichStore } from "./rich-store.js";
import { addAll, collect, emptyModel, failure, freshDir, plainDeltas } from "./support.js";

const rich = freshDir();
await writeRichStore(rich);
const out = `${freshDir()}.backup`;
const store = await LineageStore.open(rich, packing());
const made = await store.backup(out);
const expected = await allOf(store);
await store.close();

const restoring = { deltas: plainDeltas() };

async function read(dir: string): Promise<unknown[]> {
  const opened = await LineageStore.open(dir, { ...packing(), create: false });
  try {
    return await allOf(opened);
  } finally {
    await opened.close();
  }
}

test("a restored store reads as the one that was backed up, its journal's head too, and goes on", async () => {
  const dir = freshDir();
  const restored = await LineageStore.restoreBackup(out, dir, restoring);
  assert.equal(
    [restored.hash, restored.head, restored.records, restored.objects],
    [made.hash, made.head, made.records, made.objects],
  );
  assert.is(made.byteLength, readFileSync(out).length);
  assert.equal(await read(dir), expected);
  assert.equal(
    readdirSync(dirname(dir)).filter((name) => name.startsWith(".")),
    [],
  );
  const again = await LineageStore.open(dir, packing());
  await addAll(again, emptyModel("next"));
  await again.verifyJournal();
  await again.close();
});

test("an empty store, and an empty folder as the target; any other is refused", async () => {
  const [from, to] = [freshDir(), freshDir()];
  const empty = await LineageStore.open(from);
  await empty.backup(`${from}.backup`);
  await empty.close();
  mkdirSync(to);
  assert.is((await LineageStore.restoreBackup(`${from}.backup`, to)).models, 0);
  const before = readdirSync(to);
  await failure("MENDLINE_ARGUMENT_INVALID", () => LineageStore.restoreBackup(`${from}.backup`, to));
  assert.equal(readdirSync(to), before);
  await (await LineageStore.open(to, { create: false })).close();
  await failure("MENDLINE_DATA_NOT_FOUND", () => LineageStore.restoreBackup(`${from}.none`, freshDir()));
});

test("while others write: what was there at the beginning, however much goes on", async () => {
  const [from, to] = [freshDir(), freshDir()];
  const busy = await LineageStore.open(from, packing());
  const first = await addTensorModel(busy, "m@1", seededBytes(3, 50_000));
  for (let report = 0; report < monitorReportsMax; report++)
    await busy.commit((tx) => tx.appendReport("prod", { report }));
  await busy.commit((tx) => tx.setAlias({ alias: "prod", id: first.id, reason: "first" }));
  const { length } = await collect(busy.reports("prod"));
  const backup = busy.backup(`${from}.backup`);
  const collected = busy.collectGarbage({ keepLast: 1 });
  for (let round = 0; round < 20; round++) {
    const { id } = await addTensorModel(busy, `m@${round + 2}`, seededBytes(round + 10, 5_000), [first]);
    await busy.commit((tx) => {
      tx.appendReport("prod", { round });
      tx.setAlias({ alias: "prod", id, reason: `round ${round}` });
    });
  }
  await backup;
  await collected;
  await busy.commit((tx) => tx.appendReport("prod", {}));
  assert.is((await collect(busy.reports("prod"))).length, monitorReportsMax);
  await busy.verifyJournal();
  await busy.close();
  await LineageStore.restoreBackup(`${from}.backup`, to, restoring);
  const restored = await LineageStore.open(to, packing());
  assert.equal(
    (await collect(restored.models())).map(({ name, version }) => `${name}@${version}`),
    ["m@1"],
  );
  assert.is((await restored.alias("prod"))!.id, first.id);
  assert.is((await collect(restored.reports("prod"))).length, length);
  await restored.restoreFile(first.id, `${to}.out`);
  assert.equal(readFileSync(`${to}.out`), first.file);
  await restored.verifyJournal();
  await restored.close();
});

test("every flipped bit and every cut of a backup is refused, and nothing of it shows", async () => {
  const random = seededNumbers(7);
  const bytes = readFileSync(out);
  const bad = `${out}.bad`;
  for (let flip = 0; flip < 300; flip++) {
    // The beginning and the end are looked at closely.
    const at = flip < 200 ? random(bytes.length) : flip < 250 ? random(64) : bytes.length - 1 - random(64);
    const copy = Buffer.from(bytes);
    copy[at]! ^= 1 << random(8);
    writeFileSync(bad, copy);
    const dir = freshDir();
    await failure("MENDLINE_DATA_MALFORMED", () => LineageStore.restoreBackup(bad, dir, restoring));
    assert.is(existsSync(dir), false);
  }
  for (const length of [0, 1, 16, 20, bytes.length >> 1, bytes.length - 1]) {
    writeFileSync(bad, bytes);
    truncateSync(bad, length);
    await failure("MENDLINE_DATA_MALFORMED", () => LineageStore.restoreBackup(bad, freshDir(), restoring));
  }
  writeFileSync(bad, Buffer.concat([bytes, Buffer.of(0)]));
  await failure("MENDLINE_DATA_MALFORMED", () => LineageStore.restoreBackup(bad, freshDir(), restoring));
});

test("a backup that somebody put together anew, frame hashes and all, and that is no whole store", async () => {
  const file = await disk.open(out, "r");
  const frames: { kind: FrameKind; content: Buffer }[] = [];
  for await (const frame of new BackupReader(out, file).frames())
    frames.push({ ...frame, content: Buffer.from(frame.content) });
  await file.close();
  const object = frames.findIndex(({ kind }) => kind === "object");
  const head = JSON.parse(frames[0]!.content.toString());
  const changes: Readonly<Record<string, (list: typeof frames) => void>> = {
    "no records": (list) => list.splice(1, 1),
    "no head": (list) => list.splice(0, 1),
    "two heads": (list) => list.splice(1, 0, list[0]!),
    "an object less": (list) => list.splice(object, 2),
    "an object twice": (list) => list.splice(object, 0, list[object]!, list[object + 1]!),
    "bytes of no file": (list) => list.splice(1, 0, { kind: "bytes", content: Buffer.from("x") }),
    "other bytes": (list) => list[object + 1]!.content.fill(7),
    "records without an end": (list) =>
      list.splice(1, 0, { kind: "records", content: Buffer.from([9, 0, 0, 0, 1]) }),
    "a path for a hash": (list) => {
      list[object]!.content = Buffer.from(
        JSON.stringify({ hash: "../../x", isPacked: false, byteLength: 1 }),
      );
    },
    "a path for a file's name": (list) => {
      const content = Buffer.from(JSON.stringify({ name: "../x.arrow", byteLength: 0 }));
      list.splice(-1, 0, { kind: "file", content });
    },
    "a file more than it says": (list) => {
      const content = Buffer.from(JSON.stringify({ name: "x.arrow", byteLength: 0 }));
      list.splice(-1, 0, { kind: "file", content });
    },
    "another head": (list) => {
      list[0]!.content = Buffer.from(JSON.stringify({ ...head, head: "0".repeat(64) }));
    },
    "more commits": (list) => {
      list[0]!.content = Buffer.from(JSON.stringify({ ...head, sequence: 2 ** 40 }));
    },
    "no JSON": (list) => {
      list[0]!.content = Buffer.from("{");
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const list = frames.map((frame) => ({ ...frame, content: Buffer.from(frame.content) }));
    change(list);
    // Counts that fit, so that it is not they that are refused.
    const objects = list.filter(({ kind }) => kind === "object").length;
    if (name === "an object less")
      list.at(-1)!.content = Buffer.from(JSON.stringify({ records: made.records, objects }));
    const forged = `${out}.forged`;
    const target = await disk.open(forged, "w");
    const writer = new BackupWriter(target);
    await writer.begin();
    for (const { kind, content } of list) await writer.add(kind, content);
    await target.close();
    const dir = freshDir();
    const error = await LineageStore.restoreBackup(forged, dir, restoring).then(
      () => null,
      (thrown) => thrown,
    );
    assert.ok(
      ["MENDLINE_DATA_MALFORMED", "MENDLINE_STORE_CORRUPT"].includes(error?.code),
      `${name}: ${error}`,
    );
    assert.is(existsSync(dir), false, name);
  }
  head.schema = 1_000;
  const later = frames.map((frame) => ({ ...frame }));
  later[0]!.content = Buffer.from(JSON.stringify(head));
  const target = await disk.open(`${out}.later`, "w");
  const writer = new BackupWriter(target);
  await writer.begin();
  for (const { kind, content } of later) await writer.add(kind, content);
  await target.close();
  await failure("MENDLINE_STORE_VERSION", () =>
    LineageStore.restoreBackup(`${out}.later`, freshDir(), restoring),
  );
});

test("a store with a damaged object is not backed up, and what was there stays", async () => {
  const dir = freshDir();
  await LineageStore.restoreBackup(out, dir, restoring);
  const folder = join(dir, "objects");
  const name = (readdirSync(folder, { recursive: true }) as string[]).find((one) => one.endsWith(".packed"))!;
  const bytes = readFileSync(join(folder, name));
  bytes[10]! ^= 1;
  writeFileSync(join(folder, name), bytes);
  const target = `${dir}.backup`;
  writeFileSync(target, "the backup before");
  const opened = await LineageStore.open(dir, packing());
  await failure("MENDLINE_STORE_CORRUPT", () => opened.backup(target));
  await opened.close();
  assert.is(readFileSync(target, "utf8"), "the backup before");
});

test("closed or cancelled on the way: no file", async () => {
  const dir = freshDir();
  await LineageStore.restoreBackup(out, dir, restoring);
  const opened = await LineageStore.open(dir, packing());
  const target = `${dir}.backup`;
  await failure("MENDLINE_TASK_ABORTED", () => opened.backup(target, { signal: AbortSignal.abort() }));
  const running = failure("MENDLINE_TASK_ABORTED", () => opened.backup(target));
  await new Promise(setImmediate);
  await Promise.all([running, opened.close()]);
  assert.is(existsSync(target), false);
});

test("killed while it is written or restored: the target shows nothing or all, and the next try ends it", async () => {
  const child = fileURLToPath(new URL("backup-child.js", import.meta.url));
  for (const action of ["backup", "restore"]) {
    let isOver = false;
    // Steps are the calls that change files; every few of them is enough.
    for (let step = 0; !isOver; step += action === "backup" ? 1 : 5) {
      const target = freshDir();
      const source = action === "backup" ? rich : out;
      const running = spawn(process.execPath, [child, action, source, target, String(step)], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const [code] = (await once(running, "close")) as [number | null];
      isOver = code === 0;
      if (isOver) assert.ok(step > 0, String(step));
      if (action === "restore") {
        if (!existsSync(target)) await LineageStore.restoreBackup(out, target, restoring);
        assert.equal(await read(target), expected);
      } else if (existsSync(target)) {
        const dir = freshDir();
        assert.is((await LineageStore.restoreBackup(target, dir, restoring)).head, made.head);
      } else assert.not(isOver);
    }
  }
  assert.equal(await read(rich), expected);
});

test.run();
