import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { sortCounterBytes } from "../../src/host/kernels/kernels.js";
import { kernelReservedBytes, partitionRows, taskQueueMax } from "../../src/limits.js";
import { rowRanges } from "../../src/scheduler/partition.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import type { Task } from "../../src/scheduler/tasks.js";
import { random } from "../assembly/support.js";

const rowCount = 300_000;
const edgeCount = 100;

interface Work {
  readonly tasks: Task[];
  hasBegun(): boolean;
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
    const workBytes = longBytes;
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
    workBytes: longBytes,
  });
  return {
    tasks,
    hasBegun: () => arena.bytes.subarray(outPtr, outPtr + 64).some((byte) => byte !== 0),
    digest: () => {
      const hash = createHash("sha256");
      hash.update(arena.bytes.slice(outPtr, outPtr + rowCount * 24));
      return hash.update(arena.bytes.slice(sortedPtr, sortedPtr + rowCount * 8)).digest("hex");
    },
  };
}

/** Tasks that are sent to workers, whatever they do. */
const longBytes = 1e9;

function badTask(): Task {
  const slice = { valuesPtr: kernelReservedBytes + 1, rowCount: 10, validityPtr: 0, validityBitOffset: 0 };
  return { kernel: "moments", args: ["f64", slice, kernelReservedBytes], workBytes: longBytes };
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
      assert.ok(progress.every((done, index) => index === 0 || done > progress[index - 1]!));
      assert.is(progress.at(-1), work.tasks.length);
      found.push({ results, digest: work.digest() });
    });
  }
  assert.equal(found[1], found[0]);
  assert.equal(found[2], found[0]);
  assert.ok(found[0]!.results.some((result) => typeof result === "number" && result > 0));
});

test("the queue is bounded: runs beyond it are refused at once, those in it end, and it takes more then", async () => {
  await withRuntime(1, async ({ arena, scheduler }) => {
    const valuesPtr = arena.allocate(800);
    const outPtr = arena.allocate(1_024);
    new Float64Array(arena.memory.buffer, valuesPtr, 100).fill(1);
    const slice = { valuesPtr, rowCount: 100, validityPtr: 0, validityBitOffset: 0 };
    const task: Task = { kernel: "moments", args: ["f64", slice, outPtr], workBytes: longBytes };
    const extra = 50;
    // One is with the worker, and perhaps the next one already on its way to it.
    const codes = await Promise.all(
      Array.from({ length: taskQueueMax + extra }, () => codeOf(scheduler.run([task]))),
    );
    const refused = codes.filter((code) => code === "MENDLINE_TASK_QUEUE_FULL").length;
    assert.is(codes.filter((code) => code === "no error").length + refused, codes.length);
    assert.ok(refused > extra - 5 && refused <= extra, `${refused} of ${codes.length} were refused`);
    assert.is(await codeOf(scheduler.run([task])), "no error");
  });
});

for (const threads of [0, 2]) {
  test(`${threads} threads: nothing to do`, async () => {
    await withRuntime(threads, async ({ scheduler }) => assert.equal(await scheduler.run([]), []));
  });

  test(`${threads} threads: an aborted signal stops before the first task, and between tasks`, async () => {
    await withRuntime(threads, async (runtime) => {
      const work = prepareWork(runtime);
      const before = runtime.scheduler.run(work.tasks, { signal: AbortSignal.abort(new Error("enough")) });
      assert.is(await codeOf(before), "MENDLINE_TASK_ABORTED");
      assert.not(work.hasBegun());
      const controller = new AbortController();
      // Without the sort: two of the same keys would ruin each other.
      const many = Array.from({ length: 200 }, () => work.tasks.slice(0, -1)).flat();
      const between = codeOf(runtime.scheduler.run(many, { signal: controller.signal }));
      while (!work.hasBegun()) await new Promise(setImmediate);
      controller.abort();
      assert.is(await between, "MENDLINE_TASK_ABORTED");
      // Nobody is at work any more.
      const left = work.digest();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.is(work.digest(), left);
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

test("more tasks than are posted at once", async () => {
  await withRuntime(2, async (runtime) => {
    const count = 1_300;
    const outPtr = runtime.arena.allocate(count * 8);
    const valuesPtr = runtime.arena.allocate(count * 8);
    new Float64Array(runtime.arena.memory.buffer, valuesPtr, count).forEach((_, i, values) => {
      values[i] = i % 3 === 0 ? Number.NaN : i;
    });
    const tasks = Array.from({ length: count }, (_, i): Task => {
      const slice = { valuesPtr: valuesPtr + i * 8, rowCount: 1, validityPtr: 0, validityBitOffset: 0 };
      return { kernel: "keysFrom", args: ["f64", slice, outPtr + i * 8], workBytes: longBytes };
    });
    const progress: number[] = [];
    const results = await runtime.scheduler.run(tasks, { onProgress: (done) => void progress.push(done) });
    assert.equal(
      results,
      Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 0 : 1)),
    );
    assert.is(progress.at(-1), count);
  });
});

test("a task that nobody could interrupt for long is a mistake of the caller", async () => {
  await withRuntime(0, async ({ scheduler }) => {
    const slice = {
      valuesPtr: kernelReservedBytes,
      rowCount: partitionRows + 1,
      validityPtr: 0,
      validityBitOffset: 0,
    };
    try {
      await scheduler.run([{ kernel: "moments", args: ["i8", slice, kernelReservedBytes], workBytes: 1 }]);
      assert.unreachable();
    } catch (thrown) {
      assert.instance(thrown, RangeError);
      assert.match((thrown as Error).message, /a task of 262145 rows/);
    }
  });
});

test("threads are a whole number of them", async () => {
  for (const threads of [-1, 1.5, Number.NaN, 65])
    assert.is(await codeOf(openRuntime({ threads })), "MENDLINE_ARGUMENT_INVALID");
});

test("closing ends what is running, and a closed scheduler starts nothing", async () => {
  let workers = 0;
  const onWorker = () => void (workers += 1);
  process.on("worker", onWorker);
  const runtime = await openRuntime({ threads: 2, memoryBytes: 64 * 1024 * 1024 });
  // Without the sort: two of the same keys would ruin each other.
  const tasks = prepareWork(runtime).tasks.slice(0, -1);
  const running = codeOf(runtime.scheduler.run(Array.from({ length: 100 }, () => tasks).flat()));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await runtime.close();
  assert.is(await running, "MENDLINE_TASK_ABORTED");
  assert.is(await codeOf(runtime.scheduler.run([badTask()])), "MENDLINE_TASK_ABORTED");
  await runtime.close();
  process.off("worker", onWorker);
  assert.is(workers, 2);
});

test.run();
