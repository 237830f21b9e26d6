import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeHashes, encodeHashes, hashesOf, nameHash } from "../../../src/host/drift/name-hashes.js";

test("hashes are known: a profile's bytes depend on them", () => {
  const names = ["", "a", "b", "Zürich", "日本", "\u{1f327}", "__proto__"];
  assert.equal(names.map(nameHash), [11222652, 9562586, 528111, 6206709, 13636145, 9313837, 9530116]);
});

test("property: any hashes survive, and there is one way to write them", () => {
  const hashes = fc
    .uniqueArray(fc.nat(2 ** 24 - 1), { maxLength: 400 })
    .map((list) => list.sort((left, right) => left - right));
  fc.assert(
    fc.property(hashes, (list) => {
      const text = encodeHashes(list);
      assert.equal(decodeHashes(text, list.length), list);
      if (list.length > 0) assert.throws(() => decodeHashes(text.slice(0, -4), list.length));
      assert.throws(() => decodeHashes(`${text}AAAA`, list.length));
    }),
  );
  assert.equal(decodeHashes(encodeHashes([0, 2 ** 24 - 1]), 2), [0, 2 ** 24 - 1]);
});

test("property: hostile texts are refused, or are hashes in order", () => {
  fc.assert(
    fc.property(fc.base64String({ maxLength: 200 }), fc.nat(300), (text, count) => {
      let hashes: number[];
      try {
        hashes = decodeHashes(text, count);
      } catch {
        return;
      }
      assert.is(encodeHashes(hashes), text);
      assert.ok(hashes.every((hash, i) => hash < 2 ** 24 && (i === 0 || hashes[i - 1]! < hash)));
    }),
  );
  assert.throws(() => decodeHashes("", 1e9));
  assert.throws(() => decodeHashes("", -1));
});

test("names are known again; others pass for one of them as rarely as promised", () => {
  const names = Array.from({ length: 9_800 }, (_, kind) => `address ${kind}`);
  const hashes = hashesOf(names);
  assert.ok(hashes.length > 9_780, `${hashes.length}: few share a hash`);
  const known = new Set(hashes);
  assert.ok(names.every((name) => known.has(nameHash(name))));
  const taken = Array.from({ length: 100_000 }, (_, kind) => `other ${kind}`).filter((name) =>
    known.has(nameHash(name)),
  );
  // 100,000 * 9,800 / 2^24 = 58 are expected.
  assert.ok(taken.length > 20 && taken.length < 120, `${taken.length}`);
});

test.run();
