/** Bad input of each kind: one line with its code, the right exit code, nothing half-written, and the store as it was. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ErrorCode } from "../../../src/errors.js";
import { openEngine } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { filesBelow, lanes, rainModel, runCli, runEach, treeHash } from "./support.js";

const dir = scratchDir();
const stores = Array.from({ length: lanes }, (_, lane) => join(dir, `store-${lane}`));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const whole = file(
  "whole.csv",
  ["x,label", ...Array.from({ length: 60 }, (_, row) => `${row},${row % 2}`), ""].join("\n"),
);
const stream = tableToIPC(
  tableFromArrays({ x: Float64Array.from({ length: 100 }, (_, row) => row) }),
  "stream",
);
const truncated = file("truncated.arrow", stream.subarray(0, stream.byteLength - 200));
const ragged = file("ragged.csv", "x,label\n1,2\n3\n");
const text = file("text.csv", "x,label\nhigh,1\nlow,0\n");
const empty = file("empty.csv", "");
const header = file("header.csv", "x,label\n");
const pickle = file("model.pkl", Uint8Array.of(0x80, 0x04, 0x95, ...new Uint8Array(61)));
const brokenProfile = file("broken.profile", '{"features":[{"name":"x"}],"mendline":"profile"');
const onnx = readFileSync(rainModel("1"));
const cutModel = file("cut.onnx", onnx.subarray(0, onnx.byteLength - 100));
const hollow = file("hollow.safetensors", Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123, 125));

const compare = (reference: string, current: string) => [
  "drift",
  "--reference",
  reference,
  "--current",
  current,
];
const add = (model: string, ...more: string[]) => [
  "model",
  "add",
  model,
  "--name",
  "new",
  "--version",
  "1",
  ...more,
];
const repair = (ref: string, live: string, validation: string) => [
  ...["repair", ref, "--live", live, "--validation", validation],
];

type Case = readonly [words: readonly string[], code: ErrorCode, because: RegExp];

const cases: readonly Case[] = [
  [compare(join(dir, "nope.csv"), whole), "MENDLINE_DATA_NOT_FOUND", /nope\.csv does not exist/],
  [compare(whole, dir), "MENDLINE_DATA_NOT_FOUND", /is a folder/],
  [compare(whole, pickle), "MENDLINE_DATA_FORMAT", /model\.pkl is a Python pickle/],
  [compare(rainModel("1"), whole), "MENDLINE_DATA_FORMAT", /rain-1\.onnx/],
  [compare(whole, truncated), "MENDLINE_DATA_MALFORMED", /truncated\.arrow/],
  [compare(whole, ragged), "MENDLINE_DATA_MALFORMED", /ragged\.csv: line 3 has 1 cell, the header has 2/],
  [compare(brokenProfile, whole), "MENDLINE_DATA_MALFORMED", /broken\.profile: damaged profile/],
  [compare(whole, empty), "MENDLINE_DATA_EMPTY", /empty\.csv is empty/],
  [compare(header, whole), "MENDLINE_DATA_EMPTY", /header\.csv has no rows/],
  [
    compare(whole, text),
    "MENDLINE_DATA_SCHEMA",
    /text\.csv: column "x" holds text where the reference has numbers/,
  ],
  [[...compare(whole, whole), "--features", "y"], "MENDLINE_DATA_SCHEMA", /no column "y"/],
  [
    [...compare(whole, whole), "--categorical", "y"],
    "MENDLINE_DATA_SCHEMA",
    /no column "y" for --categorical/,
  ],
  [
    [...compare(whole, whole), "--html", join(dir, "no", "x.html")],
    "MENDLINE_DATA_WRITE",
    /the folder .*no does not exist/,
  ],
  [["profile", whole, "--out", dir], "MENDLINE_DATA_WRITE", /it is a folder/],
  [["profile", ragged, "--out", join(dir, "ragged.profile")], "MENDLINE_DATA_MALFORMED", /ragged\.csv/],
  [add(join(dir, "nope.onnx")), "MENDLINE_DATA_NOT_FOUND", /nope\.onnx/],
  [add(whole), "MENDLINE_MODEL_FORMAT", /whole\.csv/],
  [add(pickle), "MENDLINE_MODEL_FORMAT", /model\.pkl/],
  [add(cutModel), "MENDLINE_MODEL_MALFORMED", /cut\.onnx/],
  [add(hollow), "MENDLINE_MODEL_MALFORMED", /hollow\.safetensors/],
  [add(rainModel("2"), "--training-data", ragged), "MENDLINE_DATA_MALFORMED", /ragged\.csv/],
  [add(rainModel("2"), "--profile", whole), "MENDLINE_DATA_FORMAT", /whole\.csv is no profile/],
  [add(rainModel("2"), "--parent", "snow@1"), "MENDLINE_STORE_UNKNOWN", /"snow@1"/],
  [["model", "show", "snow@1"], "MENDLINE_STORE_UNKNOWN", /"snow@1"/],
  [["model", "show", "rian@1"], "MENDLINE_STORE_UNKNOWN", /did you mean "rain@1"/],
  [["model", "restore", "rain@1", "--out", join(dir, "no", "x")], "MENDLINE_DATA_WRITE", /the folder/],
  [
    ["deploy", "snow@1", "--alias", "live", "--deploy", join(dir, "gateway")],
    "MENDLINE_STORE_UNKNOWN",
    /"snow@1"/,
  ],
  [["deploy", "rain@1", "--alias", "live", "--deploy", whole], "MENDLINE_DEPLOY_FAILED", /whole\.csv/],
  [["rollback", "--alias", "live"], "MENDLINE_STORE_UNKNOWN", /there is no alias "live"/],
  [repair("snow@1", whole, whole), "MENDLINE_STORE_UNKNOWN", /"snow@1"/],
  [repair("rain@1", join(dir, "nope.csv"), whole), "MENDLINE_DATA_NOT_FOUND", /nope\.csv/],
  [repair("rain@1", whole, ragged), "MENDLINE_DATA_MALFORMED", /ragged\.csv/],
  [["status", "--store", dir], "MENDLINE_ARGUMENT_INVALID", /is no store and not empty/],
  // Refused by the checks of the commit, before anything is written for it.
  [
    ["model", "add", rainModel("2"), "--name", "rain", "--version", "1"],
    "MENDLINE_STORE_CONFLICT",
    /"rain@1" is model/,
  ],
  [
    ["model", "add", rainModel("2"), "--name", "a@b", "--version", "1"],
    "MENDLINE_ARGUMENT_INVALID",
    /"a@b" holds "@"/,
  ],
  [add(rainModel("1"), "--parent", "rain@1"), "MENDLINE_STORE_CYCLE", /rain@1/],
];

/** What the store holds, and its objects byte by byte; the files of its database change whenever it is opened. */
async function storeState(store: string) {
  const engine = await openEngine({ store });
  try {
    const models = [];
    for await (const model of engine.models()) models.push(model);
    const records = {
      models,
      status: await engine.status(),
      labels: await engine.store.labelsOf(models[0]!.id),
    };
    return { records, objects: treeHash(join(store, "objects")), staged: filesBelow(join(store, "tmp")) };
  } finally {
    await engine.close();
  }
}

async function tellsOnly([words, code, because]: Case, store: string): Promise<void> {
  const result = await runCli([...words, "--json"], { env: { MENDLINE_STORE: store } });
  const label = words.join(" ");
  assert.is(result.stdout, "", label);
  assert.match(result.stderr, because);
  assert.match(result.stderr, new RegExp(`^mendline: error: [^\\n]* \\[${code}\\]\\n$`));
  assert.is(result.code, code === "MENDLINE_ARGUMENT_INVALID" ? 2 : 1, label);
}

test("bad input is told in one line, and leaves the store and the folder as they were", async () => {
  const engine = await openEngine({ store: stores[0]! });
  await engine.addModel({ file: rainModel("1"), name: "rain", version: "1" });
  await engine.close();
  // A store is held by one process: each lane has its own.
  for (const copy of stores.slice(1)) cpSync(stores[0]!, copy, { recursive: true });
  const state = await storeState(stores[0]!);
  const files = filesOutside(stores);
  await runEach(cases, (one, lane) => tellsOnly(one, stores[lane]!));
  for (const store of stores) assert.equal(await storeState(store), state);
  assert.equal(filesOutside(stores), files);
});

function filesOutside(folders: readonly string[]): string[] {
  return filesBelow(dir).filter((path) => !folders.some((folder) => path.startsWith(folder)));
}

test("a store that another process holds is told so", async () => {
  const held = join(dir, "held");
  const engine = await openEngine({ store: held });
  try {
    const { code, stderr } = await runCli(["status", "--store", held]);
    assert.is(code, 1);
    const told = new RegExp(
      `^mendline: error: the store is held by process ${process.pid} since 20\\d\\d-[^ ]+Z \\(lock ${held}/db/LOCK\\): ` +
        "[^\\n]*`mendline serve`[^\\n]* \\[MENDLINE_STORE_LOCKED\\]\\n$",
    );
    assert.match(stderr, told);
    await engine.store.announce("http://127.0.0.1:7077");
    const served = await runCli(["status", "--store", held]);
    assert.is(served.code, 1);
    assert.match(served.stderr, "its service answers at http://127.0.0.1:7077: use that, or end it first");
  } finally {
    await engine.close();
  }
});

test("a failed first model leaves no store behind", async () => {
  const fresh = join(scratchDir(), "store");
  const { code } = await runCli([...add(cutModel), "--store", fresh]);
  assert.is(code, 1);
  assert.equal(filesBelow(join(fresh, "..")), []);
});

test.run();
