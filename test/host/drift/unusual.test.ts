// Columns that are not quite distributions: each has a defined answer, against the data and against its profile alike.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareData, compareToProfile } from "../../../src/host/drift/compare.js";
import { profileFromBytes, profileToBytes } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { FeatureReport } from "../../../src/host/drift/report.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { type ColumnType, openTable, type TableCell } from "./tables.js";

const runtime = await openRuntime();
const rows = 500;

interface Case {
  readonly name: string;
  readonly type: ColumnType;
  readonly reference: (row: number) => TableCell;
  readonly current: (row: number) => TableCell;
  readonly verdict: FeatureReport["verdict"];
  readonly sentence: RegExp;
  readonly bins: number;
}

const even = (row: number) => row / rows;
const nothing = "No part of the distribution moved noticeably\\.";
const still = new RegExp(`^${nothing}$`);

const cases: Case[] = [
  {
    name: "a constant stays: one slot, no divergence, nothing to tell",
    type: "f64",
    reference: () => 5,
    current: () => 5,
    verdict: "stable",
    sentence: still,
    bins: 1,
  },
  {
    name: "a constant changes",
    type: "f64",
    reference: () => 5,
    current: () => 5.5,
    verdict: "drift",
    sentence: /^100 % of the rows are now above 5, 0 % in the reference; the values moved up\.$/,
    bins: 2,
  },
  {
    name: "a constant boolean changes",
    type: "bool",
    reference: () => true,
    current: (row) => row % 2 === 0,
    verdict: "drift",
    sentence: /^50 % of the rows are now false, 0 % in the reference\.$/,
    bins: 2,
  },
  {
    name: "a constant becomes missing",
    type: "i32",
    reference: () => 7,
    current: () => null,
    verdict: "drift",
    sentence: /^100 % of the rows now have no value, 0 % in the reference\.$/,
    bins: 2,
  },
  {
    name: "an atom among others grows",
    type: "f64",
    reference: (row) => (row % 2 === 0 ? 0 : even(row)),
    current: (row) => (row % 8 === 0 ? even(row) : 0),
    verdict: "drift",
    sentence: /^88 % of the rows are now exactly 0, 50 % in the reference; the values moved down\.$/,
    bins: 6,
  },
  {
    name: "small integers: each its own bin",
    type: "i64",
    reference: (row) => BigInt(row % 5),
    current: (row) => BigInt(row % 5 === 0 ? 4 : row % 5),
    verdict: "drift",
    sentence: /^40 % of the rows are now 4 or above, 20 % in the reference; the values moved up\.$/,
    bins: 5,
  },
  {
    name: "missing throughout, and still so",
    type: "f64",
    reference: () => null,
    current: () => null,
    verdict: "stable",
    sentence: still,
    bins: 1,
  },
  {
    name: "missing throughout, and now there",
    type: "f64",
    reference: () => null,
    current: even,
    verdict: "drift",
    sentence: /^100 % of the rows now have a value, 0 % in the reference\.$/,
    bins: 2,
  },
  {
    name: "NaN is missing",
    type: "f64",
    reference: (row) => (row % 2 === 0 ? Number.NaN : 1),
    current: (row) => (row % 2 === 0 ? null : 1),
    verdict: "stable",
    sentence: still,
    bins: 2,
  },
  {
    name: "infinite throughout",
    type: "f64",
    reference: () => Number.POSITIVE_INFINITY,
    current: () => Number.NEGATIVE_INFINITY,
    // One bin holds whatever is present: both signs alike.
    verdict: "stable",
    sentence: still,
    bins: 1,
  },
  {
    name: "a text column without a text",
    type: "text",
    reference: () => null,
    current: (row) => `kind ${row % 2}`,
    verdict: "drift",
    sentence: /^100 % of the rows are now in categories that the reference never held/,
    bins: 2,
  },
  {
    name: "new categories, and the empty text is one",
    type: "text",
    reference: (row) => (row % 2 === 0 ? "" : "b"),
    current: (row) => ["", "b", "c", "d"][row % 4]!,
    verdict: "drift",
    sentence: /^50 % of the rows are now in categories that the reference never held/,
    bins: 3,
  },
  {
    name: "a category is gone",
    type: "text",
    reference: (row) => ["a", "b", "c"][row % 3]!,
    current: (row) => ["a", "c"][row % 2]!,
    verdict: "drift",
    sentence: /^"b" is gone, 33 % in the reference/,
    bins: 3,
  },
];

for (const { name, type, reference, current, verdict, sentence, bins } of cases) {
  test(name, async () => {
    const table = (cell: (row: number) => TableCell) =>
      openTable(runtime, { x: { type, cells: Array.from({ length: rows }, (_, row) => cell(row)) } });
    const check = (found: FeatureReport, what: string) => {
      assert.is(found.verdict, verdict, what);
      assert.match(found.explanation.sentence, sentence);
      assert.is(found.psi.bins, bins, what);
      const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
      assert.equal([total(found.counts.reference), total(found.counts.current)], [rows, rows], what);
      const text = JSON.stringify(found);
      assert.equal(JSON.parse(text), found, `${what}: no figure is lost in JSON`);
    };
    for (const ks of ["exact", "binned"] as const) {
      const report = await compareData(runtime, await table(reference), await table(current), { ks });
      check(report.features.x!, ks);
    }
    const profile = await profileData(runtime, await table(reference));
    const kept = profileFromBytes(profileToBytes(profile), "profile");
    check((await compareToProfile(runtime, kept, await table(current))).features.x!, "profile");
  });
}

test("the arena is empty again", () => {
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
