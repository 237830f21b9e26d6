import { test } from "uvu";
import * as assert from "uvu/assert";
import { openRuntime } from "../../src/scheduler/runtime.js";
import { isRepeatable, runTask, type Task } from "../../src/scheduler/tasks.js";

const runtime = await openRuntime();
const slice = { valuesPtr: 65_536, rowCount: 4, validityPtr: 0, validityBitOffset: 0 };

test("a task names a kernel's wrapper and its arguments", () => {
  const { arena, kernels } = runtime;
  const valuesPtr = arena.allocate(16);
  const keysPtr = arena.allocate(32);
  new Float32Array(arena.memory.buffer, valuesPtr, 4).set([1, Number.NaN, 2, 3]);
  const keys: Task = { kernel: "keysFrom", args: ["f32", { ...slice, valuesPtr }, keysPtr], workBytes: 16 };
  assert.is(runTask(kernels, keys), 3);
  const blend: Task = { kernel: "blend", args: ["f32", valuesPtr, valuesPtr, 1, 0.5, keysPtr], workBytes: 4 };
  assert.is(runTask(kernels, blend), true);
  arena.release(valuesPtr);
  arena.release(keysPtr);
});

test("what overwrites its own input cannot run a second time", () => {
  const task = (one: Task) => one;
  const workBytes = 1;
  assert.not(isRepeatable(task({ kernel: "sortKeys", args: [64, 1, 128, 192], workBytes })));
  assert.not(isRepeatable(task({ kernel: "blend", args: ["f32", 64, 128, 1, 1, 64], workBytes })));
  assert.not(isRepeatable(task({ kernel: "blend", args: ["f32", 64, 128, 1, 1, 128], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "blend", args: ["f32", 64, 128, 1, 1, 192], workBytes })));
  assert.not(isRepeatable(task({ kernel: "keysFrom", args: ["f64", slice, slice.valuesPtr], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "keysFrom", args: ["f64", slice, 128], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "moments", args: ["f64", slice, 128], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "countByEdges", args: ["f64", slice, 128, 1, 192], workBytes })));
});

test.run();
