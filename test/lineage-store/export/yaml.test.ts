// The oracle is an independent reader, in both versions of the language.
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { type YamlValue, yamlText } from "../../../src/lineage-store/export/yaml.js";
import { hostileParts } from "./samples.js";

function expectSame(value: { [key: string]: YamlValue }): void {
  const text = yamlText(value);
  for (const version of ["1.1", "1.2"] as const)
    assert.equal(parse(text, { version, mapAsMap: false, maxAliasCount: 0 }), value, text);
  // What PyYAML's reader accepts (reader.py, NON_PRINTABLE), less the line ends of Unicode and what cannot be seen.
  assert.not.match(text, /[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
  assert.not.match(text, /[\p{Cf}\u2028\u2029]/u);
}

test("shapes", () => {
  expectSame({
    empty: {},
    none: [],
    nested: [[1, [2]], { a: { b: [] }, c: [{ d: 1, e: [2] }] }],
    scalars: [null, true, false, 0, -1.5, 1e21, 1e-7, -2.5e-300, Number.POSITIVE_INFINITY],
  });
  assert.is(
    yamlText({ base_model: "org/name", list: ["a", { b: 1, c: ["d"] }], left: undefined }),
    "base_model: org/name\nlist:\n  - a\n  - b: 1\n    c:\n      - d\n",
  );
});

test("text stays text, as a value and as a key, short and long", () => {
  for (const part of [
    ...hostileParts,
    "",
    " ",
    "a\nb\tc\r\u0000\u001b\u007f\u0085",
    "\u2028\u2029\ufeff",
    "\u{e0001}",
    ".inf",
    "on",
  ]) {
    for (const text of [part, part.repeat(400)]) {
      const key = text === "" ? "empty" : text;
      expectSame(Object.fromEntries([[key, text]]));
      expectSame({ list: [text, Object.fromEntries([[key, [text]]])] });
    }
  }
});

test("any JSON comes back", () => {
  const { value } = fc.letrec<{ value: YamlValue; map: YamlValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
      fc.integer(),
      fc.constantFrom(null, true, false),
      fc.array(tie("value"), { maxLength: 4 }),
      tie("map"),
    ),
    map: fc.dictionary(fc.string({ minLength: 1 }), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  }));
  fc.assert(fc.property(value, (json) => expectSame({ json })));
});

test.run();
