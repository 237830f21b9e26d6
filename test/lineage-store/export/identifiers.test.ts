import { test } from "uvu";
import * as assert from "uvu/assert";
import { jsonText, nameUuid, timeText } from "../../../src/lineage-store/export/identifiers.js";

test("name-based UUIDs: the example of RFC 9562, A.4", () => {
  const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  const url = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
  assert.is(nameUuid("www.example.com", dns), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  assert.is(
    nameUuid("x"),
    nameUuid("x", nameUuid("mendline", url)),
    "the namespace is what its comment says",
  );
  assert.is.not(nameUuid("x"), nameUuid("y"));
});

test("times keep to four digits for a year", () => {
  assert.is(timeText(0), "1970-01-01T00:00:00.000Z");
  assert.is(timeText(Number.MAX_SAFE_INTEGER), "9999-12-31T23:59:59.999Z");
});

test("what JSON cannot say is text, not null", () => {
  assert.is(
    jsonText({ a: Number.NaN, b: [Number.NEGATIVE_INFINITY], c: -0, d: null }),
    '{"a":"NaN","b":["-Infinity"],"c":0,"d":null}',
  );
});

test.run();
