/**
 * One file that holds a whole store.
 *
 *     // 0: "MENDLINE-BACKUP1"
 *     frames, one behind the other:
 *       // 0: u8 kind · 1: u32 length of the content, little-endian · 5: content
 *       // 5 + length: sha256( hash of the frame before, 32 zero bytes at the first; kind; length; content )
 *
 *     kind 1  head, first: JSON { schema, createdMs, sequence, head }: the store's, and the last journal entry that is in it
 *          2  records: u32 key length, key, u32 value length, value; and so on
 *          3  object: JSON { hash, isPacked, byteLength }, of the file as it lies in the store; its bytes follow
 *          4  bytes of that object's file, or of a run's
 *          5  end, last: JSON { records, objects, files }: how many there were. Its hash is the hash of the whole
 *          6  file of a run: JSON { name, byteLength }; its bytes follow. None before schema 7
 *
 * Every frame's hash covers the one before: none can be changed, left out, moved or added, and a file that was cut has no end.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { MendlineError } from "../errors.js";
import { backupFrameBytesMax } from "../limits.js";
import { readAll, writeAll } from "./files.js";

export const frameKinds = { head: 1, records: 2, object: 3, bytes: 4, end: 5, file: 6 } as const;
export type FrameKind = keyof typeof frameKinds;

const magic = Buffer.from("MENDLINE-BACKUP1", "latin1");
const headBytes = 5;
const hashBytes = 32;

export interface BackupFrame {
  readonly kind: FrameKind;
  readonly content: Buffer;
}

export class BackupWriter {
  readonly #file: FileHandle;
  #hash = Buffer.alloc(hashBytes);
  #byteLength = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Of all frames that were written, hex. */
  get hash(): string {
    return this.#hash.toString("hex");
  }

  async begin(): Promise<void> {
    await this.#write(magic);
  }

  async add(kind: FrameKind, content: Uint8Array): Promise<void> {
    const head = frameHead(frameKinds[kind], content.length);
    this.#hash = frameHash(this.#hash, head, content);
    await this.#write(head);
    await this.#write(content);
    await this.#write(this.#hash);
  }

  async addJson(kind: FrameKind, value: unknown): Promise<void> {
    await this.add(kind, Buffer.from(JSON.stringify(value)));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, bytes);
    this.#byteLength += bytes.length;
  }
}

export class BackupReader {
  readonly #path: string;
  readonly #file: FileHandle;
  #hash = Buffer.alloc(hashBytes);
  #at = 0;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  get hash(): string {
    return this.#hash.toString("hex");
  }

  get byteLength(): number {
    return this.#at;
  }

  /**
   * Every frame, proven, the end as the last. Memory: one frame.
   *
   * @throws MendlineError MENDLINE_DATA_MALFORMED  no backup, or another than was written
   */
  async *frames(): AsyncGenerator<BackupFrame> {
    if (!(await this.#read(magic.length)).equals(magic)) throw this.malformed("is no backup of a store");
    for (;;) {
      const frame = await this.#frame();
      yield frame;
      if (frame.kind === "end") break;
    }
    if ((await readAll(this.#file, Buffer.alloc(1), this.#at)) > 0)
      throw this.malformed(`goes on behind its end at byte ${this.#at}`);
  }

  async #frame(): Promise<BackupFrame> {
    const at = this.#at;
    const head = await this.#read(headBytes);
    const byteLength = head.readUInt32LE(1);
    const kind = kindOf(head[0]!);
    if (kind === null || byteLength > backupFrameBytesMax) throw this.malformed(`is damaged at byte ${at}`);
    const content = await this.#read(byteLength);
    this.#hash = frameHash(this.#hash, head, content);
    if (!(await this.#read(hashBytes)).equals(this.#hash)) throw this.malformed(`is damaged at byte ${at}`);
    return { kind, content };
  }

  async #read(byteLength: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(byteLength);
    const filled = await readAll(this.#file, bytes, this.#at);
    if (filled < byteLength)
      throw this.malformed(`ends at byte ${this.#at + filled}, in the middle: it was cut`);
    this.#at += byteLength;
    return bytes;
  }

  malformed(problem: string): MendlineError {
    return new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${this.#path} ${problem}: use another copy of the backup, nothing was restored`,
      { details: { path: this.#path } },
    );
  }

  /** Members of a frame that holds JSON. */
  json(frame: BackupFrame): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(frame.content.toString("utf8"));
      if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    } catch {
      // Told below.
    }
    throw this.malformed(`has a ${frame.kind} that says nothing`);
  }
}

function frameHead(kind: number, byteLength: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head[0] = kind;
  head.writeUInt32LE(byteLength, 1);
  return head;
}

function frameHash(previous: Uint8Array, head: Uint8Array, content: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.from(createHash("sha256").update(previous).update(head).update(content).digest());
}

function kindOf(code: number): FrameKind | null {
  const kinds = Object.keys(frameKinds) as FrameKind[];
  return kinds.find((kind) => frameKinds[kind] === code) ?? null;
}

export interface RawRecord {
  readonly key: Buffer;
  readonly bytes: Buffer;
}

export function packRecord({ key, bytes }: RawRecord): Buffer {
  const packed = Buffer.alloc(8 + key.length + bytes.length);
  packed.writeUInt32LE(key.length, 0);
  packed.set(key, 4);
  packed.writeUInt32LE(bytes.length, 4 + key.length);
  packed.set(bytes, 8 + key.length);
  return packed;
}

/** null where the content is no run of records. */
export function unpackRecords(content: Buffer): RawRecord[] | null {
  const records: RawRecord[] = [];
  for (let at = 0; at < content.length; ) {
    const key = slice(content, at);
    const bytes = key === null ? null : slice(content, at + 4 + key.length);
    if (key === null || bytes === null) return null;
    records.push({ key, bytes });
    at += 8 + key.length + bytes.length;
  }
  return records;
}

function slice(content: Buffer, at: number): Buffer | null {
  if (at + 4 > content.length) return null;
  const end = at + 4 + content.readUInt32LE(at);
  return end > content.length ? null : content.subarray(at + 4, end);
}
