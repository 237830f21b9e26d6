/**
 * One frame of Arrow IPC, checked against the bytes there are.
 *
 *     frame:   0xFFFFFFFF (u32) | metadata bytes (i32) | metadata, padded to 8 | body, padded to 8
 *
 * Source: Arrow columnar format, "Encapsulated message format".
 */
import { MendlineError, messageOf } from "../../errors.js";
import { arrowMetadataBytesMax } from "../../limits.js";
import { type Message, parseMessage } from "./arrow-message.js";

const continuation = 0xffffffff;
/** Continuation marker and length in front of the metadata. */
export const framePrefixBytes = 8;

/** Where a frame begins, in data of so many bytes. */
export interface FramePlace {
  readonly label: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Bytes of the metadata behind a frame's first eight bytes; 0 at the end of a stream. */
export function metadataLength(prefix: Uint8Array, place: FramePlace): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, framePrefixBytes);
  if (view.getUint32(0, true) !== continuation) {
    throw malformedFrame(place, "no frame begins here (streams older than Arrow 0.15 are not read)");
  }
  const length = view.getInt32(4, true);
  if (length < 0 || length % 8 !== 0) throw malformedFrame(place, `metadata of ${length} bytes`);
  const most = Math.min(place.byteLength - place.byteOffset - framePrefixBytes, arrowMetadataBytesMax);
  if (length > most) throw malformedFrame(place, `metadata of ${length} bytes where ${most} are the most`);
  return length;
}

/** The message of a frame, whose body is found to be there. */
export function frameMessage(metadata: Uint8Array, place: FramePlace): Message {
  let message: Message;
  try {
    message = parseMessage(metadata, place.label);
  } catch (thrown) {
    if (thrown instanceof MendlineError) throw thrown;
    throw malformedFrame(place, messageOf(thrown));
  }
  const end = place.byteOffset + framePrefixBytes + metadata.byteLength + message.bodyByteLength;
  if (end > place.byteLength) {
    throw malformedFrame(place, `its body needs ${end} bytes and the data ends at ${place.byteLength}`);
  }
  return message;
}

export function malformedFrame({ label, byteOffset }: FramePlace, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label}: damaged Arrow data at byte ${byteOffset}: ${what}`,
    { details: { byteOffset } },
  );
}
