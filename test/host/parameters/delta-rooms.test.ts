/** The store's deltas as the kernels make them: every width, every bit pattern, and what a fine-tuned and a pruned child come to. */
import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels } from "../../../src/host/kernels/module.js";
import { kernelDeltas } from "../../../src/host/parameters/delta-rooms.js";
import { packFrameBytes, packRoomsMax } from "../../../src/limits.js";
import { deltaPlanes } from "../../assembly/vectors-oracle.js";

const deltas = kernelDeltas(await compileKernels());
const rooms = Array.from({ length: packRoomsMax }, () => deltas.createRoom());

test("rooms are apart, and a frame long", () => {
  const views = rooms.flatMap(({ source, target, planes }) => [source, target, planes]);
  views.forEach((view, index) => {
    assert.is(view.length, packFrameBytes);
    view.fill(index + 1);
  });
  for (const [index, view] of views.entries()) assert.ok(view.every((byte) => byte === index + 1));
});

for (const width of [1, 2, 4, 8] as const) {
  test(`${width} bytes: there and back, and as the oracle has it`, () => {
    const { source, target, planes, encode, decode } = rooms[1]!;
    for (const count of [0, 1, 15, 16, 17, 1_000]) {
      const byteLength = count * width;
      const [from, to] = [randomBytes(byteLength), randomBytes(byteLength)];
      // Some pruned, some the same.
      for (let at = 0; at < byteLength; at++)
        if (at % (5 * width) < width) to[at] = at % 2 === 0 ? 0 : from[at]!;
      source.set(from);
      target.set(to);
      planes.fill(0xee);
      encode(width, byteLength);
      assert.is(planes[byteLength], 0xee);
      if (width > 1)
        assert.equal(
          [...planes.subarray(0, byteLength)],
          deltaPlanes(elements(from, width), elements(to, width), width),
        );
      decode(width, byteLength);
      assert.is(Buffer.compare(source.subarray(0, byteLength), to), 0);
    }
  });
}

function elements(bytes: Buffer, width: number): bigint[] {
  return Array.from({ length: bytes.length / width }, (_, index) =>
    bytes
      .subarray(index * width, (index + 1) * width)
      .reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n),
  );
}

test("a whole frame, with NaNs and infinities of every payload", () => {
  const { source, target, encode, decode } = rooms[2]!;
  const [from, to] = [randomBytes(packFrameBytes), randomBytes(packFrameBytes)];
  for (let at = 3; at < packFrameBytes; at += 12) [from[at], to[at]] = [0x7f, 0xff];
  for (const width of [2, 4, 8] as const) {
    source.set(from);
    target.set(to);
    encode(width, packFrameBytes);
    decode(width, packFrameBytes);
    assert.is(Buffer.compare(source, to), 0);
  }
});

test.run();
