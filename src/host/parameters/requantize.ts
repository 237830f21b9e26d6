/**
 * Blends of quantised weights, as the reals that they stand for, quantised again in place:
 *
 *   real    = (1 - a) (q - z) s  +  a (q' - z') s'             of the drifted model and of the ancestor, a the scale of the blend
 *   s_new   = |1 - a| s + |a| s'                              the interval that the two can hold, over as many steps
 *   z_new   = round(lowest stored value - lower end / s_new)  0 stays 0 where both are 0 and the type has a sign
 *   q_new   = round(real / s_new) + z_new, cut to the type
 *
 * So no value has to be looked at before the scale is known, a value is off by half a step s_new at most (where z_new was rounded, the
 * values at one end of the interval are cut by as much as it was), and 0 and 1 give the two models exactly. Beyond 1 the interval, and
 * the step with it, grow. Rounding is to even, as QuantizeLinear does it.
 */
import { parameterChunkBytes } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { areUnrelated, floatComparison, type Sums, type TensorComparison, telling } from "./comparison.js";
import { cannotRequantize, type Quantizer, quantizersOf } from "./onnx-quantization.js";
import { withModel } from "./open-files.js";
import type { TensorPair } from "./pairing.js";
import { type ParameterFile, quoted, type TensorEntry } from "./tensor-index.js";
import { readValues } from "./tensor-values.js";

/** One scale and its zero point, in both models, and the weights that they hold for. */
interface Group {
  readonly own: Quantizer;
  readonly other: Quantizer;
  readonly weights: Map<string, { readonly own: Quantizer; readonly other: Quantizer }>;
}

/** By channel. */
interface Steps {
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

type Role = "weight" | "scale" | "zero";

const lowest = { I8: -128, U8: 0 } as const;
/** Steps between the lowest and the highest value. */
const steps = 255;

export class Requantizer {
  readonly #groups: readonly Group[];
  readonly #places = new Map<string, { readonly role: Role; readonly group: Group }>();
  /** Zero points that several scales have in common: they can stay what they are, and no more. */
  readonly #sharedZeros = new Set<string>();
  #last: { group: Group; scale: number; own: Steps; other: Steps; blend: Steps } | null = null;

  private constructor(groups: readonly Group[]) {
    this.#groups = groups;
    for (const group of groups) {
      const { scale, zero } = group.own;
      this.#places.set(scale.name, { role: "scale", group });
      for (const name of group.weights.keys()) this.#places.set(name, { role: "weight", group });
      if (zero === null) continue;
      if (this.#places.has(zero.name)) this.#sharedZeros.add(zero.name);
      this.#places.set(zero.name, { role: "zero", group });
    }
  }

  /**
   * @param pairs  those that take part in the blend
   * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  something of it cannot be quantised again
   */
  static async open(
    drifted: ParameterFile,
    ancestor: ParameterFile,
    pairs: readonly TensorPair[],
  ): Promise<Requantizer> {
    const counterparts = new Map(pairs.map((pair) => [pair.drifted.name, pair.ancestor.name]));
    const others = new Map((await quantizersOf(ancestor)).map((other) => [keyOf(other), other]));
    const groups = new Map<string, Group>();
    for (const own of await quantizersOf(drifted)) {
      const names = namesOf(own);
      const met = names.map((name) => (name === null ? null : (counterparts.get(name) ?? null)));
      // Frozen tensors have no counterpart.
      if (met.every((name) => name === null)) continue;
      const other = others.get(JSON.stringify([...met, own.dtype, own.channels, own.inner]));
      if (other === undefined)
        throw cannotRequantize(
          `${quoted(own.scale.name)} quantises other tensors in the ancestor, or some are frozen`,
        );
      add(groups, own, other);
    }
    return new Requantizer([...groups.values()]);
  }

  /** Whether a blend of that tensor is this class's. */
  has(name: string): boolean {
    return this.#places.has(name);
  }

  /**
   * A tensor's bytes at a scale that is neither 0 nor 1.
   *
   * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  the blend needs a zero point where none can stand
   */
  async *pieces(own: ByteSource, other: ByteSource, name: string, scale: number): AsyncGenerator<Uint8Array> {
    const { role, group } = this.#places.get(name)!;
    const at = await this.#steps(group, own, other, scale);
    if (role === "scale") yield bytesOf(at.blend.scales);
    else if (role === "zero") yield Uint8Array.from(at.blend.zeros, (zero) => zero & 0xff);
    else {
      for await (const chunk of chunksOf(group.weights.get(name)!, own, other))
        yield requantized(chunk, at, group.own.dtype, scale);
    }
  }

  /** Weights as the reals that they stand for, side by side. */
  async compare(drifted: ParameterFile, ancestor: ParameterFile): Promise<TensorComparison[]> {
    const compared: TensorComparison[] = [];
    await withModel(drifted, (own) =>
      withModel(ancestor, async (other) => {
        for (const group of this.#groups) {
          for (const [name, pair] of group.weights) {
            const at = await this.#steps(group, own, other, 0.5);
            const sums: Sums = [0, 0, 0, 0, 0];
            let elements = 0;
            for await (const chunk of chunksOf(pair, own, other)) {
              addSums(sums, chunk, at, group.own.dtype);
              elements += chunk.own.length;
            }
            compared.push(floatComparison(name, elements, sums));
          }
        }
      }),
    );
    return compared;
  }

  async #steps(group: Group, own: ByteSource, other: ByteSource, scale: number) {
    const last = this.#last;
    if (last !== null && last.group === group && last.scale === scale) return last;
    const [mine, theirs] = [await readSteps(group.own, own), await readSteps(group.other, other)];
    const blend = blendSteps(mine, theirs, group.own, scale);
    this.#checkZeros(group.own, mine, blend);
    this.#last = { group, scale, own: mine, other: theirs, blend };
    return this.#last;
  }

  #checkZeros({ scale, zero }: Quantizer, before: Steps, after: Steps): void {
    const mayChange = zero !== null && zero.inline === null && !this.#sharedZeros.has(zero.name);
    if (mayChange || after.zeros.every((value, channel) => value === before.zeros[channel])) return;
    const why =
      zero === null
        ? "has no zero point"
        : zero.inline !== null
          ? "has a zero point that is stored value by value (export it as raw_data)"
          : "shares its zero point with others";
    throw cannotRequantize(`${quoted(scale.name)} ${why}, where the blend needs another`);
  }
}

/** @returns whether the weights have nothing in common */
export function areStrangers(tensors: readonly TensorComparison[]): boolean {
  return areUnrelated({ tensors, ...telling(tensors) });
}

function namesOf({ weight, scale, zero }: Quantizer): (string | null)[] {
  return [weight?.name ?? null, scale.name, zero?.name ?? null];
}

function keyOf(quantizer: Quantizer): string {
  const { dtype, channels, inner } = quantizer;
  return JSON.stringify([...namesOf(quantizer), dtype, channels, inner]);
}

/** Of one scale all must agree on zero point and type: it cannot become two. */
function add(groups: Map<string, Group>, own: Quantizer, other: Quantizer): void {
  const known = groups.get(own.scale.name);
  const group = known ?? { own, other, weights: new Map() };
  if (group.own.zero?.name !== own.zero?.name || group.own.dtype !== own.dtype)
    throw cannotRequantize(`${quoted(own.scale.name)} is one scale with several zero points or types`);
  groups.set(own.scale.name, group);
  if (own.weight === null) return;
  const before = [...groups.values()].find(({ weights }) => weights.has(own.weight!.name));
  if (before !== undefined && before !== group)
    throw cannotRequantize(`${quoted(own.weight.name)} has several scales`);
  group.weights.set(own.weight.name, { own, other });
}

async function readSteps({ scale, zero, channels }: Quantizer, source: ByteSource): Promise<Steps> {
  if (scale.byteLength > parameterChunkBytes)
    throw cannotRequantize(`${quoted(scale.name)} has ${channels} scales`);
  const scales = new Float32Array(channels);
  await readValues(source, scale, 0, bytesOf(scales));
  const bad = scales.findIndex((value) => !(value > 0 && Number.isFinite(value)));
  if (bad >= 0) throw cannotRequantize(`${quoted(scale.name)} has the scale ${scales[bad]}`);
  const zeros = new Int32Array(channels);
  if (zero !== null) {
    const bytes = new Uint8Array(channels);
    await readValues(source, zero, 0, bytes);
    zeros.set(zero.dtype === "I8" ? new Int8Array(bytes.buffer) : bytes);
  }
  return { scales, zeros };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function blendSteps(own: Steps, other: Steps, { dtype }: Quantizer, scale: number): Steps {
  const low = lowest[dtype];
  const high = low + steps;
  const blend = { scales: own.scales.slice(), zeros: own.zeros.slice() };
  for (let channel = 0; channel < blend.scales.length; channel++) {
    const [s, t] = [(1 - scale) * own.scales[channel]!, scale * other.scales[channel]!];
    const [z, y] = [own.zeros[channel]!, other.zeros[channel]!];
    const width = Math.abs(s) + Math.abs(t);
    if (dtype === "I8" && z === 0 && y === 0) {
      // -128 has no counterpart above: where one side is turned over, a step more is needed.
      blend.scales[channel] = s < 0 || t < 0 ? (width * 128) / 127 : width;
      continue;
    }
    blend.scales[channel] = width;
    const bottom = ((s < 0 ? high : low) - z) * s + ((t < 0 ? high : low) - y) * t;
    blend.zeros[channel] = Math.min(high, Math.max(low, roundToEven(low - bottom / width)));
  }
  return blend;
}

function roundToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

interface Chunk {
  readonly own: Uint8Array;
  readonly other: Uint8Array;
  readonly channels: number;
  readonly inner: number;
  /** Element with which it begins. */
  readonly start: number;
}

async function* chunksOf(
  pair: { readonly own: Quantizer; readonly other: Quantizer },
  own: ByteSource,
  other: ByteSource,
): AsyncGenerator<Chunk> {
  const { channels, inner } = pair.own;
  const [weight, counterpart] = [pair.own.weight!, pair.other.weight!] as [TensorEntry, TensorEntry];
  for (let start = 0; start < weight.byteLength; start += parameterChunkBytes) {
    const byteLength = Math.min(parameterChunkBytes, weight.byteLength - start);
    const chunk = { own: new Uint8Array(byteLength), other: new Uint8Array(byteLength) };
    await readValues(own, weight, start, chunk.own);
    await readValues(other, counterpart, start, chunk.other);
    yield { ...chunk, channels, inner, start };
  }
}

/** Elements of a chunk side by side in one channel: calls `run` with where they begin and end, and the channel. */
function byChannel(
  { own, channels, inner, start }: Chunk,
  run: (begin: number, end: number, channel: number) => void,
): void {
  for (let at = 0; at < own.length; ) {
    const element = start + at;
    const end = Math.min(own.length, at + inner - (element % inner));
    run(at, end, Math.floor(element / inner) % channels);
    at = end;
  }
}

function signed(bytes: Uint8Array, dtype: "I8" | "U8"): Int8Array | Uint8Array {
  return dtype === "I8" ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
}

function requantized(
  chunk: Chunk,
  { own, other, blend }: { own: Steps; other: Steps; blend: Steps },
  dtype: "I8" | "U8",
  scale: number,
): Uint8Array {
  const [source, target] = [signed(chunk.own, dtype), signed(chunk.other, dtype)];
  const low = lowest[dtype];
  const high = low + steps;
  byChannel(chunk, (begin, end, channel) => {
    const step = blend.scales[channel]!;
    const ours = ((1 - scale) * own.scales[channel]!) / step;
    const theirs = (scale * other.scales[channel]!) / step;
    const [z, y, zero] = [own.zeros[channel]!, other.zeros[channel]!, blend.zeros[channel]!];
    for (let i = begin; i < end; i++) {
      const value = roundToEven((source[i]! - z) * ours + (target[i]! - y) * theirs) + zero;
      source[i] = Math.min(high, Math.max(low, value));
    }
  });
  return chunk.own;
}

function addSums(
  sums: Sums,
  chunk: Chunk,
  { own, other }: { own: Steps; other: Steps },
  dtype: "I8" | "U8",
): void {
  const [source, target] = [signed(chunk.own, dtype), signed(chunk.other, dtype)];
  byChannel(chunk, (begin, end, channel) => {
    const [s, t, z, y] = [
      own.scales[channel]!,
      other.scales[channel]!,
      own.zeros[channel]!,
      other.zeros[channel]!,
    ];
    for (let i = begin; i < end; i++) {
      const left = (source[i]! - z) * s;
      const right = (target[i]! - y) * t;
      sums[0] += left * right;
      sums[1] += left * left;
      sums[2] += right * right;
      sums[3] += (right - left) * (right - left);
      if (left !== right) sums[4]++;
    }
  });
}
