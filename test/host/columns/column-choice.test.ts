// Of the binary formats only the columns that are asked for are read: told by the bytes that leave the file.
import { writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openData } from "../../../src/host/columns/open.js";
import { compareData } from "../../../src/host/drift/compare.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { scratchDir } from "../../support.js";
import { type PlainTable, tableBytes } from "../drift/tables.js";
import { plain, writeParquet } from "./parquet-writer.js";

const runtime = await openRuntime();
const dir = scratchDir();
const rows = 5_000;
const columnCount = 20;

const next = random(61);
const values = Array.from({ length: columnCount }, () => Array.from({ length: rows }, next));
const table: PlainTable = Object.fromEntries(
  values.map((cells, column) => [`c${column}`, { type: "f64" as const, cells }]),
);

const files = {
  "arrow stream": tableBytes(table, { batchRows: 1_000 }),
  "arrow file": tableBytes(table, { batchRows: 1_000, form: "file" }),
  parquet: writeParquet(
    values.map((cells, column) => ({
      name: `c${column}`,
      physical: "DOUBLE" as const,
      cells: cells.map((value) => plain("f64", value)),
    })),
    { groupRows: 1_000 },
  ),
};

/** Bytes that every open file gives while `work` runs. */
async function bytesReadIn(path: string, work: () => Promise<unknown>): Promise<number> {
  const handle = await open(path);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { read } = prototype;
  let bytes = 0;
  prototype.read = async function (this: FileHandle, ...args: Parameters<typeof read>) {
    const result = await read.apply(this, args);
    bytes += result.bytesRead;
    return result;
  } as typeof read;
  try {
    await work();
  } finally {
    prototype.read = read;
  }
  return bytes;
}

for (const [form, bytes] of Object.entries(files)) {
  test(`${form}: two of twenty columns take a tenth of the file`, async () => {
    const path = join(dir, form.replace(" ", "."));
    writeFileSync(path, bytes);
    const features = ["c3", "c17"];
    const openPath = () => openData(path, runtime.arena);
    const share = async (work: () => Promise<unknown>) => (await bytesReadIn(path, work)) / bytes.byteLength;
    const all = await share(async () => profileData(runtime, await openPath()));
    assert.ok(all > 0.95, `the count counts: ${all}`);
    const profiled = await share(async () => profileData(runtime, await openPath(), { features }));
    assert.ok(profiled < 0.17, `profile: ${profiled}`);
    const compared = await share(async () => {
      await compareData(runtime, await openPath(), await openPath(), { features, ks: "binned" });
    });
    assert.ok(compared < 0.34, `drift, two sources: ${compared}`);
  });
}

test.run();
