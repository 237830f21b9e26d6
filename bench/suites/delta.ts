/** How fast are a child's parameters turned into what is stored of them, given its parent's, and back? */
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import { parameter, picked, sourceFactor, targetFactor } from "../data.js";
import type { Case } from "../measure.js";
import { memcpyCase, nativeCases } from "../native.js";
import { type Bench, runSuite } from "../suite.js";

type Width = 2 | 4;

const spareBytes = 16 * 1024 * 1024;
/** A fine-tune moves weights by about a thousandth. */
const step = 1 / 1024;
/** Weights that are gone have codes of their own. */
const pruneEvery = 8;

/** Parent, child and planes in the arena. */
class Pair {
  readonly runtime: Runtime;
  readonly width: Width;
  readonly count: number;
  readonly sourcePtr: number;
  readonly targetPtr: number;
  readonly planesPtr: number;
  readonly backPtr: number;

  constructor(runtime: Runtime, width: Width, count: number) {
    this.runtime = runtime;
    this.width = width;
    this.count = count;
    const allocate = () => runtime.arena.allocate(count * width);
    [this.sourcePtr, this.targetPtr, this.planesPtr, this.backPtr] = [0, 1, 2, 3].map(allocate) as [
      number,
      number,
      number,
      number,
    ];
    this.#fill(this.sourcePtr, (i) => parameter(i, sourceFactor));
    this.#fill(this.targetPtr, (i) =>
      i % pruneEvery === 0 ? 0 : parameter(i, sourceFactor) + parameter(i, targetFactor) * step,
    );
  }

  encode(): Uint8Array {
    const { kernels, arena } = this.runtime;
    kernels.encodeDelta(this.width, this.sourcePtr, this.targetPtr, this.count, this.planesPtr);
    return arena.bytes.subarray(this.planesPtr, this.planesPtr + this.count * this.width);
  }

  decode(): Signed {
    this.runtime.kernels.decodeDelta(this.width, this.sourcePtr, this.planesPtr, this.count, this.backPtr);
    return this.signed(this.backPtr);
  }

  signed(ptr: number): Signed {
    const { buffer } = this.runtime.arena.memory;
    return this.width === 4
      ? new Int32Array(buffer, ptr, this.count)
      : new Int16Array(buffer, ptr, this.count);
  }

  #fill(ptr: number, weight: (index: number) => number): void {
    const { arena, kernels } = this.runtime;
    const scope = arena.scope();
    const widePtr = this.width === 4 ? ptr : scope.allocate(this.count * 4);
    const wide = new Float32Array(arena.memory.buffer, widePtr, this.count);
    for (let i = 0; i < this.count; i++) wide[i] = weight(i);
    if (this.width === 2) kernels.narrow("bf16", widePtr, this.count, ptr);
    scope.close();
  }
}

type Signed = Int32Array | Int16Array;

/** Where the zero of the source's sign stands among the zigzags; 0 where it has no such place. */
function zeroPlace(sourceKey: number, flip: number): number {
  const magnitude = sourceKey < 0 ? ~sourceKey : sourceKey;
  if (magnitude === 0 || magnitude === flip) return 0;
  return 2 * magnitude - (sourceKey < 0 ? 0 : 1);
}

function codeOf(zigzag: number, place: number): number {
  if (place === 0 || zigzag === 0 || zigzag > place + 2) return zigzag;
  if (zigzag === place) return 1;
  if (zigzag === place + 2) return 2;
  return zigzag < place ? zigzag + 2 : zigzag + 1;
}

function zigzagOf(code: number, place: number): number {
  if (place === 0 || code === 0 || code > place + 2) return code;
  if (code <= 2) return code === 1 ? place : place + 2;
  return code < place + 2 ? code - 2 : code - 1;
}

/** assembly/delta.ts has the definition. Bit operations of JavaScript have 32 bits: 16-bit differences are cut to theirs. */
function encodePlain(source: Signed, target: Signed, width: Width, planes: Uint8Array): void {
  const flip = width === 4 ? 0x7fffffff : 0x7fff;
  const cut = 32 - width * 8;
  const count = source.length;
  for (let i = 0; i < count; i++) {
    const from = source[i]! < 0 ? source[i]! ^ flip : source[i]!;
    const to = target[i]! < 0 ? target[i]! ^ flip : target[i]!;
    const delta = ((to - from) << cut) >> cut;
    const zigzag = (((delta << 1) ^ (delta >> 31)) << cut) >>> cut;
    const code = codeOf(zigzag, zeroPlace(from, flip));
    for (let plane = 0; plane < width; plane++) planes[plane * count + i] = code >>> (plane * 8);
  }
}

function decodePlain(source: Signed, planes: Uint8Array, width: Width, target: Signed): void {
  const flip = width === 4 ? 0x7fffffff : 0x7fff;
  const cut = 32 - width * 8;
  const count = source.length;
  for (let i = 0; i < count; i++) {
    let code = 0;
    for (let plane = 0; plane < width; plane++) code |= planes[plane * count + i]! << (plane * 8);
    const from = source[i]! < 0 ? source[i]! ^ flip : source[i]!;
    const zigzag = zigzagOf(code >>> 0, zeroPlace(from, flip));
    const delta = (zigzag >>> 1) ^ -(zigzag & 1);
    const key = ((from + delta) << cut) >> cut;
    target[i] = key < 0 ? key ^ flip : key;
  }
}

interface Direction {
  readonly name: "encode" | "decode";
  readonly ours: () => ArrayLike<number>;
  readonly plain: () => ArrayLike<number>;
}

function directionsOf(pair: Pair): Direction[] {
  const { width } = pair;
  const planes = pair.encode().slice();
  const [source, target, back] = [pair.sourcePtr, pair.targetPtr, pair.backPtr].map((ptr) =>
    pair.signed(ptr).slice(),
  ) as [Signed, Signed, Signed];
  return [
    {
      name: "encode",
      ours: () => pair.encode(),
      plain: () => {
        encodePlain(source, target, width, planes);
        return planes;
      },
    },
    {
      name: "decode",
      ours: () => pair.decode(),
      plain: () => {
        decodePlain(source, planes, width, back);
        return back;
      },
    },
  ];
}

async function measure(bench: Bench, width: Width, count: number): Promise<void> {
  const byteLength = count * width;
  const runtime = await openRuntime({ memoryBytes: 4 * byteLength + count * 4 + spareBytes });
  for (const { name, ours, plain } of directionsOf(new Pair(runtime, width, count))) {
    const args = [name, String(width), String(count)];
    const cases: Case[] = [
      { name: "mendline", role: "ours", answer: () => picked(ours()), run: () => ours()[0]! },
      { name: "plain JS", role: "incumbent", answer: () => picked(plain()), run: () => plain()[0]! },
      ...nativeCases({ name: "tiled loops", program: "vectors", args }),
      // Two vectors are read and one is written: a copy of one and a half moves as many bytes.
      memcpyCase((byteLength * 3) / 2, "memcpy that moves as many bytes"),
    ];
    const type = width === 4 ? "f32" : "bf16";
    await bench.measure({
      name: `${name} ${type}, ${count} values`,
      values: count,
      bytes: byteLength * 3,
      cases,
    });
  }
  await runtime.close();
}

await runSuite("How fast is the stored-history transform?", async (bench) => {
  const count = bench.size(16 * 1024 * 1024, 16 * 1024);
  await measure(bench, 4, count);
  await measure(bench, 2, count);
});
