// Data that mean harm, from the file to the report: told or refused, and nothing beside them changes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { openData } from "../../../src/host/columns/open.js";
import { type CompareOptions, compareData } from "../../../src/host/drift/compare.js";
import { profileFromBytes, profileToBytes } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { DriftReport } from "../../../src/host/drift/report.js";
import { driftPage } from "../../../src/host/pages/drift-page.js";
import { columnsMax } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { fileOf } from "../columns/support.js";
import { readHtml } from "../pages/html-checker.js";

const runtime = await openRuntime();

async function compare(
  reference: string,
  current: string,
  options: CompareOptions = {},
): Promise<DriftReport> {
  const [from, to] = [await openData(reference, runtime.arena), await openData(current, runtime.arena)];
  try {
    return await compareData(runtime, from, to, options);
  } finally {
    await from.close();
    await to.close();
    assert.is(runtime.arena.use.usedBytes, 0);
  }
}

async function refusal(reference: string, current: string): Promise<string> {
  try {
    await compare(reference, current);
  } catch (thrown) {
    if (thrown instanceof MendlineError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return "compared";
}

const csv = (...lines: string[]) => fileOf(`${lines.join("\n")}\n`);
const ndjson = (...lines: string[]) => fileOf(`${lines.join("\n")}\n`, ".ndjson");

const inherited = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];

test("names of object properties are columns, and nothing else learns of them", async () => {
  const plain = JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort());
  const forms = [
    csv(inherited.join(","), ...Array.from({ length: 60 }, (_, row) => inherited.map(() => row).join(","))),
    ndjson(
      ...Array.from({ length: 60 }, (_, row) => `{${inherited.map((name) => `"${name}":${row}`).join(",")}}`),
    ),
  ];
  for (const reference of forms) {
    for (const current of forms) {
      const report = await compare(reference, current);
      assert.equal(Object.keys(report.features), inherited);
      for (const feature of Object.values(report.features)) assert.is(feature.psi.value, 0);
      const back = JSON.parse(JSON.stringify(report)) as DriftReport;
      assert.equal(Object.keys(back.features), inherited);
      readHtml(driftPage(report, { title: "t", reference: "r", current: "c", createdMs: 0 }));
    }
    const source = await openData(reference, runtime.arena);
    const profile = await profileData(runtime, source);
    assert.equal([...profileFromBytes(profileToBytes(profile), "p").features.keys()], inherited);
  }
  assert.is(JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort()), plain);
  assert.is(({} as Record<string, unknown>).psi, undefined);
});

test("numbers beyond doubles are infinite, in every text format; the shortest ones are 0", async () => {
  const numbers = ["1e999", "-1e999", "1e-999", ...Array.from({ length: 40 }, (_, row) => String(row))];
  const forms = [
    csv("x,y", ...numbers.map((x) => `${x},1`)),
    ndjson(...numbers.map((x) => `{"x":${x},"y":1}`)),
  ];
  for (const reference of forms) {
    for (const current of forms) {
      const { x } = (await compare(reference, current)).features;
      assert.equal(x!.nonFinite, { reference: 2, current: 2 });
      assert.is(x!.psi.value, 0);
      assert.is(x!.shift!.mean.shift, 0);
    }
  }
});

test("mixed types are text; beside a reference of numbers they are refused, with the column's name", async () => {
  const numbers = csv("x,y", ...Array.from({ length: 30 }, (_, row) => `${row},1`));
  const mixed = csv("x,y", ...Array.from({ length: 30 }, (_, row) => `${row % 5 === 0 ? "n/a" : row},1`));
  const json = ndjson('{"x":1,"y":1}', '{"x":"two","y":1}', '{"x":true,"y":1}', '{"x":null,"y":1}');
  for (const current of [mixed, json]) {
    assert.match(await refusal(numbers, current), /^MENDLINE_DATA_SCHEMA .*column "x" holds text/);
  }
  const { x } = (await compare(json, json)).features;
  assert.equal([x!.kind, x!.psi.value, x!.missing.current], ["categorical", 0, 0.25]);
});

test("ragged, cut off and nested rows are refused with their line", async () => {
  const fine = csv("x,y", "1,2", "3,4");
  assert.match(await refusal(fine, csv("x,y", "1,2", "3")), /^MENDLINE_DATA_MALFORMED .*line 3 has 1 cell/);
  assert.match(await refusal(fine, csv("x,y", "1,2,9", "3,4")), /^MENDLINE_DATA_MALFORMED .*line 2/);
  assert.match(
    await refusal(fine, csv("x,y", '1,"2', "3,4")),
    /^MENDLINE_DATA_MALFORMED .*line 2 opens a quote/,
  );
  assert.match(
    await refusal(fine, ndjson('{"x":1,"y":2}', '{"x":{"a":1},"y":2}')),
    /^MENDLINE_DATA_MALFORMED .*line 2/,
  );
  assert.match(await refusal(fine, ndjson('{"x":1,"y":2}', '{"x":1,')), /^MENDLINE_DATA_MALFORMED .*line 2/);
  const deep = `{"x":${"[".repeat(100_000)}`;
  assert.match(await refusal(fine, ndjson('{"x":1,"y":2}', deep)), /^MENDLINE_DATA_MALFORMED .*line 2/);
});

test("ten thousand columns give ten thousand features, and not one more", async () => {
  const names = Array.from({ length: columnsMax }, (_, index) => `c${index}`);
  const rows = (shift: number) =>
    Array.from({ length: 12 }, (_, row) => names.map((_name, index) => (index % 7) + row + shift).join(","));
  const report = await compare(csv(names.join(","), ...rows(0)), csv(names.join(","), ...rows(1)));
  assert.equal(Object.keys(report.features), names);
  assert.is(report.verdict, "insufficient-data");
  const wider = csv([...names, "one more"].join(","));
  assert.match(await refusal(wider, wider), /^MENDLINE_DATA_LIMIT/);
});

test.run();
