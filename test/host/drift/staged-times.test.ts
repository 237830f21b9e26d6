import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HeldColumn, heldBatch } from "../../../src/host/columns/held.js";
import { StagedTimes } from "../../../src/host/drift/staged-times.js";
import type { TimeUnit } from "../../../src/host/drift/window.js";
import { refused } from "./monitored.js";

function timesOf(cells: readonly unknown[], unit: TimeUnit = "ms"): number[] {
  const staged = new StagedTimes("t", unit, cells.length);
  const taken = cells.map((cell, row) => staged.set(row, cell));
  assert.ok(taken.every(Boolean));
  return [...staged.times];
}

test("numbers of every unit, to whole milliseconds, downwards", () => {
  assert.equal(timesOf([0, 1.9, -0.1, 1_700_000_000_123n]), [0, 1, -1, 1_700_000_000_123]);
  assert.equal(timesOf([1.5, -1.5, 1_700_000_000.123], "s"), [1_500, -1_500, 1_700_000_000_123]);
  assert.equal(timesOf([1_999, 2_000n, -1], "us"), [1, 2, -1]);
  assert.equal(timesOf([1_700_000_000_123_456_789n, 999_999], "ns"), [1_700_000_000_123, 0]);
});

test("texts are ISO 8601, UTC where they name no zone; or numbers", () => {
  const noon = Date.UTC(2024, 4, 1, 12);
  const cases: [string, number][] = [
    ["2024-05-01T12:00:00Z", noon],
    ["2024-05-01T12:00:00.000Z", noon],
    ["2024-05-01 12:00", noon],
    ["2024-05-01T12:00:00.123456789", noon + 123],
    ["2024-05-01T14:00+02:00", noon],
    ["2024-05-01T14:00:00+0200", noon],
    ["2024-05-01T04:00:00-08", noon],
    ["2024-05-01", Date.UTC(2024, 4, 1)],
    ["  2024-05-01T12:00:00Z ", noon],
    ["+012024-05-01T00:00Z", Date.UTC(12_024, 4, 1)],
    ["1714564800000", 1_714_564_800_000],
    ["-5.5", -6],
    ["1e3", 1_000],
  ];
  for (const [text, ms] of cases) assert.equal(timesOf([text]), [ms], text);
});

test("what cannot be told is no time; what no row can hold is refused", () => {
  const untold = [
    ...[
      null,
      undefined,
      Number.NaN,
      Infinity,
      -Infinity,
      1e300,
      8.64e15 + 1,
      -8.64e15 - 1,
      10n ** 40n,
      true,
      false,
    ],
    ...[
      "",
      "noon",
      "05/01/2024",
      "2024-13-01",
      "2024-05-01T25:00",
      "2024-05-01T12:00 PM",
      "May 1, 2024",
      "12:00",
    ],
    ...[
      "NaN",
      "1e999",
      "0x10",
      "2024-05-01T12:00:00Zulu",
      "9".repeat(400),
      "2024-05-01".repeat(1_000),
      new Date("no"),
    ],
  ];
  assert.equal(
    timesOf(untold),
    untold.map(() => Number.NaN),
  );
  assert.equal(timesOf([8.64e15, -8.64e15, new Date(5)]), [8.64e15, -8.64e15, 5]);
  const staged = new StagedTimes("t", "ms", 1);
  for (const cell of [{}, [], Symbol("x"), () => 1]) assert.not(staged.set(0, cell));
});

const unitsOf = { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 } as const;

test("columns: the units of Arrow are their own, absent rows have no time", () => {
  const ms = [1_714_564_800_123, -1, 0];
  const held = (logical: string, type: string, values: unknown): HeldColumn =>
    ({
      field: { name: "t", logical, type },
      validity: Uint8Array.of(0b0010),
      validityBitOffset: 0,
      held: { kind: "numbers", type, values },
    }) as HeldColumn;
  for (const unit of ["ms", "us", "ns"] as const) {
    const values = BigInt64Array.from(ms, (time) => BigInt(time) * BigInt(unitsOf[unit]));
    const staged = new StagedTimes("t", "s", 5);
    staged.append(1, { ...held(`timestamp[${unit}]`, "i64", values), validity: null }, 0, 3);
    assert.equal([...staged.times.subarray(1, 4)], ms, unit);
  }
  const days = new StagedTimes("t", "us", 3);
  days.append(0, { ...held("date", "i32", Int32Array.of(19_844, -1)), validity: null }, 0, 2);
  days.append(2, held("date", "i64", BigInt64Array.of(7n, 86_400_000n)), 1, 1);
  assert.equal([...days.times], [Date.UTC(2024, 4, 1), -86_400_000, 86_400_000]);
  const plain = new StagedTimes("t", "s", 4);
  plain.append(0, held("float", "f64", Float64Array.of(1, 2, 3)), 0, 3);
  assert.equal([...plain.times.subarray(0, 3)], [Number.NaN, 2_000, Number.NaN]);
});

test("lists and codes are read as rows are; a list of names may grow", () => {
  const names: (string | null)[] = ["2024-05-01", null];
  const batch = () =>
    heldBatch(
      {
        list: ["1970-01-01T00:00:01", new Date(7) as never, null],
        codes: { codes: Int8Array.of(1, 0, 2), names },
      },
      ["list", "codes"],
      "live",
    );
  const list = new StagedTimes("list", "ms", 3);
  const codes = new StagedTimes("codes", "ms", 3);
  list.append(0, batch().columns[0]!, 0, 3);
  codes.append(0, batch().columns[1]!, 0, 3);
  assert.equal([...list.times], [1_000, 7, Number.NaN]);
  assert.equal([...codes.times], [Number.NaN, Date.UTC(2024, 4, 1), Number.NaN]);
  names.push("1970-01-01");
  codes.append(0, batch().columns[1]!, 0, 3);
  assert.equal([...codes.times], [Number.NaN, Date.UTC(2024, 4, 1), 0]);
  const bad = heldBatch({ list: [1, {} as never] }, ["list"], "live").columns[0]!;
  refused(() => list.check(bad, "live"), "MENDLINE_DATA_SCHEMA", /live: "list" of row 1 is no number/);
});

test.run();
