/**
 * An Arrow IPC stream that lies in memory, record batch by record batch, its buffers looked at where they are. What small batches that
 * come one after the other take is their schema, not their rows: it is decoded once, and then told by its bytes.
 */
import { MendlineError } from "../../errors.js";
import { distinctTextsMax } from "../../limits.js";
import { checkBatch, checkedLayout, pickColumns } from "./arrow.js";
import { arrowMagic } from "./arrow-footer.js";
import {
  type FramePlace,
  frameMessage,
  framePrefixBytes,
  malformedFrame,
  metadataLength,
} from "./arrow-frame.js";
import type { ArrowColumn, Layout } from "./arrow-layout.js";
import { type BatchParts, type BufferRange, type DictionaryParts, isPackedMessage } from "./arrow-message.js";
import type { HeldBatch } from "./held.js";
import { eachAbsent } from "./held.js";
import { heldArrowColumn, heldTexts, textAt } from "./held-arrow.js";

type Names = (string | null)[];

interface KnownSchema {
  readonly metadata: Uint8Array;
  readonly layout: Layout;
  readonly columns: readonly ArrowColumn[];
}

const nothing = new Uint8Array(0);

/** Whether bytes are an Arrow file, which is read by its footer, and not by this. */
export function isArrowFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, arrowMagic.length)).toString("latin1") === arrowMagic;
}

/**
 * Whether the first data of a stream in memory is compressed: such a stream is read by `arrowSource`, which unpacks it. Of damaged bytes
 * it says no; whoever reads them says what is wrong.
 */
export function isPackedStream(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < framePrefixBytes) return false;
  const place = framePrefixBytes + view.getInt32(4, true);
  const end = place + framePrefixBytes;
  if (place < framePrefixBytes || end > bytes.byteLength) return false;
  return isPackedMessage(bytes.subarray(end, end + Math.max(0, view.getInt32(place + 4, true))));
}

export class ArrowBytes {
  readonly #wanted: readonly string[];
  #known: KnownSchema | null = null;

  /** @param wanted  columns of the batches, in this order */
  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  /**
   * The record batches of a whole stream; each is valid as long as `bytes` is not changed.
   *
   * @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_FORMAT, MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT
   */
  *batches(bytes: Uint8Array, label: string): Generator<HeldBatch> {
    let schema: KnownSchema | null = null;
    const dictionaries = new Map<number, Names>();
    const { byteLength } = bytes;
    for (let byteOffset = 0; byteOffset < byteLength; ) {
      const place = { label, byteOffset, byteLength };
      if (byteLength - byteOffset < framePrefixBytes) throw malformedFrame(place, "the data is cut off");
      const metadataOffset = byteOffset + framePrefixBytes;
      const metadataBytes = metadataLength(bytes.subarray(byteOffset, metadataOffset), place);
      if (metadataBytes === 0) break;
      const metadata = bytes.subarray(metadataOffset, metadataOffset + metadataBytes);
      byteOffset = metadataOffset + metadataBytes;
      if (schema === null) {
        schema = this.#schemaOf(metadata, place);
        continue;
      }
      const message = frameMessage(metadata, place);
      const body = bytes.subarray(byteOffset, byteOffset + message.bodyByteLength);
      byteOffset += message.bodyByteLength;
      if (message.kind === "schema") throw malformedFrame(place, "a second schema");
      if (message.kind === "batch") yield heldOf(schema, message.batch, body, dictionaries, label);
      else addNames(schema, message.dictionary, body, dictionaries, place);
    }
    if (schema === null) throw malformedFrame({ label, byteOffset: 0, byteLength }, "no schema");
  }

  #schemaOf(metadata: Uint8Array, place: FramePlace): KnownSchema {
    if (this.#known !== null && Buffer.compare(this.#known.metadata, metadata) === 0) return this.#known;
    const message = frameMessage(metadata, place);
    if (message.kind !== "schema") throw malformedFrame(place, "data before the schema");
    // A schema has no body; one that claims one would hide a frame from whoever reads on behind its metadata.
    if (message.bodyByteLength !== 0) throw malformedFrame(place, "a schema with a body");
    const layout = checkedLayout(message.fields, place.label);
    const columns = pickColumns(layout.columns, this.#wanted, place.label);
    this.#known = { metadata: metadata.slice(), layout, columns };
    return this.#known;
  }
}

function heldOf(
  { layout, columns }: KnownSchema,
  batch: BatchParts,
  body: Uint8Array,
  dictionaries: ReadonlyMap<number, Names>,
  label: string,
): HeldBatch {
  checkPlain(batch, label);
  checkBatch(batch, layout, label);
  const { rowCount, nodes, buffers } = batch;
  return {
    label,
    rowCount,
    columns: columns.map((column) => {
      const { storage, nodeIndex, bufferIndex } = column;
      const held = {
        rowCount,
        nullCount: nodes[nodeIndex]!.nullCount,
        validity: bufferOf(body, buffers[bufferIndex]!),
        values: bufferOf(body, buffers[bufferIndex + 1]!),
        data: storage.kind === "offsets" ? bufferOf(body, buffers[bufferIndex + 2]!) : nothing,
        bitOffset: 0,
        // Without a dictionary only columns without a present value can do.
        names: storage.kind === "codes" ? (dictionaries.get(storage.dictionaryId) ?? []) : [],
      };
      return heldArrowColumn(column, held, label);
    }),
  };
}

function checkPlain({ codec }: Pick<BatchParts, "codec">, label: string): void {
  if (codec === null) return;
  throw new MendlineError(
    "MENDLINE_DATA_FORMAT",
    `${label}: it begins uncompressed and goes on with ${codec}; compress all of it or nothing`,
  );
}

function bufferOf(body: Uint8Array, { byteOffset, byteLength }: BufferRange): Uint8Array {
  return body.subarray(byteOffset, byteOffset + byteLength);
}

function addNames(
  { columns }: KnownSchema,
  { id, isDelta, rowCount, nodes, buffers, codec }: DictionaryParts,
  body: Uint8Array,
  dictionaries: Map<number, Names>,
  place: FramePlace,
): void {
  const column = columns.find(({ storage }) => storage.kind === "codes" && storage.dictionaryId === id);
  if (column?.storage.kind !== "codes") return;
  checkPlain({ codec }, place.label);
  const broken = (what: string) => malformedFrame(place, `dictionary: ${what}`);
  const [node] = nodes;
  const [validity, offsets, data] = buffers.map((buffer) => bufferOf(body, buffer));
  if (nodes.length !== 1 || buffers.length !== 3 || node!.rowCount !== rowCount)
    throw broken(`${nodes.length} nodes and ${buffers.length} buffers for ${rowCount} texts`);
  const validityBytes = node!.nullCount === 0 ? 0 : Math.ceil(rowCount / 8);
  const { offsetBytes } = column.storage;
  const offsetsBytes = rowCount === 0 ? 0 : (rowCount + 1) * offsetBytes;
  if (validityBytes > validity!.byteLength || offsetsBytes > offsets!.byteLength)
    throw broken(`${rowCount} texts do not fit their buffers`);
  // Names that are only added to stay the same list: whoever keeps something of it tells by its length.
  const names = (isDelta ? dictionaries.get(id) : undefined) ?? [];
  const begin = names.length;
  if (begin + rowCount > distinctTextsMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${place.label}: a dictionary holds more than ${distinctTextsMax} texts: its column is an identifier, not a feature; leave it out with --features`,
    );
  }
  const texts = heldTexts({ rowCount, values: offsets!, data: data! }, offsetBytes, broken);
  for (let row = 0; row < rowCount; row++) names.push(textAt(texts, row));
  if (validityBytes > 0) {
    eachAbsent(validity!, 0, rowCount, (row) => {
      names[begin + row] = null;
    });
  }
  dictionaries.set(id, names);
}
