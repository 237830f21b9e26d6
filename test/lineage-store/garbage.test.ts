/** Retention and the collector: what the policy names goes, what anything needs stays, and nobody who reads or writes is disturbed. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Collection, CollectOptions } from "../../src/lineage-store/garbage.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { collect, emptyModel, failure, freshDir, idOf, plainDeltas, withStore } from "./support.js";

const withPacking = (work: Parameters<typeof withStore>[0]) => withStore(work, { deltas: plainDeltas() });
const scratch = freshDir();
mkdirSync(scratch);
let fileCount = 0;

interface Version {
  readonly name: string;
  readonly version: string;
  readonly id: string;
  readonly tensor: Buffer;
  readonly file: Buffer;
  readonly object: string;
}

const idOfTensor = (tensor: Uint8Array) => createHash("sha256").update("id").update(tensor).digest("hex");

/** A model of one tensor behind a head of its own, derived from the parents. */
async function add(
  store: LineageStore,
  label: string,
  tensor: Buffer,
  parents: readonly Version[] = [],
  head = label,
): Promise<Version> {
  const [name, version] = label.split("@") as [string, string];
  const path = join(scratch, `m${fileCount++}`);
  const file = Buffer.concat([Buffer.from(`head of ${head}`), tensor]);
  writeFileSync(path, file);
  const byteOffset = file.length - tensor.length;
  const origin = { width: 4 as const, bases: parents.map(({ object }) => object) };
  const { layout, byteLength, fileHash } = await store.addFile(path, [
    { kind: "literal", tensor: null, byteOffset: 0, byteLength: byteOffset },
    { kind: "tensor", tensor: "t", byteOffset, byteLength: tensor.length, origin },
  ]);
  rmSync(path);
  const { object } = layout[1]!;
  const tensors = [{ name: "t", dtype: "U8", shape: [tensor.length], object, byteLength: tensor.length }];
  const id = idOfTensor(tensor);
  await store.commit((tx) => {
    tx.addModel(emptyModel(name, version, { id, layout, byteLength, fileHash, tensors }));
    for (const parent of parents)
      tx.addDerivation({ parent: parent.id, child: id, transformation: "fine-tuning", parameters: {} });
  });
  return { name, version, id, tensor, file, object };
}

function changed(bytes: Uint8Array): Buffer {
  const other = Buffer.from(bytes);
  for (let place = 0; place < 8; place++) other[(place * other.length) >> 3]! ^= randomBytes(1)[0]! | 1;
  return other;
}

/** m@1 … m@count, each derived from the one before. */
async function addChain(store: LineageStore, count: number): Promise<Version[]> {
  const versions: Version[] = [];
  let tensor: Buffer = randomBytes(8_000);
  for (let version = 1; version <= count; version++) {
    versions.push(await add(store, `m@${version}`, tensor, versions.slice(-1)));
    tensor = changed(tensor);
  }
  return versions;
}

async function restored(store: LineageStore, { id }: Version): Promise<Buffer> {
  const out = join(scratch, "out");
  await store.restoreFile(id, out);
  return readFileSync(out);
}

/** Versions of the given ones whose files still come back; the others must say that they were dropped. */
async function present(store: LineageStore, versions: readonly Version[]): Promise<string[]> {
  const there: string[] = [];
  for (const one of versions) {
    const { state } = await store.presence(one.id);
    if (state === "kept") {
      assert.ok((await restored(store, one)).equals(one.file), one.version);
      there.push(one.version);
    } else {
      const gone = await failure("MENDLINE_STORE_DROPPED", () => restored(store, one));
      assert.match(gone.message, /were dropped by retention on 20.*add the model again/);
    }
    assert.is((await store.get(one.id)).version, one.version);
  }
  return there;
}

function files(dir: string): string[] {
  return readdirSync(join(dir, "objects"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A dry run must tell the same as what then happens, and do nothing. */
async function collected(store: LineageStore, options: CollectOptions): Promise<Collection> {
  const [before, journal] = [files(store.dir), await store.verifyJournal()];
  const bytes = (paths: readonly string[]) => paths.reduce((sum, path) => sum + statSync(path).size, 0);
  const told = await store.collectGarbage({ ...options, dryRun: true });
  assert.equal(files(store.dir), before);
  assert.equal(await store.verifyJournal(), journal);
  const bytesBefore = bytes(before);
  const done = await store.collectGarbage(options);
  assert.equal({ ...told, dryRun: false }, done);
  assert.is(bytesBefore - bytes(files(store.dir)), done.objects.removedBytes);
  assert.is(bytes(files(store.dir)), done.objects.keptBytes);
  await store.verifyJournal();
  return done;
}

test("without a policy only what nothing refers to goes, and only from an earlier opening", () =>
  withPacking(async (store, reopen, dir) => {
    const [one] = await addChain(store, 1);
    await store.putObject(Buffer.from("an addition that came to no commit"));
    const count = files(dir).length;
    assert.is((await collected(store, {})).objects.removed, 0, "its commit may still come");
    const opened = await reopen();
    const { objects, models } = await collected(opened, {});
    assert.equal([objects.removed, models.dropped, models.kept.policy], [1, 0, 1]);
    assert.is(files(dir).length, count - 1);
    assert.equal(await present(opened, [one!]), ["1"]);
  }));

test("the newest versions of a name, and all their ancestors unless there is a bound", () =>
  withPacking(async (store, reopen) => {
    const chain = await addChain(store, 7);
    const side = await add(store, "side@1", randomBytes(5_000), [chain[1]!]);
    const second = await add(store, "side@2", randomBytes(5_000));
    const opened = await reopen();
    const all = [...chain, side, second];
    assert.equal((await collected(opened, { keepLast: 1 })).models, {
      kept: { policy: 0, version: 2, alias: 0, needed: 0, ancestor: 6, reading: 0 },
      dropped: 1,
      gone: 0,
    });
    assert.equal(await present(opened, all), ["1", "2", "3", "4", "5", "6", "7", "2"]);
    const { models, dropped } = await collected(opened, { keepLast: 2, keepAncestors: 1 });
    assert.equal(models, {
      kept: { policy: 0, version: 3, alias: 0, needed: 0, ancestor: 2, reading: 0 },
      dropped: 3,
      gone: 1,
    });
    assert.equal(
      dropped.map(({ version }) => version),
      ["1", "3", "4"],
    );
    assert.equal(await present(opened, all), ["2", "5", "6", "7", "2"]);
    assert.equal(await present(await reopen(), all), ["2", "5", "6", "7", "2"]);
  }));

test("what deltas stand against stays, though its model's parameters are dropped", () =>
  withPacking(async (store, reopen, dir) => {
    const chain = await addChain(store, 6);
    const before = files(dir).length;
    const opened = await reopen();
    const { models, objects } = await collected(opened, { keepLast: 1, keepAncestors: 0 });
    assert.is(models.dropped, 5);
    assert.equal(await present(opened, chain), ["6"]);
    // m@6 stands on m@1, because m@5 is as deep as a chain may be: the deltas between go.
    assert.is(objects.removed, 4);
    assert.is(files(dir).length, before - 4);
  }));

test("what an alias stands for, and stood for last, stays", () =>
  withPacking(async (store, reopen) => {
    const versions = await Promise.all(
      [1, 2, 3, 4, 5].map((version) => add(store, `m@${version}`, randomBytes(500))),
    );
    const byVersion = (version: string) => versions.find((one) => one.version === version)!;
    for (const version of ["4", "1", "2"])
      await store.commit((tx) => tx.setAlias({ alias: "prod", id: byVersion(version).id, reason: "test" }));
    const newest = (await collect(store.models())).at(-1)!.version;
    const opened = await reopen();
    await collected(opened, { keepLast: 1 });
    assert.equal(await present(opened, versions), [...new Set(["1", "2", newest])].sort());
  }));

test("what somebody needs stays with its ancestors, asked for again when commits came between", () =>
  withPacking(async (store) => {
    const chain = await addChain(store, 5);
    let asked = 0;
    const needed = async () => {
      // Another writer, while the policy is being asked.
      if (asked++ === 0)
        await store.commit((tx) => tx.setAlias({ alias: "late", id: chain[3]!.id, reason: "test" }));
      return [chain[1]!.id, idOf("unknown")];
    };
    const { models } = await store.collectGarbage({ keepLast: 1, keepAncestors: 0, needed });
    assert.is(asked, 2);
    assert.is(models.dropped, 1);
    assert.equal(await present(store, chain), ["1", "2", "4", "5"]);
  }));

test("dropped parameters come back with the same parameters, whatever file brings them", () =>
  withPacking(async (store, reopen) => {
    const [one, two] = [await add(store, "m@1", randomBytes(700)), await add(store, "m@2", randomBytes(700))];
    let opened = await reopen();
    await collected(opened, { keepLast: 1 });
    assert.equal(await present(opened, [one, two]), ["2"]);
    await add(opened, "m@1", one.tensor, [], "another head");
    assert.is((await opened.presence(one.id)).state, "kept");
    assert.ok((await restored(opened, one)).equals(one.file), "the file that was added first");
    opened = await reopen();
    assert.equal(await present(opened, [one, two]), ["1", "2"]);
    assert.is((await opened.verifyJournal()).entryCount, 4);
  }));

test("a model that is being read keeps its parameters until then", () =>
  withPacking(async (store, reopen) => {
    const [one, two] = [await add(store, "m@1", randomBytes(700)), await add(store, "m@2", randomBytes(700))];
    const opened = await reopen();
    await opened.reading(one.id, async () => {
      const { models } = await opened.collectGarbage({ keepLast: 1 });
      assert.equal([models.dropped, models.kept.reading], [0, 1]);
      assert.ok((await restored(opened, one)).equals(one.file));
    });
    await opened.collectGarbage({ keepLast: 1 });
    assert.equal(await present(opened, [one, two]), ["2"]);
    await failure("MENDLINE_STORE_DROPPED", () => opened.reading(one.id, async () => assert.unreachable()));
  }));

test("readers and writers while collections run one after the other", () =>
  withPacking(async (store) => {
    const kept = await addChain(store, 4);
    await store.commit((tx) => tx.setAlias({ alias: "prod", id: kept[3]!.id, reason: "test" }));
    let isDone = false;
    const collecting = (async () => {
      while (!isDone) await store.collectGarbage({ keepLast: 1, keepAncestors: 3 });
    })();
    const versions: Version[] = [];
    for (let round = 0; round < 12; round++) {
      // The same tensor again and again: known objects must not be taken between their finding and their commit.
      const isKnown = round % 3 === 0;
      const tensor = isKnown ? kept[0]!.tensor : changed(kept[0]!.tensor);
      const added = await add(store, `w@${round}`, tensor, round % 2 === 1 ? versions.slice(-1) : []);
      versions.push(added);
      for (const one of kept) assert.ok((await restored(store, one)).equals(one.file));
      assert.ok((await restored(store, added)).equals(isKnown ? kept[0]!.file : added.file));
    }
    isDone = true;
    await collecting;
    for (const one of [...kept, versions.at(-1)!]) assert.is((await store.presence(one.id)).state, "kept");
    await store.verifyJournal();
  }));

test("a damaged file that could be somebody's base stops the collection before anything goes", () =>
  withPacking(async (store, reopen, dir) => {
    const [, two] = await addChain(store, 2);
    await store.putObject(Buffer.from("garbage"));
    const packed = join(dir, "objects", two!.object.slice(0, 2), `${two!.object.slice(2)}.packed`);
    const bytes = readFileSync(packed);
    bytes[bytes.length - 40]! ^= 1;
    writeFileSync(packed, bytes);
    const opened = await reopen();
    const before = files(dir);
    await failure("MENDLINE_STORE_CORRUPT", () => opened.collectGarbage());
    assert.equal(files(dir), before);
  }));

test("policies that make no sense, and a signal", () =>
  withPacking(async (store) => {
    await addChain(store, 2);
    for (const policy of [
      { keepLast: 0 },
      { keepLast: 1.5 },
      { keepLast: 1, keepAncestors: -1 },
      { keepAncestors: 2 },
    ])
      await failure("MENDLINE_ARGUMENT_INVALID", () => store.collectGarbage(policy));
    await failure("MENDLINE_TASK_ABORTED", () => store.collectGarbage({ signal: AbortSignal.abort() }));
    // The store is closed in the middle of a collection.
    let closing: Promise<void> | undefined;
    const needed = async () => {
      closing ??= store.close();
      return [];
    };
    await failure("MENDLINE_TASK_ABORTED", () => store.collectGarbage({ keepLast: 1, needed }));
    await closing;
    await failure("MENDLINE_STORE_IO", () => store.collectGarbage());
  }));

/** A graph of up to 12 models; its policy's answer told by the definition. */
const graph = fc.record({
  parents: fc.array(fc.array(fc.nat({ max: 11 }), { maxLength: 2 }), { minLength: 1, maxLength: 12 }),
  names: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 12, maxLength: 12 }),
  aliases: fc.array(fc.nat({ max: 11 }), { maxLength: 4 }),
  keepLast: fc.integer({ min: 1, max: 3 }),
  keepAncestors: fc.oneof(fc.nat({ max: 3 }), fc.constant(Infinity)),
});

test("any graph and policy, against the definition", () =>
  fc.assert(
    fc.asyncProperty(graph, ({ parents, names, aliases, keepLast, keepAncestors }) =>
      withPacking(async (store, reopen) => {
        const versions: Version[] = [];
        for (const [index, wanted] of parents.entries()) {
          const from = [...new Set(wanted.filter((parent) => parent < index))].map(
            (parent) => versions[parent]!,
          );
          versions.push(await add(store, `${names[index]}@${index}`, randomBytes(40), from));
        }
        const models = versions.map((_, index) => index);
        const aliased = aliases.filter((index) => index < versions.length);
        for (const index of aliased)
          await store.commit((tx) => tx.setAlias({ alias: "prod", id: versions[index]!.id, reason: "test" }));
        const parentsOf = (index: number) => parents[index]!.filter((parent) => parent < index);
        const kept = new Set(
          models.filter(
            (index) =>
              models.filter((other) => other > index && names[other] === names[index]).length < keepLast,
          ),
        );
        for (const index of aliased.slice(-2)) kept.add(index);
        let level = [...kept];
        for (let distance = 0; distance < Math.min(keepAncestors, 12); distance++) {
          level = level.flatMap(parentsOf);
          for (const index of level) kept.add(index);
        }
        await (await reopen()).collectGarbage({ keepLast, keepAncestors });
        const opened = await reopen();
        assert.equal(await present(opened, versions), models.filter((index) => kept.has(index)).map(String));
        assert.is((await opened.collectGarbage({ keepLast, keepAncestors })).objects.removed, 0);
      }),
    ),
    { numRuns: 25 },
  ));

test.run();
