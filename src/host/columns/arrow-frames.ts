/**
 * Where the parts of an Arrow IPC stream or file are, checked before anything trusts them.
 *
 *     stream:  frame frame ... end            file:  "ARROW1\0\0" frame frame ... end | footer | footer bytes (i32) | "ARROW1"
 *     frame:   0xFFFFFFFF (u32) | metadata bytes (i32) | metadata, padded to 8 | body, padded to 8
 *
 * A stream is walked. Of a file, the footer says where its frames are and holds the schema: not every writer repeats it in front.
 * Source: Arrow columnar format, "Serialization and Interprocess Communication (IPC)".
 */
import { MendlineError, messageOf } from "../../errors.js";
import { arrowMetadataBytesMax } from "../../limits.js";
import { arrowMagic, type Footer, readFooter } from "./arrow-footer.js";
import {
  type BatchParts,
  type DictionaryParts,
  type Message,
  parseMessage,
  placed,
} from "./arrow-message.js";
import type { ArrowField } from "./arrow-schema.js";
import type { ByteSource } from "./byte-source.js";

const continuation = 0xffffffff;
/** Continuation marker and length in front of the metadata. */
const prefixBytes = 8;

export interface ArrowFrames {
  readonly fields: readonly ArrowField[];
  /** In order, with buffers as ranges of the source, and how many record batches came before each. */
  readonly dictionaries: readonly (DictionaryParts & { readonly batchesBefore: number })[];
  readonly batches: readonly BatchParts[];
}

interface Frame {
  readonly message: Message;
  readonly bodyByteOffset: number;
  readonly byteLength: number;
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED  truncated or inconsistent; MENDLINE_DATA_FORMAT  a feature that is not read */
export async function readArrowFrames(source: ByteSource): Promise<ArrowFrames> {
  const head = new Uint8Array(Math.min(prefixBytes, source.byteLength));
  await source.read(head, 0);
  const isFile = Buffer.from(head).toString("latin1").startsWith(arrowMagic);
  return isFile ? walkFile(source) : walkStream(source);
}

async function walkStream(source: ByteSource): Promise<ArrowFrames> {
  const dictionaries: (DictionaryParts & { batchesBefore: number })[] = [];
  const batches: BatchParts[] = [];
  let fields: readonly ArrowField[] | null = null;
  for (let byteOffset = 0; ; ) {
    const frame = await frameAt(source, byteOffset);
    if (frame === null) break;
    const { message, bodyByteOffset, byteLength } = frame;
    if (message.kind === "schema") {
      if (fields !== null) throw malformed(source, byteOffset, "a second schema");
      fields = message.fields;
    } else if (fields === null) {
      throw malformed(source, byteOffset, "data before the schema");
    } else if (message.kind === "dictionary") {
      dictionaries.push({ ...placed(message.dictionary, bodyByteOffset), batchesBefore: batches.length });
    } else {
      batches.push(placed(message.batch, bodyByteOffset));
    }
    byteOffset += byteLength;
  }
  if (fields === null) throw malformed(source, 0, "no schema");
  return { fields, dictionaries, batches };
}

/** A file's dictionaries hold for all its batches, wherever they stand. */
async function walkFile(source: ByteSource): Promise<ArrowFrames> {
  const footer = await footerOf(source);
  const dictionaries: (DictionaryParts & { batchesBefore: number })[] = [];
  const batches: BatchParts[] = [];
  for (const byteOffset of footer.dictionaryOffsets) {
    const { message, bodyByteOffset } = await frameInFile(source, byteOffset, footer);
    if (message.kind !== "dictionary")
      throw malformed(source, byteOffset, "no dictionary where the footer has one");
    dictionaries.push({ ...placed(message.dictionary, bodyByteOffset), batchesBefore: 0 });
  }
  for (const byteOffset of footer.batchOffsets) {
    const { message, bodyByteOffset } = await frameInFile(source, byteOffset, footer);
    if (message.kind !== "batch")
      throw malformed(source, byteOffset, "no record batch where the footer has one");
    batches.push(placed(message.batch, bodyByteOffset));
  }
  return { fields: footer.fields, dictionaries, batches };
}

async function footerOf(source: ByteSource): Promise<Footer> {
  try {
    return await readFooter(source);
  } catch (thrown) {
    if (thrown instanceof MendlineError) throw thrown;
    throw malformed(source, source.byteLength, `footer: ${messageOf(thrown)}`);
  }
}

async function frameInFile(source: ByteSource, byteOffset: number, footer: Footer): Promise<Frame> {
  const frame = await frameAt(source, byteOffset);
  // The footer lists frames in rising order, and none may reach into the next: else a small file could be any number of rows.
  const end = footer.frameEnds.get(byteOffset)!;
  if (frame === null || byteOffset + frame.byteLength > end) {
    throw malformed(source, byteOffset, `a frame that is not the one in the footer, which ends at ${end}`);
  }
  return frame;
}

/** The frame at `byteOffset`; null at the end of the stream. */
async function frameAt(source: ByteSource, byteOffset: number): Promise<Frame | null> {
  const metadataByteLength = await metadataLengthAt(source, byteOffset);
  if (metadataByteLength === 0) return null;
  const metadata = new Uint8Array(metadataByteLength);
  await source.read(metadata, byteOffset + prefixBytes);
  const message = messageAt(source, byteOffset, metadata);
  const bodyByteOffset = byteOffset + prefixBytes + metadataByteLength;
  const end = bodyByteOffset + message.bodyByteLength;
  if (end > source.byteLength) {
    throw malformed(
      source,
      byteOffset,
      `its body needs ${end} bytes and the data ends at ${source.byteLength}`,
    );
  }
  return { message, bodyByteOffset, byteLength: end - byteOffset };
}

/** 0 at the end of the stream. */
async function metadataLengthAt(source: ByteSource, byteOffset: number): Promise<number> {
  // A stream may end without its end marker, but only between two frames.
  if (byteOffset === source.byteLength) return 0;
  const prefix = new Uint8Array(prefixBytes);
  await source.read(prefix, byteOffset);
  const view = new DataView(prefix.buffer);
  if (view.getUint32(0, true) !== continuation) {
    throw malformed(source, byteOffset, "no frame begins here (streams older than Arrow 0.15 are not read)");
  }
  const length = view.getInt32(4, true);
  if (length < 0 || length % 8 !== 0) throw malformed(source, byteOffset, `metadata of ${length} bytes`);
  const left = source.byteLength - byteOffset - prefixBytes;
  const most = Math.min(left, arrowMetadataBytesMax);
  if (length > most)
    throw malformed(source, byteOffset, `metadata of ${length} bytes where ${most} are the most`);
  return length;
}

function messageAt(source: ByteSource, byteOffset: number, metadata: Uint8Array): Message {
  try {
    return parseMessage(metadata, source.label);
  } catch (thrown) {
    if (thrown instanceof MendlineError) throw thrown;
    throw malformed(source, byteOffset, messageOf(thrown));
  }
}

function malformed(source: ByteSource, byteOffset: number, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${source.label}: damaged Arrow data at byte ${byteOffset}: ${what}`,
    { details: { byteOffset } },
  );
}
