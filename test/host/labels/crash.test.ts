/** kill -9 while labels come in: every one that was acknowledged is there, and the request goes on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRequest, loadRequest } from "../../../src/host/labels/requests.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { freshDir } from "../../lineage-store/support.js";
import { question } from "./questions.js";

const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));
const id = "labels-crash";
const pointCount = 200;

/** @returns the points that the child acknowledged before it was killed, `acknowledged` lines in */
async function labelUntil(dir: string, acknowledged: number): Promise<string[]> {
  const child = spawn(process.execPath, [childPath, dir, id]);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > acknowledged) child.kill("SIGKILL");
  });
  const [, signal] = (await once(child, "close")) as [number | null, string | null];
  assert.is(signal, "SIGKILL", stderr);
  // The last line may be cut off, and was not read by anybody.
  return said.split("\n").slice(0, -1);
}

test("no acknowledged label is lost, wherever the process dies", async () => {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  const points = Array.from({ length: pointCount }, (_, index) => ({
    pointId: `p${index}`,
    values: [index, null],
    score: 0,
    random: false,
    content: String(index),
  }));
  await createRequest(store, id, question({ points }));
  await store.close();
  const acknowledged = new Set<string>();
  for (const count of [1, 2, 7, 23]) {
    for (const pointId of await labelUntil(dir, count)) acknowledged.add(pointId);
    const opened = await LineageStore.open(dir, { create: false });
    const { answers, state } = await loadRequest(opened, id);
    for (const pointId of acknowledged) assert.is(answers.get(pointId)!.label, 1, pointId);
    const labelled = [...answers.values()].filter(({ label }) => label !== null).length;
    assert.ok(labelled >= acknowledged.size && labelled < pointCount);
    assert.is(state, "partly-labelled");
    await opened.verifyJournal();
    await opened.close();
  }
});

test.run();
