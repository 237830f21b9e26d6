/**
 * Where the parts of an Arrow IPC stream or file are, checked before anything trusts them.
 *
 *     stream:  frame frame ... end            file:  "ARROW1\0\0" frame frame ... end | footer | footer bytes (i32) | "ARROW1"
 *
 * A stream is walked. Of a file, the footer says where its frames are and holds the schema: not every writer repeats it in front.
 * Source: Arrow columnar format, "Serialization and Interprocess Communication (IPC)".
 */
import { MendlineError, messageOf } from "../../errors.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { arrowMagic, type Footer, readFooter } from "./arrow-footer.js";
import { frameMessage, framePrefixBytes, malformedFrame, metadataLength } from "./arrow-frame.js";
import { type BatchParts, type DictionaryParts, type Message, placed } from "./arrow-message.js";
import type { ArrowField } from "./arrow-schema.js";

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
  const head = new Uint8Array(Math.min(arrowMagic.length, source.byteLength));
  await source.read(head, 0);
  const isFile = Buffer.from(head).toString("latin1") === arrowMagic;
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
async function frameAt({ label, byteLength, read }: ByteSource, byteOffset: number): Promise<Frame | null> {
  const place = { label, byteOffset, byteLength };
  // A stream may end without its end marker, but only between two frames.
  if (byteOffset === byteLength) return null;
  const prefix = new Uint8Array(framePrefixBytes);
  await read(prefix, byteOffset);
  const metadata = new Uint8Array(metadataLength(prefix, place));
  if (metadata.byteLength === 0) return null;
  await read(metadata, byteOffset + framePrefixBytes);
  const message = frameMessage(metadata, place);
  const bodyOffset = framePrefixBytes + metadata.byteLength;
  return {
    message,
    bodyByteOffset: byteOffset + bodyOffset,
    byteLength: bodyOffset + message.bodyByteLength,
  };
}

function malformed({ label, byteLength }: ByteSource, byteOffset: number, what: string): MendlineError {
  return malformedFrame({ label, byteOffset, byteLength }, what);
}
