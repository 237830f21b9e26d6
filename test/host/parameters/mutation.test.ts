/**
 * Seeded, structure-aware mutations: whatever the bytes, the outcome is an index whose segments partition the file and
 * whose identity can be computed, or a MendlineError of the two codes. Nothing else, and no large allocation.
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { mulberry32 } from "../../random.js";
import {
  attribute,
  bytes,
  concat,
  f32,
  graph,
  int,
  model,
  node,
  packed,
  rawF32,
  smallModel,
  tensor,
  text,
  varint,
} from "./onnx-writer.js";
import { safetensors, write } from "./safetensors-writer.js";
import { checkPartition, idOf, read } from "./support.js";

/** More in a long run: mutation.slow.test.ts. */
const mutationCount = Number(process.env.MENDLINE_MUTATIONS ?? 50_000);
const firstSeed = Number(process.env.MENDLINE_SEED ?? 1);

function generator(seed: number): (below: number) => number {
  const next = mulberry32(seed);
  return (below) => next() % below;
}

type Random = ReturnType<typeof generator>;
type Mutation = (whole: Uint8Array, random: Random) => Uint8Array;

function splice(whole: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return concat(whole.slice(0, at), insert, whole.slice(at + remove));
}

const generic: readonly Mutation[] = [
  (whole, random) => splice(whole, random(whole.length), 1, Uint8Array.of(random(256))),
  (whole, random) => {
    const at = random(whole.length);
    return splice(whole, at, 1, Uint8Array.of(whole[at]! ^ (1 << random(8))));
  },
  (whole, random) => whole.slice(0, random(whole.length + 1)),
  (whole, random) => splice(whole, random(whole.length), random(9), new Uint8Array(0)),
  (whole, random) => splice(whole, random(whole.length), 0, new Uint8Array(random(9)).fill(random(256))),
  (whole, random) => {
    const from = random(whole.length);
    return splice(whole, random(whole.length), 0, whole.slice(from, from + random(40)));
  },
];

/** Lengths, counts and tags that sit at the edges of what the wire format can say. */
const hostileVarints = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, -1n];
const onWire: readonly Mutation[] = [
  ...generic,
  (whole, random) =>
    splice(whole, random(whole.length), 1, varint(hostileVarints[random(hostileVarints.length)]!)),
  (whole, random) => splice(whole, random(whole.length), 1, varint(random(40) * 8 + random(8))),
  (whole, random) => splice(whole, random(whole.length), 0, int(1 + random(30), hostileVarints[random(9)]!)),
];

const hostileTokens = [
  "-1",
  "1e999",
  "9007199254740993",
  "[",
  "{",
  "}",
  "]",
  ",",
  '"',
  "\\",
  "\\ud800",
  "null",
  "0",
  "18446744073709551615",
  '"t":',
];
const onHeader: readonly Mutation[] = [
  ...generic,
  (whole, random) =>
    changeHeader(whole, random, /\d+|"[^"]*"/g, () => hostileTokens[random(hostileTokens.length)]!),
  // A number a little off: wrong sizes, holes and overlaps.
  (whole, random) => changeHeader(whole, random, /\b\d+\b/g, (found) => String(Number(found) + random(9))),
];

/** Replaces one match in the header's text and keeps the stated length true, so that deeper rules are reached. */
function changeHeader(
  whole: Uint8Array,
  random: Random,
  pattern: RegExp,
  replace: (found: string) => string,
): Uint8Array {
  const end = 8 + headerLengthOf(whole);
  const text = Buffer.from(whole.slice(8, end)).toString("latin1");
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return whole;
  const { 0: found, index } = matches[random(matches.length)]!;
  const changed = text.slice(0, index) + replace(found) + text.slice(index + found.length);
  return safetensors(Buffer.from(changed, "latin1"), whole.slice(end));
}

function headerLengthOf(whole: Uint8Array): number {
  return new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
}

async function outcomeOf(whole: Uint8Array): Promise<"read" | "refused"> {
  try {
    checkPartition(await read(whole));
    await idOf(whole);
    return "read";
  } catch (thrown) {
    if (!(thrown instanceof MendlineError)) throw thrown;
    assert.match(thrown.code, /^MENDLINE_MODEL_(FORMAT|MALFORMED)$/, thrown.message);
    assert.ok(thrown.message.length < 2_000, thrown.message);
    return "refused";
  }
}

async function attack(
  seed: number,
  models: readonly Uint8Array[],
  mutations: readonly Mutation[],
): Promise<void> {
  const random = generator(seed);
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < mutationCount; round++) {
    let whole = models[random(models.length)]!;
    const state = `seed ${seed}, round ${round}`;
    for (let step = 1 + random(3); step > 0 && whole.length > 16; step--)
      whole = mutations[random(mutations.length - (headerLengthOf(whole) < whole.length - 8 ? 0 : 2))]!(
        whole,
        random,
      );
    try {
      outcomes[await outcomeOf(whole)]++;
    } catch (thrown) {
      throw new Error(`${state}: ${Buffer.from(whole).toString("hex").slice(0, 4_000)}`, { cause: thrown });
    }
  }
  // Both ends are reached: mutations that all fail at once would test nothing.
  assert.ok(outcomes.read > mutationCount / 50, JSON.stringify(outcomes));
  assert.ok(outcomes.refused > mutationCount / 4, JSON.stringify(outcomes));
}

function richModel(): Uint8Array {
  const branch = graph({ nodes: [node("Mul", ["w", "k"], ["r"])], initializers: [rawF32("k", [1], [5])] });
  return model(
    {
      nodes: [
        node(
          "If",
          ["c"],
          ["p"],
          [attribute("then_branch", bytes(6, branch)), attribute("else_branch", bytes(6, branch))],
        ),
        node("Constant", [], ["d"], [attribute("value_ints", packed(8, [300, 2]))]),
        node("LinearRegressor", ["x"], ["y"], [attribute("coefficients", bytes(7, f32(1, 2)))], "ai.onnx.ml"),
      ],
      initializers: [
        rawF32("w", [2, 2], [1, 2, 3, 4]),
        tensor("h", 10, [3], packed(5, [1, 2, 3])),
        tensor("s", 8, [2], text(6, "yes"), text(6, "no")),
      ],
    },
    bytes(
      25,
      text(1, "f"),
      bytes(7, node("Constant", [], ["k"], [attribute("value", bytes(5, rawF32("", [1], [3])))])),
    ),
  );
}

test("ONNX under mutation", () => attack(firstSeed, [smallModel(), richModel()], onWire));

test("safetensors under mutation", () => {
  const tensors = {
    a: { dtype: "F32", shape: [2, 2], values: f32(1, 2, 3, 4) },
    "b.weight": { dtype: "F16", shape: [3], values: new Uint8Array(6) },
    empty: { dtype: "I64", shape: [0, 5], values: new Uint8Array(0) },
    é: { dtype: "U8", shape: [], values: Uint8Array.of(7) },
  };
  return attack(firstSeed + 1, [write(tensors), write(tensors, { format: "pt" })], onHeader);
});

test("every prefix of a model is refused or read, never anything else", async () => {
  for (const whole of [smallModel(), write({ a: { dtype: "F32", shape: [2], values: f32(1, 2) } })])
    for (let length = 0; length < whole.length; length++) await outcomeOf(whole.slice(0, length));
});

test.run();
