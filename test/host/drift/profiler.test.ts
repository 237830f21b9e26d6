import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSource } from "../../../src/host/columns/column.js";
import { quantileEdges } from "../../../src/host/drift/edges.js";
import { hashesOf } from "../../../src/host/drift/name-hashes.js";
import {
  type CategoricalFeatureProfile,
  type NumericFeatureProfile,
  type Profile,
  profileFromBytes,
  profileSignature,
  profileToBytes,
} from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { NumericType } from "../../../src/host/kernels/types.js";
import { openRuntime, type RuntimeOptions } from "../../../src/scheduler/runtime.js";
import {
  allPresent,
  countByEdges,
  moments,
  presentValues,
  sortValues,
  type Value,
} from "../../assembly/oracle.js";
import { mixedValues, random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { type Cut, openTable, type PlainTable, type TableCell } from "./tables.js";

const mebibyte = 1024 * 1024;
const runtime = await openRuntime();

function withNulls(values: readonly TableCell[], next: () => number): TableCell[] {
  return values.map((value) => (next() < 0.1 ? null : value));
}

const numericColumns = ["f32", "f64", "i8", "i16", "i32", "i64", "u8", "u32", "u64"] as const;

/** A column of every type, with nulls, NaN, infinities and extremes. */
function mixedTable(rows: number): PlainTable {
  const next = random(131);
  const numeric = numericColumns.map((type) => [
    type,
    { type, cells: withNulls(mixedValues(type, rows, next), next) },
  ]);
  const texts = Array.from({ length: rows }, () => `t${Math.floor(next() ** 2 * 30)}`);
  const flags = Array.from({ length: rows }, () => next() < 0.3);
  return {
    ...(Object.fromEntries(numeric) as PlainTable),
    text: { type: "text", cells: withNulls(texts, next) },
    bool: { type: "bool", cells: withNulls(flags, next) },
  };
}

async function profileOf(table: PlainTable, cut: Cut = {}, options: RuntimeOptions = {}): Promise<Profile> {
  const own = await openRuntime(options);
  try {
    const profile = await profileData(own, await openTable(own, table, cut));
    assert.is(own.arena.use.usedBytes, 0);
    return profile;
  } finally {
    await own.close();
  }
}

test("every feature as plain counting has it", async () => {
  const table = mixedTable(1_500);
  const profile = await profileData(runtime, await openTable(runtime, table, { batchRows: 400 }), {
    bins: 7,
  });
  assert.is(profile.rows, 1_500);
  assert.equal([...profile.features.keys()], Object.keys(table));
  for (const type of numericColumns) {
    const cells = table[type]!.cells as (Value | null)[];
    const values = presentValues(
      cells.filter((cell) => cell !== null),
      allPresent,
    );
    const finite = sortValues(values.filter((value) => typeof value === "bigint" || Number.isFinite(value)));
    const found = profile.features.get(type) as NumericFeatureProfile;
    assert.equal([found.kind, found.type, found.rows, found.bins], ["numeric", type, 1_500, 7]);
    assert.is(found.missing, 1_500 - values.length);
    assert.is(found.nonFinite, values.length - finite.length);
    for (const [histogram, bins] of [
      [found.psi, 7],
      [found.ks, 256],
    ] as const) {
      const edges = quantileEdges((rank) => finite[rank]!, finite.length, bins, type as NumericType);
      assert.equal(histogram.edges, edges);
      assert.equal(histogram.counts, countByEdges(values, allPresent, edges).slice(0, edges.length + 1));
    }
    const plain = moments(finite, allPresent);
    assert.equal(
      [found.moments.count, found.moments.min, found.moments.max],
      [plain.count, plain.min, plain.max],
    );
    if (type.startsWith("f")) continue;
    const close = (one: number, other: number) => Math.abs(one - other) <= 1e-9 * Math.abs(other) + 1e-9;
    assert.ok(close(found.moments.m2!, plain.m2), `${type}: m2 ${found.moments.m2} ${plain.m2}`);
  }
  const flags = profile.features.get("bool") as NumericFeatureProfile;
  assert.equal(flags.psi.edges, [0, 1]);
  assert.equal(flags.psi.counts, [
    0,
    ...[false, true].map((flag) => table.bool!.cells.filter((cell) => cell === flag).length),
  ]);
});

test("the signature does not depend on batches, form, threads or memory", async () => {
  const table = mixedTable(3_000);
  const expected = profileSignature(await profileOf(table));
  const ways: [Cut, RuntimeOptions][] = [
    [{ batchRows: 1_000 }, {}],
    [{ batchRows: 64 }, { threads: 1 }],
    [{ batchRows: 999, form: "file" }, { threads: 2 }],
    [{ batchRows: 7 }, { memoryBytes: 8 * mebibyte }],
  ];
  for (const [cut, options] of ways) {
    const signature = profileSignature(await profileOf(table, cut, options));
    assert.is(signature, expected, JSON.stringify([cut, options]));
  }
});

test("a memory that holds one feature at a time gives the same profile, in several passes", async () => {
  const next = random(137);
  const rows = 150_000;
  const draw = () => Array.from({ length: rows }, () => Math.floor(next() * 1e6) / 64);
  const table: PlainTable = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [name, { type: "f64", cells: draw() }]),
  );
  const small = await openRuntime({ memoryBytes: 8 * mebibyte });
  const source = await openTable(small, table);
  let passes = 0;
  const counting: DataSource = {
    ...source,
    read: (options) => {
      passes += 1;
      return source.read(options);
    },
  };
  const signature = profileSignature(await profileData(small, counting));
  assert.ok(passes > 1, `${passes} passes`);
  assert.is(small.arena.use.usedBytes, 0);
  assert.is(signature, profileSignature(await profileOf(table, { batchRows: 50_000 }, { threads: 2 })));
});

test("a feature that does not fit is read several times instead: the same profile, and the memory is whole again", async () => {
  const small = await openRuntime({ memoryBytes: 8 * mebibyte });
  const table: PlainTable = {
    a: { type: "i8", cells: Array.from({ length: 1_200_000 }, (_, row) => row % 7) },
  };
  const profile = await profileData(small, await openTable(small, table));
  assert.is(small.arena.use.usedBytes, 0);
  assert.is(profileSignature(profile), profileSignature(await profileOf(table)));
});

test("rows in another order are the same data", async () => {
  const table = mixedTable(500);
  const reversed = Object.fromEntries(
    Object.entries(table).map(([name, column]) => [name, { ...column, cells: [...column.cells].reverse() }]),
  );
  assert.is(profileSignature(await profileOf(reversed)), profileSignature(await profileOf(table)));
});

test("categories: falling count, ties by bytes, 200 of them, the rest folded and known by name", async () => {
  const cells: (string | null)[] = [null, "", "", "ż", "z", "Z", "\u{1f327}", "\uffff"];
  const few = (await profileOf({ t: { type: "text", cells } })).features.get(
    "t",
  ) as CategoricalFeatureProfile;
  // By UTF-8 bytes U+FFFF (EF BF BF) stands before U+1F327 (F0 9F 8C A7); by UTF-16 units it would stand behind.
  assert.equal(few.categories, ["", "Z", "z", "ż", "\uffff", "\u{1f327}"]);
  assert.equal([few.counts, few.missing, few.other], [[2, 1, 1, 1, 1, 1], 1, null]);
  const many = Array.from({ length: 260 }, (_, kind) =>
    new Array<string>(kind < 100 ? 3 : 1).fill(`k${1_000 + kind}`),
  ).flat();
  const found = (await profileOf({ t: { type: "text", cells: many } }, { batchRows: 50 })).features.get(
    "t",
  ) as CategoricalFeatureProfile;
  assert.is(found.categories.length, 200);
  assert.equal(found.categories.slice(98, 102), ["k1098", "k1099", "k1100", "k1101"]);
  assert.equal(
    [found.other!.count, found.other!.kinds, found.other!.known, found.other!.hashes],
    [60, 60, 60, hashesOf(Array.from({ length: 60 }, (_, kind) => `k${1_200 + kind}`))],
  );
});

test("columns of nothing but missing values", async () => {
  const cells = [null, null, null];
  const profile = await profileOf({
    n: { type: "f64", cells },
    t: { type: "text", cells },
    x: { type: "f64", cells: [Number.NaN, null, Number.POSITIVE_INFINITY] },
  });
  const n = profile.features.get("n") as NumericFeatureProfile;
  assert.equal([n.missing, n.nonFinite, n.psi, n.moments.count], [3, 0, { edges: [], counts: [0] }, 0]);
  const t = profile.features.get("t") as CategoricalFeatureProfile;
  assert.equal([t.missing, t.categories, t.counts], [3, [], []]);
  const x = profile.features.get("x") as NumericFeatureProfile;
  assert.equal([x.missing, x.nonFinite, x.psi], [2, 1, { edges: [], counts: [1] }]);
  assert.is(profileSignature(profileFromBytes(profileToBytes(profile), "x")), profileSignature(profile));
});

test("values whose powers leave the doubles: the profile still comes back whole", async () => {
  const cells = [-Number.MAX_VALUE, -Number.MAX_VALUE, 1, 2, 1e100];
  const profile = await profileOf({ n: { type: "f64", cells } });
  const back = profileFromBytes(profileToBytes(profile), "x");
  assert.equal([...back.features], [...profile.features]);
  const { moments: found } = back.features.get("n") as NumericFeatureProfile;
  assert.is(found.min, -Number.MAX_VALUE);
  assert.ok(Math.abs(found.mean / (-Number.MAX_VALUE * 0.4) - 1) < 1e-15);
  assert.equal([found.m2, found.m3, found.m4], [null, null, null]);
});

test("only the features asked for, in that order, each once", async () => {
  const source = await openTable(runtime, mixedTable(50));
  const { features } = await profileData(runtime, source, { features: ["text", "i8", "text"] });
  assert.equal([...features.keys()], ["text", "i8"]);
  await refusal(
    profileData(runtime, source, { features: ["i8", "gone"] }),
    "MENDLINE_DATA_SCHEMA",
    /no column "gone"/,
  );
  await refusal(profileData(runtime, source, { features: [] }), "MENDLINE_DATA_SCHEMA");
});

test("bins out of range, no rows, a cancelled reading", async () => {
  const source = await openTable(runtime, mixedTable(50));
  for (const bins of [0, 1, 101, 2.5, Number.NaN]) {
    await refusal(profileData(runtime, source, { bins }), "MENDLINE_ARGUMENT_INVALID", /bins/);
  }
  await refusal(profileData(runtime, await openTable(runtime, mixedTable(0))), "MENDLINE_DATA_EMPTY");
  await refusal(profileData(runtime, source, { signal: AbortSignal.abort() }), "MENDLINE_TASK_ABORTED");
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("progress goes to the end of the rows", async () => {
  const seen: number[] = [];
  const source = await openTable(runtime, mixedTable(50), { batchRows: 20 });
  await profileData(runtime, source, { onProgress: (read, total) => void seen.push(read, total) });
  assert.equal(seen, [20, 50, 40, 50, 50, 50]);
});

test("a source that gives other rows than it said is refused", async () => {
  const source = await openTable(runtime, mixedTable(50));
  for (const rowCount of [49, 51]) {
    await refusal(profileData(runtime, { ...source, rowCount }), "MENDLINE_DATA_MALFORMED", /50/);
  }
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
