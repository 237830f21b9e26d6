import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  describeKey,
  idRange,
  keyOf,
  parseKey,
  partsOf,
  prefixOf,
  rangeOf,
} from "../../src/lineage-store/keys.js";
import { failure, idOf } from "./support.js";

const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((value) => !value.includes("\0"));
const number = fc.nat({ max: 2 ** 31 - 1 }).map((value) => value * 1000);

test("parts come back from a key", () => {
  fc.assert(
    fc.property(text, text, number, (name, version, sequence) => {
      assert.equal(partsOf("label", keyOf("label", name, version)), [name, version]);
      assert.equal(partsOf("alias", keyOf("alias", name, sequence)), [name, sequence]);
      assert.equal(parseKey(keyOf("tensors", idOf(name), sequence)), {
        kind: "tensors",
        parts: [idOf(name), sequence],
      });
    }),
  );
});

test("bytes sort as parts do, and no text runs into the next", () => {
  fc.assert(
    fc.property(text, number, text, number, (leftText, left, rightText, right) => {
      const byText = Buffer.compare(Buffer.from(leftText), Buffer.from(rightText));
      const expected = byText || Math.sign(left - right);
      assert.is(Buffer.compare(keyOf("run", leftText, left), keyOf("run", rightText, right)), expected);
    }),
  );
  assert.not.equal(keyOf("label", "ab", "c"), keyOf("label", "a", "bc"));
});

test("a range holds the keys of its prefix and no others", () => {
  const { gte, lt } = rangeOf(prefixOf("alias", "prod"));
  const isInside = (key: Buffer) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;
  assert.ok(isInside(keyOf("alias", "prod", 0)));
  assert.ok(isInside(keyOf("alias", "prod", 2 ** 48 - 1)));
  assert.not.ok(isInside(keyOf("alias", "prod2", 0)));
  assert.not.ok(isInside(keyOf("alias", "pro", 5)));
  assert.not.ok(isInside(keyOf("aliases", "prod")));
  assert.equal(rangeOf(Buffer.of(1, 0xff, 0xff)).lt, Buffer.of(2));
});

test("an odd number of digits is a range of ids too", () => {
  const { gte, lt } = idRange("abcdef012");
  const isInside = (id: string) => {
    const key = keyOf("model", id);
    return Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;
  };
  assert.ok(isInside("abcdef012".padEnd(64, "0")));
  assert.ok(isInside("abcdef012".padEnd(64, "f")));
  assert.not.ok(isInside("abcdef011".padEnd(64, "f")));
  assert.not.ok(isInside("abcdef013".padEnd(64, "0")));
});

test("numbers beyond six bytes are a programmer's error", () => {
  for (const value of [-1, 1.5, 2 ** 48, Number.NaN]) assert.throws(() => keyOf("number", value), RangeError);
});

test("foreign keys are told from ours", async () => {
  for (const bytes of ["", "model", "model/short", "no-such/", "alias/open-ended"])
    assert.is(parseKey(Buffer.from(bytes)), null);
  assert.is(parseKey(Buffer.concat([keyOf("number", 1), Buffer.of(0)])), null);
  assert.is(parseKey(Buffer.from("__proto__/")), null);
  await failure("MENDLINE_STORE_CORRUPT", () => partsOf("model", keyOf("number", 1)));
  assert.is(describeKey(keyOf("alias", 'pr"od', 3)), 'alias "pr\\"od" 3');
});

test.run();
