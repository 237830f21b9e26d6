import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { asText } from "../../../src/host/columns/as-text.js";
import { alignKinds } from "../../../src/host/drift/alignment.js";
import {
  type CompareOptions,
  compareData,
  compareToProfile,
  compareToProfiles,
} from "../../../src/host/drift/compare.js";
import { mergeEdges, quantileEdges } from "../../../src/host/drift/edges.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { DriftReport } from "../../../src/host/drift/report.js";
import { isWideInteger, type NumericType } from "../../../src/host/kernels/types.js";
import { exactRowsMax } from "../../../src/limits.js";
import { openRuntime, type RuntimeOptions } from "../../../src/scheduler/runtime.js";
import {
  allPresent,
  countByEdges,
  ksNumerator,
  presentValues,
  sortValues,
  type Value,
} from "../../assembly/oracle.js";
import { hardValues, mixedValues, random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { edgesInFloat32 } from "./float32.js";
import { type Cut, openTable, type PlainTable } from "./tables.js";

const mebibyte = 1024 * 1024;
const runtime = await openRuntime();

async function compare(
  reference: PlainTable,
  current: PlainTable,
  options: CompareOptions = {},
  cut: Cut = {},
  runtimeOptions?: RuntimeOptions,
): Promise<DriftReport> {
  const own = runtimeOptions === undefined ? runtime : await openRuntime(runtimeOptions);
  try {
    const from = await openTable(own, reference, cut, "reference");
    const to = await openTable(own, current, cut, "current");
    const report = await compareData(own, from, to, options);
    assert.is(own.arena.use.usedBytes, 0);
    return report;
  } finally {
    if (own !== runtime) await own.close();
  }
}

function sampleTable(rows: number, seed: number): PlainTable {
  const next = random(seed);
  const draw = (shift: number) =>
    Array.from({ length: rows }, () => (next() < 0.02 ? null : (next() + shift) * (next() + shift)));
  const whole = () => Array.from({ length: rows }, () => Math.floor(next() * 50));
  return {
    a: { type: "f64", cells: draw(0) },
    b: { type: "f32", cells: draw(seed / 1_000).map((cell) => (cell === null ? null : Math.fround(cell))) },
    c: { type: "i32", cells: whole() },
    d: { type: "i64", cells: whole().map(BigInt) },
    e: { type: "text", cells: whole().map((kind) => (kind % 9 === 0 ? null : `kind ${kind % 13}`)) },
    f: { type: "bool", cells: whole().map((kind) => kind % 3 === 0) },
    g: { type: "u8", cells: whole() },
    h: { type: "f64", cells: draw(seed / 500) },
  };
}

test("the same report for any number of threads, batches, forms, and a memory of one feature at a time", async () => {
  const reference = sampleTable(40_000, 3);
  const current = sampleTable(25_000, 90);
  const expected = JSON.stringify(await compare(reference, current));
  const ways: [Cut, RuntimeOptions][] = [
    [{}, { threads: 1 }],
    [{ batchRows: 7_000, form: "file" }, { threads: 2 }],
    [{ batchRows: 33_333 }, { memoryBytes: 8 * mebibyte }],
    [{ batchRows: 1_024 }, { memoryBytes: 8 * mebibyte, threads: 2 }],
  ];
  for (const [cut, options] of ways) {
    assert.is(
      JSON.stringify(await compare(reference, current, {}, cut, options)),
      expected,
      JSON.stringify([cut, options]),
    );
  }
  assert.equal(Object.keys((JSON.parse(expected) as DriftReport).features), Object.keys(reference));
});

test("against a profile the counts are those of the data, and KS is bounded around the exact one", async () => {
  const reference = sampleTable(3_000, 5);
  const current = sampleTable(2_000, 60);
  const profile = await profileData(runtime, await openTable(runtime, reference));
  const bounded = await compareToProfile(runtime, profile, await openTable(runtime, current));
  const exact = await compare(reference, current);
  assert.equal(JSON.stringify(await compare(reference, current, { ks: "binned" })), JSON.stringify(bounded));
  for (const [name, feature] of Object.entries(exact.features)) {
    const other = bounded.features[name]!;
    assert.equal(
      [other.counts, other.psi, other.kl, other.missing],
      [feature.counts, feature.psi, feature.kl, feature.missing],
    );
    if (feature.ks === null) continue;
    assert.is(other.ks!.method, "binned");
    const { statistic } = feature.ks;
    assert.ok(
      other.ks!.lower <= statistic && statistic <= other.ks!.upper,
      `${name}: ${statistic} in ${JSON.stringify(other.ks)}`,
    );
  }
  const same = compareToProfile(runtime, profile, await openTable(runtime, current), { ks: "exact" });
  await refusal(same, "MENDLINE_ARGUMENT_INVALID", /--ks/);
});

/** What the report must say of a numeric feature, whatever the types on both sides. */
function checkNumeric(
  report: DriftReport,
  [referenceType, currentType]: readonly [NumericType, NumericType],
  reference: readonly Value[],
  current: readonly Value[],
): void {
  const found = report.features.x!;
  const present = presentValues(reference, allPresent);
  const finite = sortValues(present.filter((value) => typeof value === "bigint" || Number.isFinite(value)));
  const quantiles = (bins: number) =>
    quantileEdges((rank) => finite[rank]!, finite.length, bins, referenceType);
  const edges = quantiles(10);
  // What counts as behind an atom, the edges of both grids tell together.
  const all = mergeEdges([edges, quantiles(256)]);
  const inFloat32 = edgesInFloat32(all).filter((_, index) => edges.includes(all[index]!));
  const slots = (values: readonly Value[], met: readonly Value[]) =>
    countByEdges(values, allPresent, met).slice(0, edges.length + 2);
  const isNarrowed = referenceType === "f64" && currentType === "f32";
  assert.equal(found.counts.reference, slots(reference, edges), "reference counts");
  assert.equal(found.counts.current, slots(current, isNarrowed ? inFloat32 : edges), "current counts");
  const others = presentValues(current, allPresent);
  const met = isNarrowed ? present.map((value) => Math.fround(Number(value))) : present;
  assert.is(found.ks!.statistic, Number(ksNumerator(met, others)) / (met.length * others.length), "KS");
  assert.is(found.nonFinite.current, countByEdges(current, allPresent, edges).at(-1));
}

for (const referenceType of ["f64", "f32", "i64", "u64", "i32", "u8"] as const) {
  test(`a column that was ${referenceType} and now has another type counts exactly`, async () => {
    const next = random(139);
    const reference = [...mixedValues(referenceType, 150, next), ...hardValues(referenceType)];
    for (const type of ["f64", "f32", "i64", "u64", "i32", "i16", "u8", "i8", "u32"] as const) {
      const near = reference.filter((value) => fits(value, type)).map((value) => castTo(value, type));
      const cells = [...mixedValues(type, 120, next), ...hardValues(type), ...near];
      // A model trained on f32 is given f32.
      const current =
        referenceType === "f32" && type === "f64" ? cells.map((cell) => Math.fround(cell as number)) : cells;
      for (const ks of ["auto", "binned"] as const) {
        const report = await compare(
          { x: { type: referenceType, cells: reference } },
          { x: { type, cells } },
          { ks },
        );
        if (ks === "auto") checkNumeric(report, [referenceType, type], reference, current);
        else if (referenceType !== "f64" || type !== "f32") {
          const { lower, upper } = report.features.x!.ks!;
          const held = presentValues(current, allPresent);
          const present = presentValues(reference, allPresent);
          const exact = Number(ksNumerator(present, held)) / (present.length * held.length);
          assert.ok(lower <= exact && exact <= upper, `${type}: ${exact} in [${lower}, ${upper}]`);
        }
      }
    }
  });
}

test("the same tenths as f32 and as doubles have not drifted, whichever is the reference", async () => {
  const next = random(149);
  const draw = (kinds: number) => Array.from({ length: 3_000 }, () => Math.round(next() * kinds) / 10);
  // Few values, each an atom; and so many that edges are values among others.
  for (const tenths of [draw(40), draw(4_000)]) {
    const floats: PlainTable = { x: { type: "f32", cells: tenths.map(Math.fround) } };
    const doubles: PlainTable = { x: { type: "f64", cells: tenths } };
    for (const [reference, current] of [
      [floats, doubles],
      [doubles, floats],
    ] as const) {
      for (const ks of ["exact", "binned"] as const) {
        const { psi, ks: found, shift } = (await compare(reference, current, { ks })).features.x!;
        assert.is(psi.value, 0);
        assert.is(found!.statistic, 0);
        assert.ok(shift!.wasserstein.distance < 1e-5, `${shift!.wasserstein.distance}`);
      }
      const profile = await profileData(runtime, await openTable(runtime, reference));
      const report = await compareToProfile(runtime, profile, await openTable(runtime, current));
      assert.equal([report.features.x!.psi.value, report.features.x!.ks!.statistic], [0, 0]);
    }
  }
});

test("profiles of f32 and of doubles side by side: each has its own bins of either data", async () => {
  const next = random(151);
  const tenths = Array.from({ length: 2_000 }, () => Math.round(next() * 30) / 10);
  const floats: PlainTable = { x: { type: "f32", cells: tenths.map(Math.fround) } };
  const doubles: PlainTable = { x: { type: "f64", cells: tenths } };
  const profileOf = async (table: PlainTable) => profileData(runtime, await openTable(runtime, table));
  const profiles = [await profileOf(doubles), await profileOf(floats)];
  for (const deployedFirst of [profiles, profiles.toReversed()]) {
    for (const current of [floats, doubles]) {
      const reports = await compareToProfiles(runtime, deployedFirst, await openTable(runtime, current));
      for (const report of reports) assert.is(report.features.x!.psi.value, 0);
    }
  }
});

function fits(value: Value, type: NumericType): boolean {
  if (Number.isNaN(value) || (typeof value === "number" && !Number.isFinite(value))) return false;
  return type.startsWith("f") || Number(value) === Number(castTo(value, type));
}

function castTo(value: Value, type: NumericType): Value {
  if (type === "f32") return Math.fround(Number(value));
  if (type === "f64") return Number(value);
  const bits = Number(type.slice(1));
  const whole = BigInt(typeof value === "bigint" ? value : Math.trunc(value));
  const cut = type.startsWith("i") ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole);
  return isWideInteger(type) ? cut : Number(cut);
}

test("64-bit integers beside doubles are told apart beyond 2^53", async () => {
  const reference = [2n ** 53n, 2n ** 53n + 1n, 2n ** 60n, 2n ** 60n + 1n];
  const report = await compare(
    { x: { type: "i64", cells: reference } },
    { x: { type: "f64", cells: [2 ** 53, 2 ** 53, 2 ** 60] } },
  );
  assert.is(report.features.x!.ks!.statistic, 5 / 12);
});

test("infinities of narrow floats go to the tails of wide edges", async () => {
  const reference = Array.from({ length: 50 }, (_, i) => (i - 25) * 1e300);
  const current = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1];
  const report = await compare(
    { x: { type: "f64", cells: reference } },
    { x: { type: "f32", cells: current } },
  );
  checkNumeric(report, ["f64", "f32"], reference, current);
  const counts = report.features.x!.counts.current;
  assert.equal([counts[0], counts.at(-2)], [1, 1]);
});

test("numbers as categories: named in the reference, the current follows", async () => {
  const reference: PlainTable = { x: { type: "i32", cells: [1, 1, 2, 3, null] } };
  const current: PlainTable = { x: { type: "f64", cells: [1, 2, 2.5, Number.NaN, null, 3] } };
  const from = asText(await openTable(runtime, reference), ["x"], runtime.arena);
  const to = await openTable(runtime, current);
  for (const currentSource of [to, asText(to, ["x"], runtime.arena)]) {
    const { x } = (await compareData(runtime, from, currentSource)).features;
    assert.equal(x!.categories, ["1", "2", "3"]);
    assert.equal(x!.counts, { reference: [2, 1, 1, 1, 0], current: [1, 1, 1, 2, 1] });
    assert.is(x!.unseen, 1 / 6);
    assert.is(x!.ks, null);
  }
  const profile = await profileData(runtime, from);
  const { x } = (await compareToProfile(runtime, profile, to)).features;
  assert.equal(x!.counts.current, [1, 1, 1, 2, 1]);
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("categories: folded ones are other in the current too, new ones unseen", async () => {
  const kinds = Array.from({ length: 210 }, (_, kind) => `k${1_000 + kind}`);
  const reference: PlainTable = { t: { type: "text", cells: [...kinds, ...kinds.slice(0, 200), null] } };
  const current: PlainTable = {
    t: { type: "text", cells: ["k1000", "k1205", "k1209", "new", "", null, "k1000"] },
  };
  const { t } = (await compare(reference, current, {}, { batchRows: 3 })).features;
  assert.is(t!.categories!.at(-1), "other");
  assert.is(t!.categories!.length, 201);
  assert.equal(t!.counts.reference.slice(199), [2, 10, 1, 0]);
  assert.equal([t!.counts.current[0], ...t!.counts.current.slice(199)], [2, 0, 2, 1, 2]);
});

test("a category may be called other, and names of object properties are names", async () => {
  const cells = ["other", "__proto__", "constructor", "other", "toString"];
  const report = await compare(
    { __proto__x: { type: "text", cells } },
    { __proto__x: { type: "text", cells: ["other", "valueOf"] } },
  );
  const found = report.features.__proto__x!;
  assert.equal(found.categories, ["other", "__proto__", "constructor", "toString"]);
  assert.equal(found.counts.current, [1, 0, 0, 0, 0, 1]);
});

test("no current rows: insufficient data, whatever their types", async () => {
  const reference = sampleTable(500, 7);
  const empty = Object.fromEntries(
    Object.entries(reference).map(([name, { type }]) => [name, { type, cells: [] }]),
  );
  const report = await compare(reference, empty);
  assert.is(report.verdict, "insufficient-data");
  assert.ok(
    Object.values(report.features).every(({ verdict, ks }) => verdict === "insufficient-data" && ks === null),
  );
  const asTexts = await compare({ x: { type: "f64", cells: [1, 2] } }, { x: { type: "text", cells: [] } });
  assert.is(asTexts.verdict, "insufficient-data");
});

test("columns that are gone, of another kind, or of another unit are refused by name", async () => {
  const numbers: PlainTable = { x: { type: "f64", cells: [1, 2] } };
  const texts: PlainTable = { x: { type: "text", cells: ["1", "2"] } };
  await refusal(
    compare(numbers, { y: { type: "f64", cells: [1] } }),
    "MENDLINE_DATA_SCHEMA",
    /current has no column "x"/,
  );
  await refusal(compare(numbers, texts), "MENDLINE_DATA_SCHEMA", /"x" holds text.*--categorical/);
  await refusal(
    compare(numbers, numbers, { features: ["z"] }),
    "MENDLINE_DATA_SCHEMA",
    /reference has no column "z"/,
  );
  // Text in the reference, numbers now: read as text.
  assert.equal((await compare(texts, numbers)).features.x!.counts.current, [1, 1, 0, 0]);
  const source = await openTable(runtime, numbers);
  const inUnit = (unit: "timestamp[ms]" | "timestamp[s]" | "date") => ({
    ...source,
    fields: [{ name: "x", logical: unit, type: "i64" as const }],
  });
  for (const [reference, current] of [
    ["timestamp[ms]", "timestamp[s]"],
    ["date", "timestamp[ms]"],
  ] as const) {
    assert.throws(
      () => alignKinds(runtime, inUnit(current), inUnit(reference).fields),
      (thrown: unknown) => thrown instanceof MendlineError && thrown.code === "MENDLINE_DATA_SCHEMA",
    );
  }
  assert.is(alignKinds(runtime, inUnit("date"), inUnit("date").fields).rowCount, 2);
  // Arrow's two dates: days in 32 bits, milliseconds in 64.
  const days = { ...source, fields: [{ name: "x", logical: "date" as const, type: "i32" as const }] };
  assert.throws(
    () => alignKinds(runtime, days, inUnit("date").fields),
    /a date in days where .* a date in milliseconds/,
  );
  const profile = await profileData(runtime, source);
  await refusal(
    compareToProfile(runtime, profile, source, { features: ["z"] }),
    "MENDLINE_DATA_SCHEMA",
    /no feature "z"/,
  );
});

test("a column that is gone can count as missing; columns that are new or turned are told", async () => {
  const reference: PlainTable = {
    a: { type: "f64", cells: Array.from({ length: 400 }, (_, row) => row) },
    b: { type: "text", cells: Array.from({ length: 400 }, (_, row) => `kind ${row % 3}`) },
    c: { type: "i32", cells: Array.from({ length: 400 }, (_, row) => row % 7) },
    d: { type: "i64", cells: Array.from({ length: 400 }, (_, row) => BigInt(row)) },
  };
  const current: PlainTable = {
    new: { type: "f64", cells: Array.from({ length: 300 }, () => 1) },
    c: { type: "f64", cells: Array.from({ length: 300 }, (_, row) => (row % 7) + 0.5) },
    __proto__new: { type: "text", cells: Array.from({ length: 300 }, () => "x") },
  };
  await refusal(
    compare(reference, current),
    "MENDLINE_DATA_SCHEMA",
    /no column "a", .*\(3 of 4 features are not there\).*--absent missing/,
  );
  for (const ks of ["exact", "binned"] as const) {
    for (const cut of [{}, { batchRows: 70 }]) {
      const report = await compare(reference, current, { absent: "missing", ks }, cut);
      assert.equal(report.schema, {
        added: ["new", "__proto__new"],
        gone: ["a", "b", "d"],
        changed: [{ feature: "c", reference: "integer", current: "float" }],
      });
      for (const name of ["a", "b", "d"]) {
        const { missing, verdict, explanation, ks: distance } = report.features[name]!;
        assert.equal([missing.current, verdict, distance], [1, "drift", null]);
        assert.is(explanation.sentence, "100 % of the rows now have no value, 0 % in the reference.");
      }
    }
  }
  const profile = await profileData(runtime, await openTable(runtime, reference));
  const source = await openTable(runtime, current);
  await refusal(compareToProfile(runtime, profile, source), "MENDLINE_DATA_SCHEMA", /no column "a"/);
  const report = await compareToProfile(runtime, profile, source, { absent: "missing" });
  assert.equal(report.schema!.gone, ["a", "b", "d"]);
  assert.is(report.features.d!.missing.current, 1);
  // Chosen features alone are compared; what else the reference has is not new.
  const chosen = await compareToProfile(runtime, profile, source, { features: ["c"] });
  assert.equal(chosen.schema, { ...report.schema, gone: [] });
  const own = await compare(reference, current, { features: ["c"] });
  assert.equal(own.schema, chosen.schema);
  // Not a single feature: it is other data.
  await refusal(
    compare(reference, { new: current.new! }, { absent: "missing" }),
    "MENDLINE_DATA_SCHEMA",
    /are they the right data/,
  );
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("options out of range are refused before anything is read", async () => {
  const table: PlainTable = { x: { type: "f64", cells: [1, 2] } };
  for (const options of [
    { threshold: 0 },
    { threshold: Number.NaN },
    { alpha: 0 },
    { alpha: 1 },
    { bins: 1 },
    { smoothing: { kind: "additive", s: 0 } },
    { smoothing: { kind: "floor", floor: -1 } },
  ] satisfies CompareOptions[]) {
    await refusal(compare(table, table, options), "MENDLINE_ARGUMENT_INVALID");
  }
  await refusal(compare({ x: { type: "f64", cells: [] } }, table), "MENDLINE_DATA_EMPTY");
  await refusal(compare(table, table, { signal: AbortSignal.abort() }), "MENDLINE_TASK_ABORTED");
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("where both samples' values do not fit, they are read in pieces, with the same report", async () => {
  const next = random(149);
  const draw = (rows: number, shift: number) =>
    Array.from({ length: rows }, () => (next() < 0.01 ? null : next() ** 2 + shift));
  const small = { memoryBytes: 8 * mebibyte };
  const cut = { batchRows: 50_000 };
  // Neither of them alone could be sorted, or only the current one.
  for (const [n, m] of [
    [350_000, 350_000],
    [600_000, 2_000],
  ] as const) {
    const reference: PlainTable = { x: { type: "f64", cells: draw(n, 0) } };
    // As f32 it is compared with what f32 makes of the doubles.
    const current: PlainTable = { x: { type: "f32", cells: draw(m, 0.1) } };
    const found = await compare(reference, current, {}, cut, small);
    assert.is(found.features.x!.ks!.method, "asymptotic");
    assert.equal(found, await compare(reference, current));
    assert.equal(await compare(reference, current, { ks: "exact" }, cut, small), found);
  }
});

test("more rows than distances are taken of by values unless asked for", async () => {
  const rows = { x: { type: "f64", cells: [1, 2, 3, 4] } } satisfies PlainTable;
  const reference = await openTable(runtime, rows);
  const long = { ...(await openTable(runtime, rows, {}, "current")), rowCount: exactRowsMax };
  const { x } = (await compareData(runtime, reference, long)).features;
  assert.is(x!.ks!.method, "binned");
});

test.run();
