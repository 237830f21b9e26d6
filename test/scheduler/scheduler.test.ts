import { createHash } from "node:crypto";
import type { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { sortCounterBytes } from "../../src/host/kernels/kernels.js";
import { inlineBytesMax, kernelReservedBytes } from "../../src/limits.js";
import { rowRanges } from "../../src/scheduler/partition.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import type { Task } from "../../src/scheduler/tasks.js";
import { random } from "../assembly/support.js";

const rowCount = 300_000;
const edgeCount = 100;

interface Work {
  readonly tasks: Task[];
  /** Digest of every output. */
  digest(): string;
}

/** Counts, keys, moments and a blend of one column in small ranges, and a sort: all kinds of tasks, outputs side by side. */
function prepareWork(runtime: Runtime): Work {
  const { arena } = runtime;
  const next = random(79);
  const valuesPtr = arena.allocate(rowCount * 8);
  const edgesPtr = arena.allocate(edgeCount * 8);
  const sortedPtr = arena.allocate(rowCount * 8);
  const scratchPtr = arena.allocate(rowCount * 8);
  const countersPtr = arena.allocate(sortCounterBytes);
  const outPtr = arena.allocate(rowCount * 24);
  const { buffer } = arena.memory;
  const values = new Float64Array(buffer, valuesPtr, rowCount);
  for (let row = 0; row < rowCount; row++) values[row] = next() < 0.01 ? Number.NaN : next() - 0.5;
  const edges = Array.from({ length: edgeCount }, (_, i) => (i - edgeCount / 2) / edgeCount);
  new Float64Array(buffer, edgesPtr, edgeCount).set(edges);
  new BigUint64Array(buffer, sortedPtr, rowCount).set(new BigUint64Array(buffer, valuesPtr, rowCount));
  new Uint8Array(buffer, outPtr, rowCount * 24).fill(0);
  const ranges = rowRanges(rowCount, 20_000);
  const tasks = ranges.flatMap(({ from, rowCount: rows }): Task[] => {
    const slice = { valuesPtr: valuesPtr + from * 8, rowCount: rows, validityPtr: 0, validityBitOffset: 0 };
    const at = outPtr + from * 24;
    const workBytes = rows * 8;
    return [
      { kernel: "keysFrom", args: ["f64", slice, at], workBytes },
      { kernel: "blend", args: ["f64", slice.valuesPtr, valuesPtr, rows, 0.3, at + rows * 8], workBytes },
      { kernel: "countByEdges", args: ["f64", slice, edgesPtr, edgeCount, at + rows * 16], workBytes },
      { kernel: "moments", args: ["f64", slice, at + rows * 20], workBytes },
    ];
  });
  tasks.push({
    kernel: "sortKeys",
    args: [sortedPtr, rowCount, scratchPtr, countersPtr],
    workBytes: rowCount * 8,
  });
  return {
    tasks,
    digest: () => {
      const hash = createHash("sha256");
      hash.update(arena.bytes.slice(outPtr, outPtr + rowCount * 24));
      return hash.update(arena.bytes.slice(sortedPtr, sortedPtr + rowCount * 8)).digest("hex");
    },
  };
}

/** A count that takes a good part of a second. */
function longTask(runtime: Runtime, countsPtr: number): Task {
  const rows = 6_000_000;
  const valuesPtr = runtime.arena.allocate(rows * 4);
  const edgesPtr = runtime.arena.allocate(1_000 * 4);
  new Float32Array(runtime.arena.memory.buffer, edgesPtr, 1_000).set(
    Array.from({ length: 1_000 }, (_, i) => i),
  );
  const slice = { valuesPtr, rowCount: rows, validityPtr: 0, validityBitOffset: 0 };
  return { kernel: "countByEdges", args: ["f32", slice, edgesPtr, 1_000, countsPtr], workBytes: rows * 4 };
}

function badTask(): Task {
  const slice = { valuesPtr: kernelReservedBytes + 1, rowCount: 10, validityPtr: 0, validityBitOffset: 0 };
  return { kernel: "moments", args: ["f64", slice, kernelReservedBytes], workBytes: inlineBytesMax + 1 };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    assert.instance(thrown, MendlineError);
    return (thrown as MendlineError).code;
  }
  return "no error";
}

async function withRuntime<T>(threads: number, use: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = await openRuntime({ threads, memoryBytes: 64 * 1024 * 1024 });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}

test("no threads, one and two give the same results in the tasks' order, and the same bytes", async () => {
  const found: { results: unknown[]; digest: string }[] = [];
  for (const threads of [0, 1, 2]) {
    await withRuntime(threads, async (runtime) => {
      const work = prepareWork(runtime);
      const progress: number[] = [];
      const results = await runtime.scheduler.run(work.tasks, {
        onProgress: (done, total) => {
          assert.is(total, work.tasks.length);
          progress.push(done);
        },
      });
      assert.equal(
        progress,
        Array.from({ length: work.tasks.length }, (_, i) => i + 1),
      );
      found.push({ results, digest: work.digest() });
    });
  }
  assert.equal(found[1], found[0]);
  assert.equal(found[2], found[0]);
  assert.ok(found[0]!.results.some((result) => typeof result === "number" && result > 0));
});

for (const threads of [0, 2]) {
  test(`${threads} threads: nothing to do`, async () => {
    await withRuntime(threads, async ({ scheduler }) => assert.equal(await scheduler.run([]), []));
  });

  test(`${threads} threads: an aborted signal stops before the first task, and between tasks`, async () => {
    await withRuntime(threads, async (runtime) => {
      const { tasks } = prepareWork(runtime);
      const reason = new Error("enough");
      const done: number[] = [];
      const onProgress = (count: number) => void done.push(count);
      const before = runtime.scheduler.run(tasks, { signal: AbortSignal.abort(reason), onProgress });
      assert.is(await codeOf(before), "MENDLINE_TASK_ABORTED");
      assert.equal(done, []);
      const controller = new AbortController();
      const between = runtime.scheduler.run(tasks, {
        signal: controller.signal,
        onProgress: (count) => {
          done.push(count);
          if (count === 5) controller.abort(reason);
        },
      });
      assert.is(await codeOf(between), "MENDLINE_TASK_ABORTED");
      assert.ok(
        done.length >= 5 && done.length < tasks.length,
        `${done.length} of ${tasks.length} tasks ran`,
      );
    });
  });

  test(`${threads} threads: a task that fails rejects with its own code, and the next run is whole`, async () => {
    await withRuntime(threads, async (runtime) => {
      const work = prepareWork(runtime);
      const withBad = work.tasks.toSpliced(7, 0, badTask());
      assert.is(await codeOf(runtime.scheduler.run(withBad)), "MENDLINE_KERNEL_BOUNDS");
      const results = await runtime.scheduler.run(work.tasks.filter(({ kernel }) => kernel !== "sortKeys"));
      assert.ok(
        results.length > 0 &&
          results.every(
            (result, i) => (result === undefined) === /count|moments/.test(work.tasks[i]!.kernel),
          ),
      );
    });
  });

  test(`${threads} threads: when a run has failed, none of its tasks is still at work`, async () => {
    await withRuntime(threads, async (runtime) => {
      const countsPtr = runtime.arena.allocate(4_012);
      const counts = () => new Uint32Array(runtime.arena.memory.buffer, countsPtr, 1_003);
      counts().fill(7);
      assert.is(
        await codeOf(runtime.scheduler.run([longTask(runtime, countsPtr), badTask()])),
        "MENDLINE_KERNEL_BOUNDS",
      );
      assert.is(
        counts().reduce((sum, count) => sum + count, 0),
        6_000_000,
      );
    });
  });
}

test("small work runs on the calling thread, in order", async () => {
  await withRuntime(2, async (runtime) => {
    const outPtr = runtime.arena.allocate(64);
    const slice = { valuesPtr: outPtr, rowCount: 1, validityPtr: 0, validityBitOffset: 0 };
    const task: Task = { kernel: "keysFrom", args: ["f64", slice, outPtr], workBytes: 8 };
    // A kernel that throws inline throws before the promise is awaited by anyone else: the code is the same.
    assert.is(
      await codeOf(runtime.scheduler.run([task, { ...badTask(), workBytes: 1 }])),
      "MENDLINE_KERNEL_BOUNDS",
    );
    assert.equal(await runtime.scheduler.run([task, task]), [1, 1]);
  });
});

/** Ends every worker a moment after it is ready, the first `times` of them. */
function endWorkers(times: number): { ended: () => number; stop: () => void } {
  let ended = 0;
  const onWorker = (worker: Worker) => {
    // The pool's first message from a worker says that it is ready.
    worker.once("message", () => {
      if (ended >= times) return;
      ended += 1;
      setTimeout(() => void worker.terminate(), 15);
    });
  };
  process.on("worker", onWorker);
  return { ended: () => ended, stop: () => void process.off("worker", onWorker) };
}

test("a task whose worker dies runs again in the worker's successor", async () => {
  const deaths = endWorkers(2);
  await withRuntime(1, async (runtime) => {
    const countsPtr = runtime.arena.allocate(4_012);
    await runtime.scheduler.run([longTask(runtime, countsPtr)]);
    const counts = new Uint32Array(runtime.arena.memory.buffer, countsPtr, 1_003);
    assert.is(
      counts.reduce((sum, count) => sum + count, 0),
      6_000_000,
    );
  });
  deaths.stop();
  assert.is(deaths.ended(), 2);
});

test("a task that ends three workers is given up", async () => {
  const deaths = endWorkers(3);
  await withRuntime(1, async (runtime) => {
    const countsPtr = runtime.arena.allocate(4_012);
    assert.is(await codeOf(runtime.scheduler.run([longTask(runtime, countsPtr)])), "MENDLINE_TASK_FAILED");
  });
  deaths.stop();
  assert.is(deaths.ended(), 3);
});

test("a half-done sort does not run again: it has overwritten its keys", async () => {
  const deaths = endWorkers(1);
  await withRuntime(1, async (runtime) => {
    const keyCount = 2_000_000;
    const keysPtr = runtime.arena.allocate(keyCount * 8);
    const next = random(83);
    new BigUint64Array(runtime.arena.memory.buffer, keysPtr, keyCount).forEach((_, i, keys) => {
      keys[i] = BigInt(Math.floor(next() * 2 ** 52));
    });
    const scratchPtr = runtime.arena.allocate(keyCount * 8);
    const countersPtr = runtime.arena.allocate(sortCounterBytes);
    const sort: Task = {
      kernel: "sortKeys",
      args: [keysPtr, keyCount, scratchPtr, countersPtr],
      workBytes: keyCount * 8,
    };
    assert.is(await codeOf(runtime.scheduler.run([sort])), "MENDLINE_TASK_FAILED");
  });
  deaths.stop();
});

test("closing ends what is running, and a closed scheduler starts nothing", async () => {
  let workers = 0;
  const onWorker = () => void (workers += 1);
  process.on("worker", onWorker);
  const runtime = await openRuntime({ threads: 2, memoryBytes: 64 * 1024 * 1024 });
  const running = codeOf(runtime.scheduler.run([longTask(runtime, runtime.arena.allocate(4_012))]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await runtime.close();
  assert.is(await running, "MENDLINE_TASK_ABORTED");
  assert.is(await codeOf(runtime.scheduler.run([badTask()])), "MENDLINE_TASK_ABORTED");
  await runtime.close();
  process.off("worker", onWorker);
  assert.is(workers, 2);
});

test.run();
