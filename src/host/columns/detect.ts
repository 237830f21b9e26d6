/** What a file holds, told by its first bytes, then by its name. */
import { MendlineError } from "../../errors.js";
import { arrowMetadataBytesMax } from "../../limits.js";

export type DataFormat = "arrow" | "parquet" | "ndjson" | "csv" | "tsv";

/** Bytes of a file's head that are enough to tell. */
export const detectBytes = 4096;

const readable = "mendline reads Arrow (stream or file), Parquet, CSV, TSV and NDJSON";

const byExtension: ReadonlyMap<string, DataFormat> = new Map([
  [".csv", "csv"],
  [".tsv", "tsv"],
  [".tab", "tsv"],
  [".ndjson", "ndjson"],
  [".jsonl", "ndjson"],
  [".arrow", "arrow"],
  [".arrows", "arrow"],
  [".feather", "arrow"],
  [".ipc", "arrow"],
  [".parquet", "parquet"],
]);

/** Formats that people hand over by mistake: what they are, and what to do. Bytes in latin1. */
const foreign: readonly (readonly [magic: string, what: string, remedy: string])[] = [
  ["\x1f\x8b", "a gzip archive within another", "unpack the outer one (gzip -dc FILE | mendline … -)"],
  ["\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first (zstd -dc FILE | mendline … -)"],
  ["BZh", "a bzip2 archive", "unpack it first (bzip2 -dc FILE | mendline … -)"],
  ["\xfd7zXZ\0", "an xz archive", "unpack it first (xz -dc FILE | mendline … -)"],
  ["PK\x03\x04", "a zip archive (or an Excel or numpy file)", "unpack it, or save the sheet as CSV"],
  ["\xd0\xcf\x11\xe0", "an old Excel file", "save the sheet as CSV"],
  ["\x93NUMPY", "a numpy array", "save it as Parquet or CSV, with column names"],
  ["\x89HDF\r\n", "an HDF5 file", "save the table as Parquet"],
  ["SQLite format 3\0", "an SQLite database", "export the table as CSV"],
  ["FEA1", "a Feather version 1 file", "write it again as Feather version 2"],
  ["PARE", "an encrypted Parquet file", "decrypt it first"],
  ["ORC", "an ORC file", "save it as Parquet"],
  ["Obj\x01", "an Avro file", "save it as Parquet"],
  ["%PDF-", "a PDF document", "save the table as CSV"],
  ["\xff\xfe", "UTF-16 text", "convert it to UTF-8 (iconv -f utf-16 -t utf-8)"],
  ["\xfe\xff", "UTF-16 text", "convert it to UTF-8 (iconv -f utf-16 -t utf-8)"],
];

const jsonObjectPattern = /^(?:\xef\xbb\xbf)?\s*\{\s*(?:"|\}\s*(?:[\r\n]|$)|$)/;
const jsonArrayPattern = /^(?:\xef\xbb\xbf)?\s*\[\s*[[{]/;
const markupPattern = /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what tells binary from text
const controlPattern = /[\0-\x08\x0b\x0e-\x1f]/;

/**
 * @param head  the first `detectBytes` bytes, or all there are; at least one
 * @param label  for messages
 * @param name  the file's name, or "" where it has none
 * @throws MendlineError MENDLINE_DATA_FORMAT  none of the formats that are read; says what it is, where that is known
 */
export function detectFormat(head: Uint8Array, label: string, name: string): DataFormat {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  // Only with binary bytes behind it is a magic one: `PAR1,PAR2` can head a CSV file.
  const isText = !controlPattern.test(text);
  if (!isText) {
    if (text.startsWith("ARROW1") || beginsArrowStream(head)) return "arrow";
    if (text.startsWith("PAR1")) return "parquet";
    refuseForeign(text, label);
  } else {
    refuseOtherText(text, label);
    if (jsonObjectPattern.test(text)) return "ndjson";
  }
  const named = byExtension.get(extensionOf(name));
  if (named === "arrow" || named === "parquet") return named;
  if (!isText) throw unreadable(label, "binary data of an unknown kind", readable);
  if (named !== undefined) return named;
  return "csv";
}

function refuseForeign(text: string, label: string): void {
  for (const [magic, what, remedy] of foreign) {
    if (text.startsWith(magic)) throw unreadable(label, what, `${readable}; ${remedy}`);
  }
  if (isPickle(text)) {
    throw unreadable(
      label,
      "a Python pickle",
      `${readable}; pickles run code when loaded, save it as Parquet`,
    );
  }
}

/** Protocols 2 to 5 begin with PROTO and the number (Python's pickletools). */
function isPickle(text: string): boolean {
  const protocol = text.charCodeAt(1);
  return text.startsWith("\x80") && protocol >= 2 && protocol <= 5;
}

function refuseOtherText(text: string, label: string): void {
  if (markupPattern.test(text)) {
    throw unreadable(label, "an HTML or XML page", `${readable}; was the download refused?`);
  }
  if (jsonArrayPattern.test(text)) {
    throw unreadable(label, "a JSON list", `${readable}; write one object a line (jq -c '.[]')`);
  }
}

/** A continuation marker, then a metadata length that is a positive multiple of 8 (Arrow IPC, "Encapsulated message format"). */
function beginsArrowStream(head: Uint8Array): boolean {
  if (head.byteLength < 8) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const metadataBytes = view.getInt32(4, true);
  return (
    view.getUint32(0, true) === 0xffffffff &&
    metadataBytes > 0 &&
    metadataBytes % 8 === 0 &&
    metadataBytes <= arrowMetadataBytesMax
  );
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot).toLowerCase();
}

function unreadable(label: string, what: string, remedy: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_FORMAT", `${label} is ${what}; ${remedy}`, { details: { what } });
}
