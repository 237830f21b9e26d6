import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { memorySource } from "../../../src/host/parameters/model-bytes.js";
import { relocated } from "../../../src/host/parameters/onnx-locations.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import { refusal } from "../../refusals.js";
import {
  attribute,
  type Bytes,
  bytes,
  concat,
  externalTensor,
  graph,
  int,
  model,
  node,
  rawF32,
  tensor,
  text,
} from "./onnx-writer.js";

async function moved(source: Bytes, prefix: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of relocated(memorySource(source), prefix)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function external(name: string, location: string, isSwapped = false): Bytes {
  if (!isSwapped)
    return externalTensor(
      name,
      1,
      [2],
      [
        ["offset", "4"],
        ["location", location],
        ["length", "8"],
      ],
    );
  // Nothing says that a key stands before its value.
  return tensor(name, 1, [2], bytes(13, text(2, location), text(1, "location")), int(14, 1));
}

/** External data wherever ONNX may have tensors, and inline values and texts that only look like locations, which must stay. */
function everywhere(first: string, second: string, decoy: string, padding: number): Bytes {
  const constant = (location: string) =>
    node("Constant", [], ["c"], [attribute("value", bytes(5, external("", location)))]);
  const branch = graph({ nodes: [constant(second)], initializers: [external("inner", first, true)] });
  const many = attribute("many", bytes(10, external("", first)), bytes(10, rawF32("", [1], [7])));
  return model(
    {
      nodes: [
        node("If", ["x"], ["y"], [attribute("then", bytes(6, branch)), attribute("else", bytes(11, branch))]),
        node("Custom", ["y"], ["z"], [many]),
        node("Named", ["z"], [decoy], [attribute("location", text(4, decoy))]),
      ],
      initializers: [
        external("w", first),
        rawF32("own", [padding], new Array<number>(padding).fill(1)),
        external("v", second, true),
      ],
    },
    bytes(25, text(1, "f"), bytes(7, constant(first))),
    bytes(14, text(1, "location"), text(2, decoy)),
  );
}

test("what the model would be, had it been written with the new locations, byte for byte", () =>
  fc.assert(
    fc.asyncProperty(
      fc.stringMatching(/^[a-z]{1,130}$/),
      fc.stringMatching(/^[a-z]{1,130}$/),
      fc.stringMatching(/^[a-z0-9-]{1,60}\/$/),
      // Around the lengths from which a head takes a byte more.
      fc.oneof(fc.nat(40), fc.integer({ min: 3_800, max: 4_100 })),
      async (first, second, prefix, padding) => {
        const found = await moved(everywhere(first, second, first, padding), prefix);
        const expected = everywhere(prefix + first, prefix + second, first, padding);
        assert.is(Buffer.compare(found, expected), 0);
      },
    ),
    { numRuns: 200 },
  ));

test("a model without external data stays as it is, and one of several pieces is put together", async () => {
  const count = Math.ceil((2.5 * parameterChunkBytes) / 4);
  const inline = tensor("own", 1, [count], bytes(9, new Uint8Array(4 * count).fill(61)));
  const plain = model({ initializers: [inline] });
  assert.is(Buffer.compare(await moved(plain, "versions/1-a/"), plain), 0);
  const of = (location: string) => model({ initializers: [inline, external("w", location)] });
  assert.is(Buffer.compare(await moved(of("w.bin"), "a/"), of("a/w.bin")), 0);
});

test("lengths that were written with more bytes than they need", async () => {
  // A tag, and the length in three bytes.
  const padded = (number: number, body: Bytes) =>
    concat(
      Uint8Array.of(
        number * 8 + 2,
        (body.length & 127) | 128,
        ((body.length >> 7) & 127) | 128,
        body.length >> 14,
      ),
      body,
    );
  const of = (location: string, wrap: typeof bytes) =>
    wrap(7, wrap(5, wrap(13, concat(wrap(1, Buffer.from("location")), wrap(2, Buffer.from(location))))));
  const prefix = "versions/1-0123456789ab/";
  const found = await moved(of("w", padded), prefix);
  const [key, expected] = [padded(1, Buffer.from("location")), bytes(2, Buffer.from(`${prefix}w`))];
  assert.is(Buffer.compare(found, bytes(7, bytes(5, bytes(13, key, expected)))), 0);
});

test("a model that is cut off is told", async () => {
  const whole = everywhere("one", "two", "three", 5);
  await refusal(moved(whole.subarray(0, whole.length - 4), "a/"), "MENDLINE_MODEL_MALFORMED", /cut off/);
});

test.run();
