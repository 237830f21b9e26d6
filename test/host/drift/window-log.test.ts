import { test } from "uvu";
import * as assert from "uvu/assert";
import { WindowLog } from "../../../src/host/drift/window-log.js";
import type { WindowReport } from "../../../src/host/drift/window-report.js";

/** A window by its number: the log looks at nothing in it. */
function windowOf(number: number): WindowReport {
  return {
    model: "m",
    window: {
      number,
      fromRow: 0,
      fromMs: null,
      toMs: null,
      rowCount: 1,
      lateRows: 0,
      earlyRows: 0,
      untimedRows: 0,
      emptyBefore: 0,
      closedMs: 0,
    },
    report: { verdict: "stable", rows: { reference: 1, current: 1 }, features: {} },
    ancestors: [],
    predictions: null,
    segments: [],
    alarm: false,
  };
}

interface Write {
  readonly monitor: string;
  readonly numbers: number[];
}

function logTo(writes: Write[], fails: (write: Write) => boolean = () => false) {
  const failures: unknown[] = [];
  let atOnce = 0;
  const log = new WindowLog(
    async (monitor, windows) => {
      atOnce += 1;
      assert.is(atOnce, 1, "one write at a time");
      const write = { monitor, numbers: windows.map(({ window }) => window.number) };
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      if (fails(write)) throw new Error(`no room for ${write.numbers}`);
      writes.push(write);
    },
    (thrown) => failures.push(thrown),
  );
  return { log, failures };
}

test("everything is written, in order, several windows at once when they come fast", async () => {
  const writes: Write[] = [];
  const { log } = logTo(writes);
  for (let number = 0; number < 300; number++) {
    log.add("a", windowOf(number));
    if (number % 3 === 0) log.add("b", windowOf(number));
    if (number % 100 === 50) await new Promise((resolve) => setImmediate(resolve));
  }
  await log.settled();
  const written = (name: string) =>
    writes.filter(({ monitor }) => monitor === name).flatMap(({ numbers }) => numbers);
  const all = Array.from({ length: 300 }, (_, number) => number);
  assert.equal(written("a"), all);
  assert.equal(
    written("b"),
    all.filter((number) => number % 3 === 0),
  );
  assert.ok(writes.length < 30, `${writes.length} writes`);
  const turns = writes.map(({ monitor }) => monitor);
  assert.ok(turns.indexOf("b") < turns.lastIndexOf("a"), "one monitor does not keep the others waiting");
  log.add("a", windowOf(300));
  await log.settled();
  assert.equal(writes.at(-1), { monitor: "a", numbers: [300] });
  await log.settled();
});

test("no more wait than are kept: the oldest are dropped", async () => {
  const writes: Write[] = [];
  const { log } = logTo(writes);
  for (let number = 0; number < 5_000; number++) log.add("a", windowOf(number));
  await log.settled();
  const numbers = writes.flatMap((write) => write.numbers);
  // The first had set out before there was anything to drop.
  assert.equal(numbers, [0, ...Array.from({ length: 1_000 }, (_, index) => 4_000 + index)]);
});

test("a write that fails is told, and the next is tried", async () => {
  const writes: Write[] = [];
  const { log, failures } = logTo(writes, ({ numbers }) => numbers.includes(0));
  for (let number = 0; number < 3; number++) log.add("a", windowOf(number));
  await log.settled();
  assert.equal(writes, [{ monitor: "a", numbers: [1, 2] }]);
  assert.equal(
    failures.map((thrown) => (thrown as Error).message),
    ["no room for 0"],
  );
});

test.run();
