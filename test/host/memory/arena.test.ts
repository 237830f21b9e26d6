import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { arenaBytesMax, arenaBytesMin, kernelReservedBytes } from "../../../src/limits.js";

const mebibyte = 1024 * 1024;

function isError(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof MendlineError && thrown.code === code;
}

function rounded(byteLength: number): number {
  return Math.max(64, Math.ceil(byteLength / 64) * 64);
}

/** What an arena must look like from outside: a list of regions. */
class Model {
  readonly regions: { ptr: number; byteLength: number; mark: number }[] = [];
  peakBytes = 0;
  readonly #arena: Arena;
  #marks = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get usedBytes(): number {
    return this.regions.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  allocate(byteLength: number): void {
    const availableBytes = this.#arena.availableBytes;
    if (rounded(byteLength) > availableBytes) {
      assert.throws(() => this.#arena.allocate(byteLength), isError("MENDLINE_MEMORY_EXHAUSTED"));
      return;
    }
    const ptr = this.#arena.allocate(byteLength);
    assert.is(ptr % 64, 0);
    const region = { ptr, byteLength: rounded(byteLength), mark: (this.#marks = (this.#marks + 1) % 251) };
    this.regions.push(region);
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes);
    this.#arena.bytes.fill(region.mark, ptr, ptr + region.byteLength);
  }

  release(choice: number): void {
    if (this.regions.length === 0) return;
    const [region] = this.regions.splice(choice % this.regions.length, 1);
    this.#arena.release(region!.ptr);
  }

  check(): void {
    const { use } = this.#arena;
    assert.is(use.usedBytes, this.usedBytes);
    assert.is(use.peakBytes, this.peakBytes);
    assert.is(use.capacityBytes, this.#arena.memory.buffer.byteLength);
    assert.ok(use.capacityBytes <= use.maxBytes);
    let end = kernelReservedBytes;
    for (const { ptr, byteLength } of [...this.regions].sort((left, right) => left.ptr - right.ptr)) {
      assert.ok(ptr >= end, `region at ${ptr} begins before ${end}`);
      end = ptr + byteLength;
    }
    assert.ok(end <= use.capacityBytes);
  }

  /** Every region still holds what was written into it when it was given out: nobody else wrote there. */
  checkMarks(): void {
    const { bytes } = this.#arena;
    for (const { ptr, byteLength, mark } of this.regions) {
      for (const at of [ptr, ptr + (byteLength >>> 1), ptr + byteLength - 1]) assert.is(bytes[at], mark);
    }
  }
}

type Step = { kind: "allocate"; byteLength: number } | { kind: "release"; choice: number };

const allocation = fc
  .oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 200_000 }),
    fc.integer({ min: 0, max: 9 * mebibyte }),
  )
  .map((byteLength): Step => ({ kind: "allocate", byteLength }));
const release = fc.nat().map((choice): Step => ({ kind: "release", choice }));

test("regions never overlap, use is counted right, and everything joins again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(allocation, release), { maxLength: 60 }), (steps) => {
      const arena = new Arena(arenaBytesMin);
      const model = new Model(arena);
      for (const step of steps) {
        if (step.kind === "allocate") model.allocate(step.byteLength);
        else model.release(step.choice);
        model.check();
      }
      model.checkMarks();
      while (model.regions.length > 0) model.release(steps.length);
      model.check();
      // All free spans are one again: the whole arena can be had in one piece.
      assert.is(arena.availableBytes, arenaBytesMin - kernelReservedBytes);
      arena.release(arena.allocate(arena.availableBytes));
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("what is said to be available can be had, and not 64 bytes more", () => {
  const arena = new Arena(arenaBytesMin);
  const kept = [arena.allocate(1_000), arena.allocate(3 * mebibyte), arena.allocate(1_000)];
  arena.release(kept[1]!);
  const { availableBytes } = arena;
  assert.throws(() => arena.allocate(availableBytes + 1), isError("MENDLINE_MEMORY_EXHAUSTED"));
  arena.release(arena.allocate(availableBytes));
  assert.is(arena.use.usedBytes, 2 * 1_024);
});

test("exhausted: says how much was asked for, changes nothing, and goes on", () => {
  const arena = new Arena(arenaBytesMin);
  const ptr = arena.allocate(5 * mebibyte);
  arena.bytes.fill(7, ptr, ptr + 5 * mebibyte);
  const before = arena.use;
  let thrown: unknown;
  try {
    arena.allocate(4 * mebibyte);
  } catch (error) {
    thrown = error;
  }
  assert.ok(isError("MENDLINE_MEMORY_EXHAUSTED")(thrown));
  assert.match((thrown as MendlineError).message, String(4 * mebibyte));
  assert.is((thrown as MendlineError).details.byteLength, 4 * mebibyte);
  assert.equal(arena.use, before);
  assert.is(arena.bytes[ptr + 5 * mebibyte - 1], 7);
  const small = arena.allocate(mebibyte);
  assert.ok(small >= ptr + 5 * mebibyte || small + mebibyte <= ptr);
  arena.release(ptr);
  arena.release(arena.allocate(5 * mebibyte));
});

test("the kernels' first page is never given out; regions of no bytes are regions too", () => {
  const arena = new Arena(arenaBytesMin);
  const first = arena.allocate(0);
  const second = arena.allocate(0);
  assert.ok(first >= kernelReservedBytes);
  assert.is.not(first, second);
  arena.release(first);
  arena.release(second);
  assert.is(arena.use.usedBytes, 0);
});

test("only what was given out can be given back, once", () => {
  const arena = new Arena(arenaBytesMin);
  const ptr = arena.allocate(100);
  assert.throws(() => arena.release(ptr + 64), RangeError);
  arena.release(ptr);
  assert.throws(() => arena.release(ptr), RangeError);
});

test("bounds of the maximum: 8 MiB to 4 GiB - 64 KiB, whole pages", () => {
  for (const maxBytes of [
    0,
    -1,
    arenaBytesMin - 1,
    arenaBytesMax + 1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]) {
    assert.throws(() => new Arena(maxBytes), isError("MENDLINE_ARGUMENT_INVALID"));
  }
  assert.is(new Arena(arenaBytesMin).maxBytes, arenaBytesMin);
  assert.is(new Arena(arenaBytesMin + 65_535).maxBytes, arenaBytesMin);
  assert.is(new Arena(arenaBytesMin + 65_536).maxBytes, arenaBytesMin + 65_536);
});

test("bytes shows the memory as it has grown", () => {
  const arena = new Arena(arenaBytesMin);
  const small = arena.bytes;
  const ptr = arena.allocate(2 * mebibyte);
  assert.ok(arena.bytes.byteLength > small.byteLength);
  assert.is(arena.bytes.byteLength, arena.use.capacityBytes);
  assert.ok(arena.bytes.byteLength >= ptr + 2 * mebibyte);
  assert.is(arena.bytes, arena.bytes);
});

test("a scope releases its regions together, some earlier, and may be closed twice", () => {
  const arena = new Arena(arenaBytesMin);
  const outside = arena.allocate(64);
  const scope = arena.scope();
  const early = scope.allocate(100);
  scope.allocate(200);
  scope.allocate(300);
  assert.is(arena.use.usedBytes, 64 + 128 + 256 + 320);
  scope.release(early);
  assert.is(arena.use.usedBytes, 64 + 256 + 320);
  assert.throws(() => scope.release(early), RangeError);
  assert.throws(() => scope.release(outside), RangeError);
  scope.close();
  scope.close();
  assert.is(arena.use.usedBytes, 64);
  assert.is(arena.use.peakBytes, 64 + 128 + 256 + 320);
  scope.allocate(1);
  scope.close();
  assert.is(arena.use.usedBytes, 64);
});

test.run();
