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
  for (const [outPtr, expected] of [
    [64, false],
    [128, false],
    [192, true],
  ] as const) {
    const vectors = [
      { ptr: 64, weight: 1 },
      { ptr: 128, weight: 2 },
    ];
    const sum = task({ kernel: "weightedSum", args: ["f32", vectors, 1, 256, outPtr], workBytes });
    const subtract = task({ kernel: "subtract", args: ["bf16", 64, 128, 1, outPtr], workBytes });
    assert.is(isRepeatable(sum), expected);
    assert.is(isRepeatable(subtract), expected);
  }
  assert.not(isRepeatable(task({ kernel: "scale", args: ["f16", 64, 1, 2, 64], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "scale", args: ["f16", 64, 1, 2, 128], workBytes })));
  assert.not(isRepeatable(task({ kernel: "decodeDelta", args: [4, 64, 128, 1, 64], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "decodeDelta", args: [4, 64, 128, 1, 192], workBytes })));
  assert.ok(isRepeatable(task({ kernel: "encodeDelta", args: [4, 64, 128, 1, 192], workBytes })));
});

test.run();
