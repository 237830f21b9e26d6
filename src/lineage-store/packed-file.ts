/** The file of one object: the content itself, or frames of it (packed-format.ts). Reads what is asked for, and no more. */
import type { FileHandle } from "node:fs/promises";
import { packFrameBytes } from "../limits.js";
import type { DeltaRoom } from "./deltas.js";
import { readAll } from "./files.js";
import {
  footerBytes,
  footerFrom,
  frameFrom,
  frameKinds,
  frameOffsets,
  type PackedFooter,
  type PackedFrame,
} from "./packed-format.js";
import { restorePlane } from "./planes.js";

/** What is wrong with a file; its object's name is for the caller to add. */
export class Damage {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

export class WholeFile {
  readonly file: FileHandle;
  readonly byteLength: number;

  constructor(file: FileHandle, byteLength: number) {
    this.file = file;
    this.byteLength = byteLength;
  }

  /** @throws Damage  it was cut */
  async readFrame(index: number, target: Uint8Array): Promise<number> {
    const start = index * packFrameBytes;
    const part = target.subarray(0, Math.min(packFrameBytes, this.byteLength - start));
    if ((await readAll(this.file, part, start)) < part.length) throw new Damage("was cut while it was read");
    return part.length;
  }
}

export class PackedFile {
  readonly file: FileHandle;
  readonly footer: PackedFooter;
  readonly #fileBytes: number;
  #offsets: Float64Array | null = null;

  private constructor(file: FileHandle, footer: PackedFooter, fileBytes: number) {
    this.file = file;
    this.footer = footer;
    this.#fileBytes = fileBytes;
  }

  /** @throws Damage */
  static async open(file: FileHandle): Promise<PackedFile> {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(footerBytes);
    const filled = size < footerBytes ? 0 : await readAll(file, bytes, size - footerBytes);
    const footer = footerFrom(bytes.subarray(0, filled), size);
    if (footer === null) throw new Damage("has a damaged footer");
    return new PackedFile(file, footer, size);
  }

  /** One frame as it is stored. @throws Damage */
  async frame(index: number): Promise<PackedFrame> {
    const offsets = (this.#offsets ??= await this.#readIndex());
    const start = offsets[index]!;
    const bytes = Buffer.allocUnsafe(offsets[index + 1]! - start);
    const filled = await readAll(this.file, bytes, start);
    const frame = filled < bytes.length ? null : frameFrom(bytes);
    const wanted = Math.min(packFrameBytes, this.footer.byteLength - index * packFrameBytes);
    if (frame?.byteLength !== wanted)
      throw new Damage(`has a damaged frame, ${index} of ${this.footer.frameCount}`);
    return frame;
  }

  async #readIndex(): Promise<Float64Array> {
    const tail = Buffer.allocUnsafe(this.footer.frameCount * 4 + footerBytes);
    const filled = await readAll(this.file, tail, this.#fileBytes - tail.length);
    const offsets = filled < tail.length ? null : frameOffsets(tail, this.#fileBytes);
    if (offsets === null) throw new Damage("has a damaged index");
    return offsets;
  }
}

/**
 * Applies a frame to the content of its base, in `room.source`, which becomes its own.
 *
 * @throws Damage
 */
export async function applyFrame(frame: PackedFrame, room: DeltaRoom): Promise<void> {
  const { kind, width, byteLength } = frame;
  if (kind === frameKinds.content) {
    room.source.set(frame.planes[0]!.bytes);
    return;
  }
  if (kind === frameKinds.full) room.source.fill(0, 0, byteLength);
  const count = byteLength / width;
  const restored = await Promise.all(
    frame.planes.map((plane, index) =>
      restorePlane(plane, room.planes.subarray(index * count, (index + 1) * count)),
    ),
  );
  if (restored.includes(false)) throw new Damage("has a frame that cannot be unpacked");
  room.decode(width, byteLength);
}
