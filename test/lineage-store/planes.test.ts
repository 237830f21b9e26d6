import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  guessPlane,
  isZero,
  planeMethods,
  restorePlane,
  storePlane,
} from "../../src/lineage-store/planes.js";

/** So many bytes of which a share is drawn from `kinds` values, the others are zero. */
function sparse(length: number, share: number, kinds: number): Uint8Array {
  const draws = randomBytes(length * 3);
  return Uint8Array.from({ length }, (_, at) =>
    draws.readUInt16LE(at * 3) / 65_536 < share ? 1 + (draws[at * 3 + 2]! % kinds) : 0,
  );
}

test("any plane comes back", () =>
  fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 70_000 }),
      fc.constantFrom(0, 0.001, 0.05, 0.5, 1),
      fc.integer({ min: 1, max: 255 }),
      async (length, share, kinds) => {
        const plane = sparse(length, share, kinds);
        const stored = await storePlane(plane);
        assert.ok(stored.bytes.length <= plane.length);
        const back = new Uint8Array(length).fill(7);
        assert.is(await restorePlane(stored, back), true);
        assert.is(Buffer.compare(back, plane), 0);
      },
    ),
    { numRuns: 60 },
  ));

test("each kind of plane is kept in its way", async () => {
  const cases = [
    { plane: new Uint8Array(100_000), method: planeMethods.zero, most: 0 },
    { plane: randomBytes(100_000), method: planeMethods.raw, most: 1 },
    { plane: sparse(100_000, 0.01, 200), method: planeMethods.deflated, most: 0.03 },
    // Entropy of one byte: 1.5 bits; deflate takes 1.75, because the end of a block needs a code too.
    { plane: sparse(100_000, 0.5, 2), method: planeMethods.deflated, most: 0.22 },
  ];
  for (const { plane, method, most } of cases) {
    const stored = await storePlane(plane);
    assert.is(stored.method, method);
    assert.ok(stored.bytes.length <= most * plane.length, `${stored.bytes.length} of ${plane.length}`);
  }
});

test("a guess is near what becomes of the plane", async () => {
  for (const [share, kinds] of [
    [0.001, 9],
    [0.05, 30],
    [0.3, 2],
    [0.5, 100],
    [1, 255],
    [1, 16],
  ] as const) {
    const plane = sparse(200_000, share, kinds);
    const { bytes } = await storePlane(plane);
    const guess = guessPlane(plane).share;
    assert.ok(Math.abs(guess - bytes.length / plane.length) < 0.1, `${share}: ${guess}, ${bytes.length}`);
  }
  assert.is(guessPlane(new Uint8Array(5_000)).share, 0);
});

test("what does not unpack to the plane's length is told", async () => {
  const plane = sparse(10_000, 0.1, 5);
  const { method, bytes } = await storePlane(plane);
  assert.is(method, planeMethods.deflated);
  for (const length of [0, 1, 9_999, 10_001])
    assert.is(await restorePlane({ method, bytes }, new Uint8Array(length)), false, String(length));
  assert.is(await restorePlane({ method, bytes: bytes.subarray(0, -3) }, new Uint8Array(10_000)), false);
  assert.is(await restorePlane({ method, bytes: randomBytes(50) }, new Uint8Array(10_000)), false);
  assert.is(await restorePlane({ method: planeMethods.raw, bytes }, new Uint8Array(10_000)), false);
  assert.is(await restorePlane({ method: planeMethods.zero, bytes }, new Uint8Array(10_000)), false);
});

test("zeros of every length", () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    const bytes = new Uint8Array(length);
    assert.is(isZero(bytes), true);
    if (length === 0) continue;
    bytes[length - 1] = 1;
    assert.is(isZero(bytes), false);
  }
});

test.run();
