import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packFrameBytes } from "../../src/limits.js";
import {
  footerBytes,
  footerFrom,
  frameBytes,
  frameFrom,
  frameOffsets,
  type PackedFrame,
  tailBytes,
} from "../../src/lineage-store/packed-format.js";

const width = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const);
const frame: fc.Arbitrary<PackedFrame> = fc.oneof(
  fc.uint8Array({ maxLength: 50 }).map((bytes) => ({
    kind: 0 as const,
    width: 1 as const,
    byteLength: bytes.length,
    planes: [{ method: 1 as const, bytes }],
  })),
  width.chain((elementBytes) =>
    fc.record({
      kind: fc.constantFrom(1 as const, 2 as const),
      width: fc.constant(elementBytes),
      byteLength: fc.nat({ max: 100 }).map((count) => count * elementBytes),
      planes: fc.array(
        fc.record({
          method: fc.constantFrom(0 as const, 1 as const, 2 as const),
          bytes: fc.uint8Array({ maxLength: 9 }),
        }),
        { minLength: elementBytes, maxLength: elementBytes },
      ),
    }),
  ),
);

const plain = ({ planes, ...rest }: PackedFrame) => ({
  ...rest,
  planes: planes.map(({ method, bytes }) => ({ method, bytes: [...bytes] })),
});

test("a frame reads back as it was, and not with any bit flipped or byte missing", () =>
  fc.assert(
    fc.property(frame, fc.nat(), (written, seed) => {
      const bytes = frameBytes(written);
      assert.equal(plain(frameFrom(bytes)!), plain(written));
      const flipped = Buffer.from(bytes);
      flipped[(seed >> 3) % bytes.length]! ^= 1 << (seed & 7);
      assert.is(frameFrom(flipped), null);
      assert.is(frameFrom(bytes.subarray(0, seed % bytes.length)), null);
    }),
  ));

test("lengths of planes that leave the frame are refused, whatever the checksum says", () => {
  const bytes = frameBytes({
    kind: 1,
    width: 2,
    byteLength: 4,
    planes: [
      { method: 1, bytes: Uint8Array.of(1, 2) },
      { method: 0, bytes: new Uint8Array(0) },
    ],
  });
  for (const [offset, value] of [
    [16, 3],
    [16, 0xffff_ffff],
    [24, 1],
    [8, 3],
    [9, 3],
    [12, 9],
    [4, 3],
    [4, packFrameBytes + 2],
  ] as const) {
    const other = Buffer.from(bytes);
    if (offset === 8 || offset === 9 || offset === 12) other[offset] = value;
    else other.writeUInt32LE(value, offset);
    // A valid checksum over what is wrong: made, not flipped.
    const { crc32 } = process.getBuiltinModule("node:zlib");
    other.writeUInt32LE(crc32(other.subarray(4)), 0);
    assert.is(frameFrom(other), null, `${value} at ${offset}`);
  }
});

test("footer and index", () => {
  const base = randomBytes(32).toString("hex");
  const lengths = [100, 5_000, 77];
  const facts = { byteLength: 2 * packFrameBytes + 9, depth: 3, base };
  const tail = tailBytes(lengths, facts);
  const fileBytes = 5_177 + tail.length;
  const footer = Buffer.from(tail.subarray(-footerBytes));
  assert.equal(footerFrom(footer, fileBytes), { ...facts, frameCount: 3 });
  assert.equal([...frameOffsets(tail, fileBytes)!], [0, 100, 5_100, 5_177]);
  assert.is(frameOffsets(tail, fileBytes + 1), null);
  assert.is(footerFrom(footer, 80), null, "no file so small has three frames");
  for (let bit = 0; bit < tail.length * 8; bit++) {
    const flipped = Buffer.from(tail);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const isFooter = bit >> 3 >= tail.length - footerBytes;
    if (isFooter)
      assert.is(footerFrom(Buffer.from(flipped.subarray(-footerBytes)), fileBytes), null, `bit ${bit}`);
    else assert.is(frameOffsets(flipped, fileBytes), null, `bit ${bit}`);
  }
  const alone = tailBytes([], { byteLength: 0, depth: 0, base: null });
  assert.equal(footerFrom(alone, alone.length), { byteLength: 0, depth: 0, base: null, frameCount: 0 });
});

test.run();
