import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spool } from "../../../src/host/columns/spool.js";
import { scratchDir } from "../../support.js";
import { failure } from "./support.js";

const temporary = scratchDir();
process.env.TMPDIR = temporary;
const label = "standard input";

function left(): string[] {
  return readdirSync(temporary);
}

test("keeps the bytes in a private file until it is removed", async () => {
  const kept = await spool(Readable.from([Buffer.from("ab"), Buffer.from("c")]), { label });
  assert.is(readFileSync(kept.path, "utf8"), "abc");
  assert.is(statSync(kept.path).mode & 0o077, 0);
  assert.is(statSync(dirname(kept.path)).mode & 0o077, 0);
  await kept.remove();
  await kept.remove();
  assert.not.ok(existsSync(dirname(kept.path)));
  assert.equal(left(), []);
});

test("more than the limit", async () => {
  const input = Readable.from([Buffer.alloc(6), Buffer.alloc(5)]);
  const message = await failure(spool(input, { label, bytesMax: 10 }), "MENDLINE_DATA_LIMIT");
  assert.ok(message.includes("11 bytes, more than 10"), message);
  const kept = await spool(Readable.from([Buffer.alloc(10)]), { label, bytesMax: 10 });
  await kept.remove();
  assert.equal(left(), []);
});

test("an input that fails, or is cancelled", async () => {
  const failing = new Readable({
    read() {
      this.destroy(new Error("the pipe broke"));
    },
  });
  assert.ok((await failure(spool(failing, { label }), "MENDLINE_DATA_NOT_FOUND")).includes("the pipe broke"));
  const signal = AbortSignal.abort();
  await failure(spool(Readable.from([Buffer.from("x")]), { label, signal }), "MENDLINE_TASK_ABORTED");
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
  }
  await failure(spool(chunks(), { label, signal }), "MENDLINE_TASK_ABORTED");
  assert.equal(left(), []);
});

test("no temporary folder", async () => {
  process.env.TMPDIR = "/no/such/folder";
  try {
    await failure(spool(Readable.from([]), { label }), "MENDLINE_DATA_WRITE");
  } finally {
    process.env.TMPDIR = temporary;
  }
});

test("goes away when the process exits", () => {
  const spoolUrl = new URL("../../../src/host/columns/spool.js", import.meta.url);
  const script = `
    import { spool } from ${JSON.stringify(spoolUrl.href)};
    import { Readable } from "node:stream";
    const kept = await spool(Readable.from([Buffer.from("abc")]), { label: "x" });
    console.log(kept.path);
    process.exit(3);`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    cwd: dirname(fileURLToPath(spoolUrl)),
    env: { ...process.env, TMPDIR: temporary },
  });
  assert.is(status, 3);
  assert.ok(stdout.startsWith(temporary), stdout);
  assert.not.ok(existsSync(stdout.trim()));
  assert.equal(left(), []);
});

test.run();
