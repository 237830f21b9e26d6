// Workers that exit, trap, run out of memory or hang: replaced, their task done again, nothing else lost.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import type { ColumnSlice } from "../../src/host/kernels/kernels.js";
import { taskTriesMax } from "../../src/limits.js";
import { openRuntime, type PoolConditions, type Runtime } from "../../src/scheduler/runtime.js";
import type { Task } from "../../src/scheduler/tasks.js";
import { ends, refuseStartPtr } from "./ends.js";

const workerUrl = new URL("./failing-worker.js", import.meta.url);
/** Workers are asked for, whatever the task does. */
const workBytes = 1e9;
const valueCount = 64;
/** What a task that is not to blame may take, on a busy machine too. */
const deadlineMs = 500;
/** Where the deadline must not come first: filling a worker's heap takes its time. */
const noDeadlineMs = 60_000;

let workers = 0;
process.on("worker", () => {
  workers += 1;
});

async function withRuntime<T>(
  threads: number,
  use: (runtime: Runtime) => Promise<T>,
  conditions: PoolConditions = { deadlineMs },
): Promise<T> {
  workers = 0;
  const runtime = await openRuntime({ threads, memoryBytes: 8 * 1024 * 1024 }, { workerUrl, ...conditions });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}

interface Moments {
  readonly task: Task;
  /** Count and largest value, as the kernel left them. */
  found(): [number, number];
}

/** Moments of a few values, the first two of which say how and how often the worker ends before. */
function moments(runtime: Runtime, how = 0, times = 0): Moments {
  const valuesPtr = runtime.arena.allocate(valueCount * 8);
  const outPtr = runtime.arena.allocate(7 * 8);
  const values = Float64Array.from({ length: valueCount }, (_, i) => i);
  new Float64Array(runtime.arena.memory.buffer, valuesPtr, valueCount).set(
    values.with(0, how).with(1, times),
  );
  new Float64Array(runtime.arena.memory.buffer, outPtr, 7).fill(-1);
  const slice = { valuesPtr, rowCount: valueCount, validityPtr: 0, validityBitOffset: 0 };
  return {
    task: { kernel: "moments", args: ["f64", slice, outPtr], workBytes },
    found: () => {
      const out = new Float64Array(runtime.arena.memory.buffer, outPtr, 7);
      return [out[0]!, out[6]!];
    },
  };
}

const right: [number, number] = [valueCount, valueCount - 1];

async function failureOf(promise: Promise<unknown>): Promise<MendlineError> {
  try {
    await promise;
  } catch (thrown) {
    assert.instance(thrown, MendlineError);
    return thrown as MendlineError;
  }
  throw new Error("it was done");
}

const reasons: Record<keyof typeof ends, RegExp> = {
  exit: /worker exited with code: 7/,
  outOfMemory: /memory limit/,
  hang: /it ran for more than 500 ms/,
  trap: /unreachable/,
};

for (const [name, how] of Object.entries(ends) as [keyof typeof ends, number][]) {
  const conditions = { deadlineMs: name === "outOfMemory" ? noDeadlineMs : deadlineMs };

  test(`${name}: the task is done by the worker's successor, and all others with it`, async () => {
    await withRuntime(
      2,
      async (runtime) => {
        const all = Array.from({ length: 20 }, (_, i) =>
          moments(runtime, i === 7 ? how : 0, i === 7 ? 2 : 0),
        );
        await runtime.scheduler.run(all.map(({ task }) => task));
        assert.equal(
          all.map(({ found }) => found()),
          all.map(() => right),
        );
        assert.is(workers, 2 + 2);
      },
      conditions,
    );
  });

  test(`${name}: a task that ends three workers is given up with the reason; other runs are not lost`, async () => {
    await withRuntime(
      2,
      async (runtime) => {
        const bad = moments(runtime, how, 3);
        const others = Array.from({ length: 6 }, () => Array.from({ length: 8 }, () => moments(runtime)));
        const failed = failureOf(runtime.scheduler.run([bad.task]));
        await Promise.all(others.map((run) => runtime.scheduler.run(run.map(({ task }) => task))));
        assert.ok(others.flat().every(({ found }) => found()[0] === valueCount));
        const failure = await failed;
        assert.is(failure.code, "MENDLINE_TASK_FAILED");
        assert.match(failure.message, /moments ended its worker 3 times/);
        assert.match(failure.message, reasons[name]);
        // The pool is whole again.
        const after = moments(runtime);
        await runtime.scheduler.run([after.task]);
        assert.equal(after.found(), right);
        assert.is(workers, 2 + taskTriesMax);
      },
      conditions,
    );
  });
}

test("one worker is enough for all of it", async () => {
  await withRuntime(1, async (runtime) => {
    const all = Object.values(ends).map((how) => moments(runtime, how, 1));
    await runtime.scheduler.run(all.map(({ task }) => task));
    assert.equal(
      all.map(({ found }) => found()),
      all.map(() => right),
    );
    assert.is(workers, 1 + all.length);
  });
});

test("a task that overwrites what it reads does not run again", async () => {
  await withRuntime(1, async (runtime) => {
    const slice = moments(runtime, ends.exit, 1).task.args[1] as ColumnSlice;
    const inPlace: Task = { kernel: "keysFrom", args: ["f64", slice, slice.valuesPtr], workBytes };
    const failure = await failureOf(runtime.scheduler.run([inPlace]));
    assert.is(failure.code, "MENDLINE_TASK_FAILED");
    assert.match(failure.message, /keysFrom ended its worker 1 times/);
  });
});

test("a task that hangs is ended when its run is cancelled meanwhile", async () => {
  await withRuntime(2, async (runtime) => {
    const controller = new AbortController();
    const hanging = moments(runtime, ends.hang, 1);
    const run = failureOf(
      runtime.scheduler.run([hanging.task, moments(runtime).task], { signal: controller.signal }),
    );
    setTimeout(() => controller.abort(), 20);
    assert.is((await run).code, "MENDLINE_TASK_ABORTED");
    const after = moments(runtime);
    await runtime.scheduler.run([after.task]);
    assert.equal(after.found(), right);
  });
});

test("closing ends a task that hangs", async () => {
  const runtime = await openRuntime({ threads: 1, memoryBytes: 8 * 1024 * 1024 }, { workerUrl });
  const run = failureOf(runtime.scheduler.run([moments(runtime, ends.hang, 1).task]));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await runtime.close();
  assert.is((await run).code, "MENDLINE_TASK_ABORTED");
});

test("where no worker starts any more, the calling thread does the rest", async () => {
  await withRuntime(2, async (runtime) => {
    new Uint8Array(runtime.arena.memory.buffer)[refuseStartPtr] = 1;
    const all = Array.from({ length: 9 }, (_, i) => moments(runtime, ends.exit, i < 2 ? 1 : 0));
    await runtime.scheduler.run(all.map(({ task }) => task));
    assert.equal(
      all.map(({ found }) => found()),
      all.map(() => right),
    );
    // And so it goes on.
    const after = moments(runtime);
    await runtime.scheduler.run([after.task]);
    assert.equal(after.found(), right);
  });
});

test("workers that cannot start at all are told of when the engine opens", async () => {
  const nowhere = new URL("./no-such-worker.js", import.meta.url);
  const failure = await failureOf(openRuntime({ threads: 2 }, { workerUrl: nowhere }));
  assert.is(failure.code, "MENDLINE_TASK_FAILED");
  assert.match(failure.message, /the workers do not start: .*no-such-worker.*threads 0/s);
});

test.run();
