/** A file that is far longer than the engine's memory, profiled: the right numbers, and how much memory that takes. */
import { execFile } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeVector } from "apache-arrow";
import * as assert from "uvu/assert";
import { quantileEdges } from "../../../src/host/drift/edges.js";
import { random } from "../../assembly/support.js";
import { scratchDir } from "../../support.js";
import { arrowBytes, recordBatch } from "../columns/reading.js";

const mebibyte = 1024 * 1024;

/** Profiles a file with an engine of 16 MiB; tells the profile's figures and the process's peak. */
const childSource = `
  const { openRuntime } = await import(process.argv[1] + "src/scheduler/runtime.js");
  const { openData } = await import(process.argv[1] + "src/host/columns/open.js");
  const { profileData } = await import(process.argv[1] + "src/host/drift/profiler.js");
  const runtime = await openRuntime({ memoryBytes: 16 * 1024 * 1024 });
  const source = await openData(process.argv[2], runtime.arena);
  let rssBytesMost = 0;
  const onProgress = () => { rssBytesMost = Math.max(rssBytesMost, process.memoryUsage.rss()); };
  const { rows, features } = await profileData(runtime, source, { onProgress });
  const told = [...features].map(([name, { missing, moments, ks }]) => ({ name, missing, moments, ks }));
  console.log(JSON.stringify({ rows, rssBytesMost, peakBytes: runtime.arena.use.peakBytes, features: told }));
`;

/** Record batches of so many bytes under a 16 MiB engine, in a process of its own that stays small. */
export async function checkLongFile(byteLength: number): Promise<void> {
  const next = random(127);
  const rows = 65_536;
  const f64 = Float64Array.from({ length: rows }, () => next() ** 3);
  const f32 = Float32Array.from({ length: rows }, () => (next() < 0.3 ? 2 : next() * 1e6));
  const i32 = Int32Array.from({ length: rows }, () => Math.floor(next() * 1e9));
  const batch = recordBatch([
    ["f64", makeVector(f64)],
    ["f32", makeVector(f32)],
    ["i32", makeVector(i32)],
  ] as never);
  // One batch after the other between the schema and the stream's end of 8 bytes.
  const once = arrowBytes([batch]);
  const batchBytes = arrowBytes([batch, batch]).byteLength - once.byteLength;
  const schemaBytes = once.byteLength - batchBytes - 8;
  const copies = Math.ceil(byteLength / batchBytes);
  const path = join(scratchDir(), "long.arrows");
  const file = openSync(path, "w");
  writeSync(file, once.subarray(0, schemaBytes));
  for (let copy = 0; copy < copies; copy++) {
    writeSync(file, once.subarray(schemaBytes, schemaBytes + batchBytes));
  }
  writeSync(file, once.subarray(schemaBytes + batchBytes));
  closeSync(file);
  const root = new URL("../../../", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--eval",
    childSource,
    root,
    path,
  ]);
  rmSync(path);
  const told = JSON.parse(stdout);
  assert.is(told.rows, rows * copies);
  assert.ok(told.peakBytes <= 16 * mebibyte);
  assert.ok(told.rssBytesMost < 160 * mebibyte, `${told.rssBytesMost} bytes resident`);
  for (const [index, values] of [f64, f32, i32].entries()) {
    const { name, missing, moments, ks } = told.features[index];
    const sorted = values.slice().sort();
    const type = name as "f64" | "f32" | "i32";
    const edges = quantileEdges((rank) => sorted[Math.floor(rank / copies)]!, rows * copies, 256, type);
    assert.equal([missing, ks.edges], [0, edges], name);
    const bins = new Array<number>(edges.length + 1).fill(0);
    for (const value of values) bins[edges.filter((edge) => edge <= value).length]! += copies;
    assert.equal(ks.counts, bins, name);
    assert.is(moments.count, rows * copies);
    let sum = 0;
    for (const value of values) sum += value;
    const mean = sum / rows;
    assert.ok(Math.abs(moments.mean / mean - 1) < 1e-11, `${name}: mean ${moments.mean}, ${mean}`);
  }
}
