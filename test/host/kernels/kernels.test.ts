// The wrappers' own work: bounds and alignment. What the kernels compute is tested in test/assembly.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import {
  type ColumnSlice,
  exactSumBytes,
  Kernels,
  mergeStateBytes,
  momentWords,
  sortCounterBytes,
} from "../../../src/host/kernels/kernels.js";
import { compileKernels, instantiateKernels } from "../../../src/host/kernels/module.js";
import { bytesOf, codeTypes, numericTypes, viewOf } from "../../../src/host/kernels/types.js";
import { edgesMax, kernelReservedBytes } from "../../../src/limits.js";

const pages = 6;
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const kernels = new Kernels(instantiateKernels(await compileKernels(), memory), memory);
const end = pages * 65_536;

function refuses(call: () => unknown, what: string): void {
  const before = new Uint8Array(memory.buffer).slice();
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof MendlineError, `${what}: not refused (${String(thrown)})`);
  assert.is((thrown as MendlineError).code, "MENDLINE_KERNEL_BOUNDS", what);
  assert.is(Buffer.compare(before, new Uint8Array(memory.buffer)), 0, `${what}: memory was written to`);
}

/** A region argument of a wrapper: its name, bytes and alignment; `call` is given its pointer. */
interface Region {
  readonly name: string;
  readonly byteLength: number;
  readonly alignment: number;
}

/** Calls with every region in its place, then with each one moved out of bounds and out of line. */
function checkRegions(what: string, regions: readonly Region[], call: (ptrs: number[]) => unknown): void {
  const places = regions.map((_, index) => kernelReservedBytes + index * 65_536);
  call(places);
  regions.forEach(({ name, byteLength, alignment }, index) => {
    const at = (ptr: number) => () => call(places.with(index, ptr));
    const fits = end - byteLength - ((end - byteLength) % alignment);
    at(fits)();
    refuses(at(fits + alignment), `${what}: ${name} ends beyond the memory`);
    refuses(at(kernelReservedBytes - alignment), `${what}: ${name} in the kernels' page`);
    for (const ptr of [
      0,
      -alignment,
      -end,
      end,
      2 ** 32 + kernelReservedBytes,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]) {
      if (ptr === 0 && name === "validity") continue;
      refuses(at(ptr), `${what}: ${name} at ${ptr}`);
    }
    for (let shift = 1; shift < alignment; shift++) {
      refuses(at(places[index]! + shift), `${what}: ${name} off by ${shift}`);
    }
    refuses(at(places[index]! + 0.5), `${what}: ${name} at half a byte`);
  });
}

const rowCount = 37;

function sliceAt(valuesPtr: number, validityPtr: number): ColumnSlice {
  return { valuesPtr, rowCount, validityPtr, validityBitOffset: 3 };
}

const validity: Region = { name: "validity", byteLength: 5, alignment: 1 };

function region(name: string, byteLength: number, alignment: number): Region {
  return { name, byteLength, alignment };
}

for (const type of numericTypes) {
  const width = bytesOf(type);
  const values = region("values", rowCount * width, width);

  test(`countByEdges of ${type}`, () => {
    const regions = [
      values,
      validity,
      region("edges", 9 * width, width),
      region("work", kernels.countWorkBytes(9), 8),
    ];
    checkRegions("countByEdges", regions, ([v, bits, edges, work]) =>
      kernels.countByEdges(type, sliceAt(v!, bits!), edges!, 9, work!),
    );
  });

  test(`keysFrom of ${type}`, () => {
    checkRegions("keysFrom", [values, validity, region("keys", rowCount * 8, 8)], ([v, bits, keys]) =>
      kernels.keysFrom(type, sliceAt(v!, bits!), keys!),
    );
  });

  test(`moments of ${type}`, () => {
    checkRegions("moments", [values, validity, region("out", momentWords * 8, 8)], ([v, bits, out]) =>
      kernels.moments(type, sliceAt(v!, bits!), out!),
    );
  });
}

for (const type of codeTypes) {
  test(`countCategories of ${type}`, () => {
    const width = bytesOf(type);
    const regions = [
      region("codes", rowCount * width, width),
      validity,
      region("remap", 20, 4),
      region("work", kernels.categoryWorkBytes(3), 4),
    ];
    checkRegions("countCategories", regions, ([v, bits, remap, counts]) =>
      kernels.countCategories(type, sliceAt(v!, bits!), remap!, 5, 2, 3, counts!),
    );
  });
}

test("keys: sort, sums, KS", () => {
  const keys = region("keys", 80, 8);
  checkRegions(
    "sortKeys",
    [keys, region("scratch", 80, 8), region("counters", sortCounterBytes, 8)],
    ([k, s, c]) => kernels.sortKeys(k!, 10, s!, c!),
  );
  for (const kind of ["f64", "i64", "u64"] as const) {
    checkRegions("sumKeysExactly", [keys, region("words", exactSumBytes, 8)], ([k, words]) =>
      kernels.sumKeysExactly(kind, k!, 10, words!),
    );
    checkRegions("sumKeyPowersExactly", [keys, region("words", 3 * exactSumBytes, 8)], ([k, words]) =>
      kernels.sumKeyPowersExactly(kind, k!, 10, 0.5, words!),
    );
  }
  for (const kind of ["f64", "i64", "u64"] as const) {
    const merged = [keys, region("current", 24, 8), region("state", mergeStateBytes, 8)];
    const run = (ptr: number, count: number) => ({ kind, ptr, count });
    checkRegions("ksFromSortedKeys", merged, ([r, c, state]) =>
      kernels.ksFromSortedKeys(run(r!, 10), run(c!, 3), state!),
    );
    checkRegions("wassersteinFromSortedKeys", merged, ([r, c, state]) =>
      kernels.wassersteinFromSortedKeys(run(r!, 10), run(c!, 3), state!),
    );
  }
});

test("counts: divergence with pseudo-counts and floor, KS", () => {
  const counts = [region("reference", 56, 8), region("current", 56, 8)];
  checkRegions("divergenceFromCounts", [...counts, region("out", 32, 8)], ([r, c, out]) =>
    kernels.divergenceFromCounts(r!, c!, 7, 0.5, out!),
  );
  checkRegions("divergenceWithFloor", [...counts, region("out", 32, 8)], ([r, c, out]) =>
    kernels.divergenceWithFloor(r!, c!, 7, 1e-4, out!),
  );
  checkRegions("ksFromCounts", [...counts, region("out", 24, 8)], ([r, c, out]) =>
    kernels.ksFromCounts(r!, c!, 7, out!),
  );
});

test("vectors", () => {
  const widths = { f32: 4, f64: 8, f16: 2, bf16: 2 } as const;
  for (const type of ["f32", "f64", "f16", "bf16"] as const) {
    const vector = (name: string) => region(name, 11 * widths[type], widths[type]);
    const pair = [vector("source"), vector("target")];
    checkRegions(`subtract ${type}`, [...pair, vector("out")], ([s, t, out]) =>
      kernels.subtract(type, s!, t!, 11, out!),
    );
    checkRegions(`scale ${type}`, [vector("source"), vector("out")], ([s, out]) =>
      kernels.scale(type, s!, 11, 2, out!),
    );
    checkRegions(`blend ${type}`, [...pair, vector("out")], ([s, t, out]) =>
      kernels.blend(type, s!, t!, 11, 0.5, out!),
    );
    checkRegions(`compareVectors ${type}`, [...pair, region("out", 40, 8)], ([s, t, out]) =>
      kernels.compareVectors(type, s!, t!, 11, out!),
    );
  }
});

test("half-width floats", () => {
  for (const type of ["f16", "bf16"] as const) {
    const half = (name: string) => region(name, 22, 2);
    const single = (name: string) => region(name, 44, 4);
    checkRegions(`widen ${type}`, [half("source"), single("out")], ([s, out]) =>
      kernels.widen(type, s!, 11, out!),
    );
    checkRegions(`narrow ${type}`, [single("source"), half("out")], ([s, out]) =>
      kernels.narrow(type, s!, 11, out!),
    );
    const at = kernelReservedBytes;
    refuses(() => kernels.widen(type, at, 11, at + 20), "out over the source");
  }
});

test("counts and offsets that are negative, no numbers or too large", () => {
  const at = kernelReservedBytes;
  const slice = { valuesPtr: at, rowCount: 10, validityPtr: at + 1_024, validityBitOffset: 0 };
  const edges = at + 2_048;
  const out = at + 4_096;
  for (const bad of [-1, -64, Number.NaN, 2 ** 32, 2 ** 53]) {
    refuses(() => kernels.countByEdges("f32", { ...slice, rowCount: bad }, edges, 2, out), `rowCount ${bad}`);
    refuses(
      () => kernels.countByEdges("f32", { ...slice, validityBitOffset: bad }, edges, 2, out),
      `bit offset ${bad}`,
    );
    refuses(() => kernels.countByEdges("f32", slice, edges, bad, out), `edgeCount ${bad}`);
    refuses(() => kernels.countCategories("i32", slice, edges, bad, 0, 1, out), `remapCount ${bad}`);
    refuses(() => kernels.countCategories("i32", slice, edges, 1, bad, 2, out), `missingSlot ${bad}`);
    refuses(() => kernels.countCategories("i32", slice, edges, 1, 0, bad, out), `slotCount ${bad}`);
    refuses(() => kernels.sortKeys(at, bad, edges, out), `key count ${bad}`);
    refuses(() => kernels.blend("f32", at, edges, bad, 1, out), `vector count ${bad}`);
    refuses(() => kernels.ksFromCounts(at, edges, bad, out), `bin count ${bad}`);
  }
  refuses(() => kernels.countCategories("i32", slice, edges, 1, 2, 2, out), "missingSlot = slotCount");
  refuses(() => kernels.countByEdges("f32", slice, edges, edgesMax + 1, out), "more edges than the limit");
});

test("without validity its bit offset is not looked at, and no pointer is needed", () => {
  const slice = { valuesPtr: kernelReservedBytes, rowCount: 3, validityPtr: 0, validityBitOffset: 0 };
  viewOf(memory, "f32", kernelReservedBytes, 3).fill(1 as never);
  kernels.countByEdges("f32", slice, kernelReservedBytes + 64, 0, kernelReservedBytes + 128);
  assert.equal(Array.from(new Uint32Array(memory.buffer, kernelReservedBytes + 128, 3)), [3, 0, 0]);
});

test("answers are unsigned counts and booleans", () => {
  const at = kernelReservedBytes;
  const floats = new Float32Array(memory.buffer, at, 4);
  floats.set([1, Number.NaN, 2, 3]);
  const slice = { valuesPtr: at, rowCount: 4, validityPtr: 0, validityBitOffset: 0 };
  assert.is(kernels.keysFrom("f32", slice, at + 64), 3);
  assert.is(kernels.scale("f32", at, 4, 2, at + 256), false);
  floats[1] = 0;
  assert.is(kernels.scale("f32", at, 4, 2, at + 256), true);
  assert.is(kernels.subtract("f32", at, at, 4, at + 256), true);
  assert.is(kernels.blend("f32", at, at, 4, 1, at + 256), true);
});

test.run();
