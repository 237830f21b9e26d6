import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { hashesOf } from "../../../src/host/drift/name-hashes.js";
import {
  type CategoricalFeatureProfile,
  canonicalJson,
  type FeatureProfile,
  looksLikeProfile,
  type NumericFeatureProfile,
  type Profile,
  profileFromBytes,
  profileSignature,
  profileToBytes,
} from "../../../src/host/drift/profile.js";
import { random } from "../../assembly/support.js";

const floats: NumericFeatureProfile = {
  kind: "numeric",
  logical: "float",
  type: "f64",
  rows: 10,
  missing: 2,
  nonFinite: 1,
  moments: { count: 7, mean: 0.1, m2: 1e-300, m3: -5e-324, m4: null, min: -1.5, max: 1e21 },
  bins: 3,
  psi: { edges: [0, 5e-324], counts: [3, 4, 1] },
  ks: { edges: [], counts: [8] },
};

const wide: NumericFeatureProfile = {
  ...floats,
  logical: "timestamp[ns]",
  type: "i64",
  nonFinite: 0,
  moments: { count: 8, mean: 0, m2: 0, m3: 0, m4: 0, min: -(2 ** 63), max: 2 ** 62 },
  psi: { edges: [-(2n ** 63n) + 1n, 5n, 2n ** 53n, 2n ** 53n + 1n], counts: [1, 2, 3, 2, 0] },
};

const empty: NumericFeatureProfile = {
  ...floats,
  missing: 10,
  nonFinite: 0,
  moments: {
    count: 0,
    mean: 0,
    m2: 0,
    m3: 0,
    m4: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  },
  psi: { edges: [], counts: [0] },
  ks: { edges: [], counts: [0] },
};

const texts: CategoricalFeatureProfile = {
  kind: "categorical",
  logical: "text",
  rows: 10,
  missing: 1,
  categories: ["", 'b"\\\n', "\u{1f327}", "__proto__"],
  counts: [3, 2, 1, 1],
  other: { count: 2, kinds: 2, known: 2, hashes: [5, 9_000_000] },
};

function profileOf(features: [string, FeatureProfile][]): Profile {
  return { rows: 10, features: new Map(features) };
}

const whole = profileOf([
  ["wind", floats],
  ["time", wide],
  ["__proto__", texts],
  ["constructor", { ...texts, other: null, counts: [3, 2, 1, 3] }],
  ["", empty],
]);

function textOf(profile: Profile): string {
  return new TextDecoder().decode(profileToBytes(profile));
}

function refuses(bytes: Uint8Array | string, what: string): void {
  let thrown: unknown;
  try {
    profileFromBytes(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes, "the file");
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof MendlineError, `${what}: not refused (${String(thrown)})`);
  assert.is((thrown as MendlineError).code, "MENDLINE_DATA_MALFORMED", what);
  assert.match((thrown as MendlineError).message, /^the file: damaged profile/);
}

test("bytes and back: the same profile, the same bytes, the same signature", () => {
  const bytes = profileToBytes(whole);
  const back = profileFromBytes(bytes, "the file");
  assert.equal([...back.features], [...whole.features]);
  assert.is(back.rows, 10);
  assert.equal(profileToBytes(back), bytes);
  assert.is(profileSignature(back), profileSignature(whole));
  assert.match(profileSignature(whole), /^[0-9a-f]{64}$/);
});

test("the order of an object's keys does not matter; the order of the features does", () => {
  const shuffled = Object.fromEntries(Object.entries(floats).reverse()) as unknown as NumericFeatureProfile;
  const moments = Object.fromEntries(
    Object.entries(floats.moments).reverse(),
  ) as unknown as typeof floats.moments;
  const one = profileOf([
    ["a", floats],
    ["b", texts],
  ]);
  assert.is(
    profileSignature(
      profileOf([
        ["a", { ...shuffled, moments }],
        ["b", texts],
      ]),
    ),
    profileSignature(one),
  );
  assert.is.not(
    profileSignature(
      profileOf([
        ["b", texts],
        ["a", floats],
      ]),
    ),
    profileSignature(one),
  );
});

test("any change of a number changes the signature", () => {
  const signatures = [
    floats,
    { ...floats, missing: 1 },
    { ...floats, bins: 4 },
    { ...floats, moments: { ...floats.moments, mean: 0.1 + 2 ** -56 } },
    { ...floats, psi: { edges: [0, 1e-323], counts: [3, 4, 1] } },
    { ...floats, type: "f32" as const },
  ].map((feature) => profileSignature(profileOf([["a", feature]])));
  assert.is(new Set(signatures).size, signatures.length);
});

test("canonical: no white space, sorted keys, 64-bit numbers as text where a double cannot hold them", () => {
  const text = textOf(profileOf([["time", wide]]));
  assert.match(text, '"edges":["-9223372036854775807",5,9007199254740992,"9007199254740993"]');
  assert.ok(text.startsWith('{"features":[{"bins":3,"kind":"numeric","ks":{'));
  assert.ok(text.endsWith('],"mendline":"profile","rows":10,"version":2}'));
  const document = { b: [1, null], a: { z: "é", y: 2n ** 60n }, gone: undefined, A: true };
  assert.is(canonicalJson(document), '{"A":true,"a":{"y":"1152921504606846976","z":"é"},"b":[1,null]}');
  assert.is(canonicalJson([-0, 1e21, 1e-7, 0.1]), "[0,1e+21,1e-7,0.1]");
});

test("what begins like a profile", () => {
  assert.ok(looksLikeProfile(profileToBytes(whole)));
  assert.ok(looksLikeProfile(profileToBytes(profileOf([]))));
  assert.not(looksLikeProfile(new TextEncoder().encode('{"features":{')));
  assert.not(looksLikeProfile(new Uint8Array(3)));
});

test("a column without finite values keeps its empty extremes", () => {
  const back = profileFromBytes(profileToBytes(profileOf([["a", empty]])), "x").features.get(
    "a",
  ) as NumericFeatureProfile;
  assert.is(back.moments.min, Number.POSITIVE_INFINITY);
  assert.is(back.moments.max, Number.NEGATIVE_INFINITY);
});

/** Replaces one part of the JSON text of a profile of one feature, which must be there. */
function changed(feature: FeatureProfile, part: string, by: string): string {
  const text = textOf(profileOf([["a", feature]]));
  assert.ok(text.includes(part), `${part} is not in ${text}`);
  return text.replace(part, by);
}

const damages: [string, string][] = [
  ["not JSON", "{"],
  ["no object", "null"],
  ["a list", "[]"],
  ["nothing", ""],
  ["no profile", textOf(whole).replace('"mendline":"profile"', '"mendline":"model"')],
  ["features as an object", textOf(profileOf([])).replace("[]", "{}")],
  ["a feature that is null", textOf(profileOf([])).replace("[]", "[null]")],
  ["a name that is a number", changed(floats, '"name":"a"', '"name":7')],
  ["no name", changed(floats, '"name":"a",', "")],
  ["an unknown kind", changed(floats, '"kind":"numeric"', '"kind":"vector"')],
  ["an unknown type", changed(floats, '"type":"f64"', '"type":"f16"')],
  ["an unknown logical type", changed(floats, '"logical":"float"', '"logical":"colour"')],
  ["a logical type that is no text", changed(floats, '"logical":"float"', '"logical":{}')],
  ["text where numbers are", changed(floats, '"logical":"float"', '"logical":"text"')],
  ["numbers where text is", changed(texts, '"logical":"text"', '"logical":"float"')],
  ["rows unlike the profile's", changed(floats, '"rows":10', '"rows":11')],
  ["more missing than rows", changed(floats, '"missing":2', '"missing":12')],
  ["a negative count", changed(floats, "[3,4,1]", "[9,-2,1]")],
  ["half a row", changed(floats, "[3,4,1]", "[3.5,3.5,1]")],
  ["counts that do not add up", changed(floats, "[3,4,1]", "[3,4,2]")],
  ["one count too few", changed(floats, "[3,4,1]", "[3,5]")],
  ["edges out of order", changed(floats, "[0,5e-324]", "[1,0]")],
  ["an edge twice", changed(floats, "[0,5e-324]", "[1,1]")],
  ["an infinite edge", changed(floats, "[0,5e-324]", "[0,1e999]")],
  ["an edge that is text", changed(floats, "[0,5e-324]", '[0,"1"]')],
  ["an edge that the type cannot hold", changed({ ...floats, type: "f32" }, "[0,5e-324]", "[0,0.1]")],
  ["an edge beyond the type", changed({ ...floats, type: "u8", nonFinite: 1 }, "[0,5e-324]", "[0,256]")],
  ["half a whole number", changed(wide, ",5,", ",5.5,")],
  ["a whole number in hexadecimal", changed(wide, ",5,", ',"0x5",')],
  ["an empty text for an edge", changed(wide, ",5,", ',"",')],
  ["an edge beyond 64 bits", changed(wide, '"9007199254740993"', '"99999999999999999999"')],
  ["one bin", changed(floats, '"bins":3', '"bins":1')],
  ["a thousand bins", changed(floats, '"bins":3', '"bins":1000')],
  ["moments of other rows", changed(floats, '"count":7', '"count":8')],
  ["a mean that is no number", changed(floats, '"mean":0.1', '"mean":"0.1"')],
  ["no mean", changed(floats, '"mean":0.1', '"mean":null')],
  ["a minimum that is no number", changed(floats, '"min":-1.5', '"min":[]')],
  ["no minimum", changed(floats, '"min":-1.5', '"min":null')],
  ["no moments", changed(floats, '"moments":', '"moment":')],
  ["a category twice", changed(texts, '"__proto__"', '""')],
  ["hashes that are cut off", changed(texts, '"hashCount":2', '"hashCount":3')],
  ["hashes that no one counted", changed(texts, '"hashCount":2', '"hashCount":1')],
  ["more hashes than there can be", changed(texts, '"hashCount":2', '"hashCount":20000')],
  ["hashes that are no base64", changed(texts, '"hashes":"', '"hashes":"!')],
  ["more known names than kinds", changed(texts, '"known":2', '"known":3')],
  ["fewer known names than hashes", changed(texts, '"known":2', '"known":1')],
  ["a category that is a number", changed(texts, '"__proto__"', "7")],
  ["one category count too many", changed(texts, "[3,2,1,1]", "[3,2,1,0,1]")],
  ["category counts that do not add up", changed(texts, "[3,2,1,1]", "[3,2,1,2]")],
  ["more folded names than kinds", changed(texts, '"kinds":2', '"kinds":0')],
  ["other that is no object", changed(texts, '"other":{', '"other":7,"was":{')],
];

test("a few kilobytes a feature, whatever it holds", () => {
  const next = random(17);
  const sorted = (count: number) => Array.from({ length: count }, next).sort((left, right) => left - right);
  const grid = (count: number) => ({
    edges: sorted(count),
    counts: new Array<number>(count + 1).fill(123_456_789),
  });
  const kilobytes = (feature: FeatureProfile) =>
    profileToBytes(profileOf([["a feature", feature]])).byteLength / 1_000;
  const numeric = kilobytes({ ...floats, psi: grid(9), ks: grid(255) });
  assert.ok(numeric < 9, `${numeric} kB of doubles`);
  const categories = Array.from({ length: 200 }, (_, kind) => `a category, number ${kind}`);
  const counts = categories.map(() => 123_456);
  const plain = kilobytes({ ...texts, categories, counts, other: null });
  assert.ok(plain < 8, `${plain} kB of categories`);
  const hashes = hashesOf(Array.from({ length: 9_800 }, (_, kind) => `an address, number ${kind}`));
  const folded = kilobytes({
    ...texts,
    categories,
    counts,
    other: { count: 5, kinds: 1e6, known: 9_800, hashes },
  });
  assert.ok(folded - plain < 21, `${folded - plain} kB of folded names`);
});

for (const [what, text] of damages) {
  test(`damaged: ${what}`, () => refuses(text, what));
}

test("another format's profile is not called damaged, and the message says the remedy", () => {
  const message = (version: string): string => {
    const bytes = new TextEncoder().encode(textOf(whole).replace('"version":2', `"version":${version}`));
    try {
      profileFromBytes(bytes, "old.json");
    } catch (error) {
      assert.is((error as MendlineError).code, "MENDLINE_DATA_MALFORMED");
      return (error as MendlineError).message;
    }
    throw new Error(`version ${version} was read`);
  };
  assert.match(
    message("1"),
    "old.json: a profile of format 1, this mendline reads 2; make it again from the",
  );
  assert.match(message("3"), "a profile of format 3, this mendline reads 2; read it with the mendline that");
  for (const version of ['"1"', "null", "1.5"]) assert.match(message(version), "damaged profile: ");
});

test("damaged: a feature twice, bytes that are no UTF-8, cut off anywhere", () => {
  const text = textOf(profileOf([["a", floats]]));
  const feature = text.slice(text.indexOf("[") + 1, text.indexOf('],"mendline"'));
  refuses(text.replace(feature, `${feature},${feature}`), "twice");
  refuses(Uint8Array.of(0x22, 0xff, 0x22), "no UTF-8");
  const bytes = profileToBytes(whole);
  for (let byteLength = 0; byteLength < bytes.byteLength; byteLength += 7) {
    refuses(bytes.subarray(0, byteLength), `cut off at ${byteLength}`);
  }
});

test.run();
