/** Text files in blocks of whole lines: bounded, checked to be UTF-8, and with line numbers for messages. */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { MendlineError, messageOf } from "../../errors.js";
import { recordBytesMax, textBlockBytes, textSliceBytes } from "../../limits.js";
import { Turns } from "../../scheduler/turns.js";
import { gunzipped } from "./gzip.js";

export interface TextFile {
  readonly path: string;
  readonly label: string;
  /** The text is packed; offsets count unpacked bytes. */
  readonly isGzip?: boolean;
}

export const lineFeed = 10;
const carriageReturn = 13;

/**
 * The file in blocks that end with a line feed (the last may not), each a few milliseconds' work to parse, with turns of the event loop
 * between them. UTF-8 never splits a character at a line feed, so each block is valid UTF-8 by itself.
 *
 * @throws MendlineError MENDLINE_DATA_MALFORMED  not UTF-8
 * @throws MendlineError MENDLINE_DATA_LIMIT  a line longer than `recordBytesMax`
 * @throws MendlineError MENDLINE_TASK_ABORTED  the signal fired
 */
export async function* textBlocks(file: TextFile, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const turns = new Turns();
  for await (const block of readBlocks(file, signal)) {
    for (const slice of slicesOf(block)) {
      yield slice;
      if (turns.isOver) await turns.next();
    }
  }
}

/** Whole lines, `textSliceBytes` at most where lines are not longer. */
function* slicesOf(block: Buffer): Generator<Buffer> {
  for (let from = 0; from < block.length; ) {
    const last = block.lastIndexOf(lineFeed, from + textSliceBytes - 1);
    const feed = last >= from ? last : block.indexOf(lineFeed, from);
    const end = block.length - from <= textSliceBytes || feed < 0 ? block.length : feed + 1;
    yield block.subarray(from, end);
    from = end;
  }
}

async function* readBlocks(file: TextFile, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const carry: Buffer[] = [];
  let carryBytes = 0;
  let blockOffset = 0;
  for await (const chunk of fileChunks(file, signal)) {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    const firstEnd = end === 0 ? chunk.length : chunk.indexOf(lineFeed);
    if (carryBytes + firstEnd > recordBytesMax) throw await lineTooLong(file, blockOffset);
    if (end > 0) {
      const block =
        carry.length === 0 ? chunk.subarray(0, end) : Buffer.concat([...carry, chunk.subarray(0, end)]);
      await checkUtf8(file, block, blockOffset);
      yield block;
      blockOffset += block.length;
      carry.length = 0;
      carryBytes = 0;
    }
    carry.push(chunk.subarray(end));
    carryBytes += chunk.length - end;
  }
  if (carryBytes === 0) return;
  const last = Buffer.concat(carry);
  await checkUtf8(file, last, blockOffset);
  yield last;
}

/** The number, from 1, of the line that the byte at `byteOffset` belongs to; lines end with LF, or with CR where there is no LF. */
export async function lineAt(file: TextFile, byteOffset: number): Promise<number> {
  let feeds = 0;
  let returns = 0;
  let left = byteOffset;
  if (left > 0) {
    for await (const chunk of fileChunks(file, undefined)) {
      const before = chunk.subarray(0, left);
      feeds += count(before, lineFeed);
      returns += count(before, carriageReturn);
      left -= before.length;
      if (left === 0) break;
    }
  }
  return 1 + (feeds > 0 ? feeds : returns);
}

async function* fileChunks(file: TextFile, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  if (file.isGzip === true) {
    yield* gunzipped(file, signal);
    return;
  }
  const stream = createReadStream(file.path, { highWaterMark: textBlockBytes });
  try {
    for await (const chunk of stream) {
      if (signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
      yield chunk as Buffer;
    }
  } catch (cause) {
    if (cause instanceof MendlineError) throw cause;
    throw new MendlineError("MENDLINE_DATA_NOT_FOUND", `${file.label} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function checkUtf8(file: TextFile, block: Buffer, blockOffset: number): Promise<void> {
  if (isUtf8(block)) return;
  let from = 0;
  while (from < block.length) {
    const feed = block.indexOf(lineFeed, from);
    const end = feed < 0 ? block.length : feed + 1;
    if (!isUtf8(block.subarray(from, end))) break;
    from = end;
  }
  const line = await lineAt(file, blockOffset + from);
  throw new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${file.label}: line ${line} is not UTF-8 text; convert the file to UTF-8 (iconv -f latin1 -t utf-8)`,
    { details: { line } },
  );
}

async function lineTooLong(file: TextFile, byteOffset: number): Promise<MendlineError> {
  const line = await lineAt(file, byteOffset);
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${file.label}: line ${line} is longer than ${recordBytesMax} bytes; is this a text file with one record a line?`,
    { details: { line, limit: recordBytesMax } },
  );
}

function count(bytes: Buffer, byte: number): number {
  let found = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) found += 1;
  return found;
}
