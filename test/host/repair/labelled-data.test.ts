import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSource } from "../../../src/host/columns/column.js";
import { openData } from "../../../src/host/columns/open.js";
import { writeArrow } from "../../../src/host/columns/write-arrow.js";
import { Arena } from "../../../src/host/memory/arena.js";
import {
  type LabelledData,
  readLabelled,
  selectRows,
  withoutRows,
} from "../../../src/host/repair/labelled-data.js";
import { labelledRowsMax } from "../../../src/limits.js";
import { scratchDir } from "../../support.js";
import { refuses } from "./support.js";

const folder = scratchDir();
const arena = new Arena(16 * 1024 * 1024);

async function readCsv(
  lines: readonly string[],
  features: string[],
  label = "y",
  weight: string | null = null,
): Promise<LabelledData> {
  const path = join(folder, "data.csv");
  writeFileSync(path, `${lines.join("\n")}\n`);
  const source = await openData(path, arena);
  try {
    return await readLabelled(source, { features, label, weight, memory: arena.memory });
  } finally {
    await source.close();
  }
}

test("reads features in the order asked for, booleans and whole numbers as numbers", async () => {
  const data = await readCsv(
    ["wind,y,count,cold", "1.5,1,7,true", "2.5,0,9007199254740993,false"],
    ["count", "cold", "wind"],
  );
  assert.equal(data.features, ["count", "cold", "wind"]);
  assert.equal(
    data.columns.map((column) => [...column]),
    [
      [7, 9007199254740992],
      [1, 0],
      [1.5, 2.5],
    ],
  );
  assert.equal([...data.labels], [1, 0]);
  assert.equal(data.texts, [null, null, null]);
  assert.is(data.rowCount, 2);
});

test("rows without a label are left out and counted, and the others keep their numbers", async () => {
  const data = await readCsv(["x,y", "1,0", "2,", ",1", "4,NaN", "5,1"], ["x"]);
  assert.is(data.rowCount, 3);
  assert.is(data.skippedUnlabelled, 2);
  assert.equal([...data.columns[0]!], [1, Number.NaN, 5]);
  assert.equal([...data.labels], [0, 1, 1]);
  assert.equal([...data.rowNumbers], [1, 3, 5]);
});

test("labels may be true and false, and no label at all is no error", async () => {
  assert.equal([...(await readCsv(["x,y", "1,true", "2,false"], ["x"])).labels], [1, 0]);
  const none = await readCsv(["x,y", "1,", "2,"], ["x"]);
  assert.is(none.rowCount, 0);
  assert.is(none.skippedUnlabelled, 2);
});

test("texts become codes over all batches", async () => {
  const data = await readCsv(["city,x,y", "b,1,0", "a,2,1", ",3,1", "b,4,0"], ["city", "x"]);
  assert.equal(data.texts, [["b", "a"], null]);
  assert.equal([...data.columns[0]!], [0, 1, Number.NaN, 0]);
});

test("refuses columns that are not there, by name and file", async () => {
  await refuses(
    () => readCsv(["x,y", "1,0"], ["x", "wind"]),
    "MENDLINE_DATA_SCHEMA",
    /data\.csv: the feature column wind is missing; it has x, y/,
  );
  await refuses(
    () => readCsv(["x,z", "1,0"], ["x"]),
    "MENDLINE_DATA_SCHEMA",
    /data\.csv: the label column y is missing/,
  );
});

test("refuses labels that are texts or infinite, and columns named twice", async () => {
  await refuses(
    () => readCsv(["x,y", "1,yes"], ["x"]),
    "MENDLINE_REPAIR_LABELS",
    /label column y holds texts: write class indices/,
  );
  await refuses(
    () => readCsv(["x,y", "1,0.5", "1,inf"], ["x"]),
    "MENDLINE_REPAIR_LABELS",
    /row 2: label y is Infinity/,
  );
  await refuses(() => readCsv(["x,y", "1,0"], ["x", "y"]), "MENDLINE_ARGUMENT_INVALID", /y is named twice/);
  await refuses(() => readCsv(["x,y", "1,0"], []), "MENDLINE_ARGUMENT_INVALID", /no features/);
});

test("refuses more rows, or bytes, than fit before it reads one", async () => {
  const source = (rowCount: number, names: string[]): DataSource => ({
    label: "huge.arrow",
    fields: names.map((name) => ({ name, logical: "float", type: "f64" })),
    rowCount,
    // biome-ignore lint/correctness/useYield: it must not be read at all
    async *read() {
      throw new Error("it was read");
    },
    close: async () => undefined,
  });
  const many = Array.from({ length: 100 }, (_, index) => `x${index}`);
  const read = (rowCount: number, features: string[]) =>
    readLabelled(source(rowCount, [...features, "y"]), { features, label: "y", memory: arena.memory });
  await refuses(
    () => read(labelledRowsMax + 1, ["x"]),
    "MENDLINE_DATA_LIMIT",
    /huge\.arrow: 5000001 labelled rows/,
  );
  await refuses(() => read(2_000_000, many), "MENDLINE_DATA_LIMIT", /1624000000 bytes/);
});

test("a source that delivers more rows than it announced is refused", async () => {
  const path = join(folder, "short.arrow");
  await writeArrow(path, [
    { name: "x", values: Float64Array.of(1, 2, 3) },
    { name: "y", values: Float64Array.of(1, 0, 1) },
  ]);
  const source = await openData(path, arena);
  const lying = { ...source, rowCount: 2 };
  await refuses(
    () => readLabelled(lying, { features: ["x"], label: "y", memory: arena.memory }),
    "MENDLINE_DATA_MALFORMED",
    /more than the 2 rows/,
  );
  await source.close();
});

test("many batches with validity at any offset read as they were written", async () => {
  const path = join(folder, "many.arrow");
  const rowCount = 150_001;
  const values = Float64Array.from({ length: rowCount }, (_, row) => (row % 3 === 1 ? Number.NaN : row / 7));
  const codes = Float64Array.from({ length: rowCount }, (_, row) => (row % 5 === 4 ? Number.NaN : row % 5));
  const labels = Float64Array.from({ length: rowCount }, (_, row) => (row % 11 === 0 ? Number.NaN : row % 2));
  await writeArrow(path, [
    { name: "x", values },
    { name: "city", values: codes, texts: ["a", "b", "c", "d"] },
    { name: "y", values: labels },
  ]);
  const source = await openData(path, arena);
  const data = await readLabelled(source, { features: ["x", "city"], label: "y", memory: arena.memory });
  await source.close();
  const kept = [...labels.keys()].filter((row) => row % 11 !== 0);
  assert.is(data.rowCount, kept.length);
  assert.is(data.skippedUnlabelled, rowCount - kept.length);
  assert.ok(kept.every((row, at) => Object.is(data.columns[0]![at], values[row])));
  const cityOf = (code: number, names: readonly string[]) => (Number.isNaN(code) ? null : names[code]);
  assert.ok(
    kept.every(
      (row, at) =>
        cityOf(data.columns[1]![at]!, data.texts[1]!) === cityOf(codes[row]!, ["a", "b", "c", "d"]),
    ),
  );
  assert.ok(kept.every((row, at) => data.labels[at] === labels[row] && data.rowNumbers[at] === row + 1));
});

test("selectRows and withoutRows take the rows asked for, numbers and all", async () => {
  const data = await readCsv(["x,y", "10,0", "20,1", "30,", "40,1"], ["x"]);
  const picked = selectRows(data, Uint32Array.of(2, 0));
  assert.equal([...picked.columns[0]!], [40, 10]);
  assert.equal([...picked.labels], [1, 0]);
  assert.equal([...picked.rowNumbers], [4, 1]);
  assert.is(picked.rowCount, 2);
  const rest = withoutRows(data, Uint32Array.of(1));
  assert.equal([...rest.columns[0]!], [10, 40]);
  // Judging threads see the values without a copy.
  assert.instance(picked.columns[0]!.buffer, SharedArrayBuffer);
});

test("weights go with their rows, through every selection; what is no weight names its row", async () => {
  const lines = ["x,y,w", "1,0,0.5", "2,,9", "3,1,2", "4,1,1"];
  const data = await readCsv(lines, ["x"], "y", "w");
  assert.equal([[...data.weights!], data.weight], [[0.5, 2, 1], "w"]);
  assert.equal([...selectRows(data, Uint32Array.of(2, 0)).weights!], [1, 0.5]);
  assert.equal([...withoutRows(data, Uint32Array.of(1)).weights!], [0.5, 1]);
  assert.is((await readCsv(lines, ["x"])).weights, null);
  for (const [cell, said] of [
    ["0", "0"],
    ["-1", "-1"],
    ["inf", "Infinity"],
    ["", "missing"],
  ] as const) {
    await refuses(
      () => readCsv(["x,y,w", "1,0,1", `2,1,${cell}`], ["x"], "y", "w"),
      "MENDLINE_REPAIR_LABELS",
      new RegExp(`row 2: weight w is ${said}: give a number above 0`),
    );
  }
  await refuses(() => readCsv(["x,y,w", "1,0,a"], ["x"], "y", "w"), "MENDLINE_REPAIR_LABELS", /holds texts/);
  await refuses(() => readCsv(["x,y", "1,0"], ["x"], "y", "w"), "MENDLINE_DATA_SCHEMA", /weight column w/);
  await refuses(() => readCsv(["x,y", "1,0"], ["x"], "y", "y"), "MENDLINE_ARGUMENT_INVALID", /named twice/);
});

test.run();
