import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { TextDictionary } from "../../../src/host/columns/text-dictionary.js";
import { distinctTextBytesMax, distinctTextsMax } from "../../../src/limits.js";

test("codes count up in order of first appearance", () => {
  const dictionary = new TextDictionary("x");
  const codes = ["b", "a", "b", "", "__proto__", "a"].map((name) => dictionary.codeOf(name));
  assert.equal(codes, [0, 1, 0, 2, 3, 1]);
  assert.equal(dictionary.names, ["b", "a", "", "__proto__"]);
});

function refusalOf(fill: () => void): MendlineError {
  try {
    fill();
  } catch (thrown) {
    if (thrown instanceof MendlineError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

test("too many texts are refused, and told to be an identifier", () => {
  const dictionary = new TextDictionary("id");
  const refusal = refusalOf(() => {
    for (let i = 0; i <= distinctTextsMax; i++) dictionary.codeOf(String(i));
  });
  assert.is(refusal.code, "MENDLINE_DATA_LIMIT");
  assert.match(refusal.message, /column "id".*identifier.*--features/);
  assert.is(dictionary.names.length, distinctTextsMax);
});

test("so are texts of too many bytes together", () => {
  const dictionary = new TextDictionary("document");
  const text = "x".repeat(1024 * 1024);
  const refusal = refusalOf(() => {
    for (let i = 0; i <= distinctTextBytesMax / text.length; i++) dictionary.codeOf(text + i);
  });
  assert.is(refusal.code, "MENDLINE_DATA_LIMIT");
  assert.ok(dictionary.names.length < distinctTextBytesMax / text.length);
});

test.run();
