/** Single bits flipped all over a store: each is without effect or told, and nothing that is read is another than what was written. */
import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { checkStore } from "../../src/lineage-store/store-check.js";
import { allOf, packing, seededNumbers, writeRichStore } from "./rich-store.js";
import { freshDir } from "./support.js";

const flips = 1_000;
const seed = 20;

/** Kinds of files, each hit as often as every other: the objects are most of the bytes. */
const kinds: Readonly<Record<string, RegExp>> = {
  table: /^db\/\d+\.ldb$/,
  log: /^db\/\d+\.log$/,
  manifest: /^db\/MANIFEST-\d+$/,
  current: /^db\/CURRENT$/,
  notes: /^db\/LOG/,
  head: /^HEAD$/,
  format: /^FORMAT$/,
  object: /^objects\/..\/[0-9a-f]{62}$/,
  packed: /^objects\/..\/[0-9a-f]{62}\.packed$/,
};

interface StoredFile {
  readonly name: string;
  readonly bytes: Buffer;
}

function filesOf(dir: string): StoredFile[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(dir, path), bytes: readFileSync(path) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The same store with one bit another. Files that the store never writes into are shared with the original. */
function copyWith(dir: string, files: readonly StoredFile[], hit: StoredFile | null, bit = 0): string {
  const copy = freshDir();
  for (const file of files) {
    const path = join(copy, file.name);
    mkdirSync(dirname(path), { recursive: true });
    if (file === hit) {
      const bytes = Buffer.from(file.bytes);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
    } else if (/^(?:objects|db)\/.*(?:\.ldb|[0-9a-f]{62}.*)$/.test(file.name))
      linkSync(join(dir, file.name), path);
    else cpSync(join(dir, file.name), path);
  }
  return copy;
}

/** @returns all that is read, or the code of the refusal */
async function readThrough(dir: string): Promise<string> {
  let store: LineageStore | undefined;
  try {
    store = await LineageStore.open(dir, { ...packing(), create: false });
    return JSON.stringify(await allOf(store));
  } catch (error) {
    if (error instanceof MendlineError) return error.code;
    throw error;
  } finally {
    await store?.close();
  }
}

/** What a check lists names the file or the object that was hit, whether somebody would have read it or not. */
async function assertListed(
  dir: string,
  files: readonly StoredFile[],
  hit: StoredFile,
  bit: number,
): Promise<void> {
  const { name } = hit;
  // One that nobody has opened since: LevelDB does away with a damaged end.
  const copy = copyWith(dir, files, hit, bit);
  const { isSound, damage } = await checkStore(copy, packing());
  const object = /^objects\/(..)\/([0-9a-f]{62})/.exec(name);
  const isListed =
    object === null
      ? damage.files.some(({ path }) => path.startsWith(join(copy, dirname(name))))
      : damage.objects.some((one) => one.object === object[1]! + object[2]!);
  assert.ok(!isSound && isListed, `bit ${bit} of ${name} is not in ${JSON.stringify(damage)}`);
  rmSync(copy, { recursive: true });
}

/** Flips between two of which the check's list is looked at. */
const listEvery = 37;

/** Damage that reads as such; another code would send its reader to the wrong remedy. */
const detections = ["MENDLINE_STORE_CORRUPT", "MENDLINE_STORE_VERSION"];

test(`${flips} flipped bits: harmless or detected`, async () => {
  const dir = freshDir();
  await writeRichStore(dir);
  const files = filesOf(dir).filter(({ bytes }) => bytes.length > 0);
  const expected = await readThrough(copyWith(dir, files, null));
  assert.ok(!expected.startsWith("MENDLINE"), expected);
  const random = seededNumbers(seed);
  const names = Object.keys(kinds);
  const detected = new Map(names.map((name) => [name, 0]));
  for (let flip = 0; flip < flips; flip++) {
    const kind = names[flip % names.length]!;
    const candidates = files.filter(({ name }) => kinds[kind]!.test(name));
    assert.ok(candidates.length > 0, kind);
    const hit = candidates[random(candidates.length)]!;
    const bit = random(hit.bytes.length * 8);
    const copy = copyWith(dir, files, hit, bit);
    const found = await readThrough(copy);
    const outcome = found === expected ? "harmless" : found;
    assert.ok(
      outcome === "harmless" || detections.includes(outcome),
      `bit ${bit} of ${hit.name} (${hit.bytes.length} bytes): ${found}`,
    );
    if (outcome !== "harmless") {
      detected.set(kind, detected.get(kind)! + 1);
      // A later version's number in FORMAT is no damage that could be told from one.
      if (flip % listEvery === 0 && outcome !== "MENDLINE_STORE_VERSION")
        await assertListed(dir, files, hit, bit);
    }
    rmSync(copy, { recursive: true });
  }
  // LOG says what LevelDB did, and HEAD has two lines, either of which will do.
  assert.equal(
    names.filter((name) => detected.get(name) === 0),
    ["notes", "head"],
  );
  // The original was shared with all of them, and none has written into it.
  assert.is(await readThrough(dir), expected);
});

test.run();
