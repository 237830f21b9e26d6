// The sort's kernels in the order of src/host/kernels/sort-steps.ts, against the language's own sort: keys that take each of its ways.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels, instantiateKernels } from "../../src/host/kernels/module.js";
import { type SortExports, sortCounterBytes, sortSteps } from "../../src/host/kernels/sort-steps.js";
import { partitionRows } from "../../src/limits.js";
import { random } from "./support.js";

const keysMax = 2 * partitionRows + 3;
const keysPtr = 1 << 17;
const scratchPtr = keysPtr + keysMax * 8 + 64;
const statePtr = scratchPtr + keysMax * 8 + 64;
const pages = Math.ceil((statePtr + sortCounterBytes + 64) / 65_536);
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const kernels = instantiateKernels(await compileKernels(), memory) as SortExports;
const bytes = new Uint8Array(memory.buffer);

type KeysOf = (next: () => number, index: number, count: number) => bigint;

const word = (next: () => number) => BigInt(Math.floor(next() * 2 ** 32));

/** By name, and whether the highest 36 bits leave so many neighbours out of order that all bits are gone through. */
const shapes: Record<string, { key: KeysOf; isHard?: boolean }> = {
  "all alike": { key: () => 0x8123_4567_89ab_cdefn },
  "one bit": { key: (next) => (next() < 0.5 ? 0n : 1n << 63n) },
  "one low bit": { key: (next) => (next() < 0.5 ? 5n : 4n) },
  "small numbers": { key: (next) => (1n << 63n) + BigInt(Math.floor(next() * 1000)) },
  "36 bits": { key: (next) => ((word(next) << 4n) | (word(next) >> 28n)) << 3n },
  "37 bits": { key: (next) => (word(next) << 5n) | (word(next) >> 27n) },
  "any bits": { key: (next) => (word(next) << 32n) | word(next) },
  rising: { key: (_, index) => BigInt(index) << 20n },
  falling: { key: (_, index, count) => BigInt(count - index) << 30n },
  "few high bits, falling low ones": {
    key: (next, index, count) => (BigInt(Math.floor(next() * 4)) << 62n) | BigInt(count - index),
    isHard: true,
  },
  "two far clusters": {
    key: (next) => (next() < 0.5 ? word(next) >> 8n : (1n << 63n) | (word(next) >> 8n)),
    isHard: true,
  },
};

/** What the kernels were called with: the longest stretch of keys, and how often all keys were counted. */
interface Calls {
  longest: number;
  rounds: number;
}

function counted(calls: Calls): SortExports {
  const seen = (count: number) => {
    calls.longest = Math.max(calls.longest, count);
  };
  return {
    findVaryingBits: (keys, count, ...rest) => {
      seen(count);
      kernels.findVaryingBits(keys, count, ...rest);
    },
    countDigits: (keys, count, ...rest) => {
      seen(count);
      if (keys === keysPtr || keys === scratchPtr) calls.rounds += 1;
      kernels.countDigits(keys, count, ...rest);
    },
    startsFromCounts: kernels.startsFromCounts,
    scatterKeys: (keys, count, ...rest) => {
      seen(count);
      kernels.scatterKeys(keys, count, ...rest);
    },
    insertKeys: (keys, from, to, movesMax) => {
      seen(to - from);
      assert.ok(movesMax <= partitionRows);
      return kernels.insertKeys(keys, from, to, movesMax);
    },
  };
}

function sorted(keys: BigUint64Array): { found: BigUint64Array; calls: Calls; steps: number } {
  const count = keys.length;
  const regions: [number, number][] = [
    [keysPtr, count * 8],
    [scratchPtr, count * 8],
    [statePtr, sortCounterBytes],
  ];
  bytes.fill(0xa5);
  new BigUint64Array(memory.buffer, keysPtr, count).set(keys);
  const calls: Calls = { longest: 0, rounds: 0 };
  let steps = 0;
  for (const _ of sortSteps(counted(calls), memory, keysPtr, count, scratchPtr, statePtr)) steps += 1;
  const found = new BigUint64Array(memory.buffer, keysPtr, count).slice();
  for (const [ptr, byteLength] of regions) bytes.fill(0xa5, ptr, ptr + byteLength);
  assert.ok(
    bytes.every((byte) => byte === 0xa5),
    "bytes around the regions were written",
  );
  return { found, calls, steps };
}

function check(keys: BigUint64Array, what: string): { calls: Calls; steps: number } {
  const { found, calls, steps } = sorted(keys);
  const expected = keys.slice().sort();
  const wrong = found.findIndex((key, index) => key !== expected[index]);
  assert.is(wrong, -1, `${what}: key ${wrong} of ${keys.length}`);
  return { calls, steps };
}

for (const [name, { key, isHard }] of Object.entries(shapes)) {
  test(`${name}: every count up to 40, and past the turns to more digits and more steps`, () => {
    const next = random(31);
    const counts = [...Array(41).keys(), 100, 1_000, 8_191, 8_192, 20_000];
    for (const count of counts)
      check(
        BigUint64Array.from({ length: count }, (_, i) => key(next, i, count)),
        name,
      );
    const many = BigUint64Array.from({ length: keysMax }, (_, i) => key(next, i, keysMax));
    const { calls } = check(many, name);
    assert.is(calls.longest, partitionRows);
    if (name !== "all alike") assert.is(calls.rounds > 1, isHard === true, `${calls.rounds} rounds`);
  });
}

test("keys one after the other in every single bit", () => {
  for (let bit = 0; bit < 64; bit++) {
    const keys = BigUint64Array.from({ length: 99 }, (_, i) =>
      i % 3 === 0 ? 0n : 1n << BigInt((bit + i) % 64),
    );
    check(keys, `bit ${bit}`);
  }
});

test("insertion stops where it may move no further, and no key is lost", () => {
  const falling = BigUint64Array.from({ length: 100 }, (_, i) => BigInt(100 - i));
  const view = new BigUint64Array(memory.buffer, keysPtr, 100);
  view.set(falling);
  assert.is(kernels.insertKeys(keysPtr, 0, 100, 57), 58);
  assert.equal(
    [...view].sort((left, right) => Number(left - right)),
    [...falling].reverse(),
  );
  assert.is(kernels.insertKeys(keysPtr, 0, 100, 10_000), 99 * 50 - 58);
  assert.equal([...view], [...falling].reverse());
});

test.run();
