/** kill -9 before a named step: each append, sync, rename, batch. power-loss.test.ts copies what a death leaves; here processes die. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { history, openStill } from "./operations.js";
import { allOf } from "./rich-store.js";
import { freshDir } from "./support.js";

const childPath = fileURLToPath(new URL("kill-child.js", import.meta.url));
/** A process a step: every seventeenth, all of them in kill-steps.slow.test.ts. */
const stride = process.env.MENDLINE_KILL_STEPS === "all" ? 1 : 17;

function run(dir: string, step: number): { readonly signal: string | null; readonly lines: string[] } {
  const { signal, stdout } = spawnSync(process.execPath, [childPath, dir, `${step}`], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  return { signal, lines: stdout.trim().split("\n").filter(Boolean) };
}

test("a process that dies before a step leaves what it was told is done, and nothing by half", async () => {
  const states: string[] = [];
  const whole = await openStill(freshDir());
  states.push(JSON.stringify(await allOf(whole)));
  for (const operation of history) {
    await operation(whole);
    states.push(JSON.stringify(await allOf(whole)));
  }
  await whole.close();
  let step = 0;
  for (; ; step += stride) {
    const dir = freshDir();
    const { signal, lines } = run(dir, step);
    if (signal === null) {
      assert.match(lines.at(-1)!, /^\d+ steps$/);
      break;
    }
    assert.is(signal, "SIGKILL");
    const done = Number(lines.at(-1) ?? 0);
    const store = await openStill(dir);
    const state = JSON.stringify(await allOf(store));
    await store.close();
    assert.ok(
      state === states[done] || state === states[Math.min(done + 1, history.length)],
      `step ${step}, after ${done} operations: neither the old state nor the new one`,
    );
    // Whoever finds it goes on from there: to the end, as if nothing had been.
    assert.equal(run(dir, -1).lines.slice(0, -1).length, history.length);
  }
  assert.ok(step > 100, `${step} steps`);
});

test.run();
