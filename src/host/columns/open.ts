/** Opens data of any format that mendline reads. */
import { createReadStream, type Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { resolve as absolutePath } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import type { Arena } from "../memory/arena.js";
import type { DataSource } from "./column.js";
import { type DataFormat, detectBytes, detectFormat } from "./detect.js";
import { gunzipped, isGzip } from "./gzip.js";
import { type Spool, spool } from "./spool.js";

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** What the path `-` reads; default: the process's standard input. */
  readonly input?: AsyncIterable<Uint8Array>;
}

interface Input {
  readonly path: string;
  readonly label: string;
  /** The name whose ending counts where the content does not tell. */
  readonly name: string;
  /** Text that is packed. */
  readonly isGzip?: boolean;
}

/**
 * @param path  a file, a named pipe, or `-` for standard input. What can be read only once is kept in a temporary file
 * @returns a source over columns in `arena`; the caller closes it
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND  no such file, a folder, or not readable
 * @throws MendlineError MENDLINE_DATA_FORMAT  none of the formats that are read
 * @throws MendlineError MENDLINE_DATA_EMPTY  no bytes, or no header
 * @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_LIMIT, MENDLINE_TASK_ABORTED
 */
export async function openData(path: string, arena: Arena, options: OpenOptions = {}): Promise<DataSource> {
  if (path === "-") {
    const label = "standard input";
    return openSpooled(options.input ?? process.stdin, { label, name: "" }, arena, options);
  }
  const stats = await statOf(path);
  if (stats.isDirectory()) throw notFound(path, "is a folder; name a file");
  if (!stats.isFile())
    return openSpooled(createReadStream(path), { label: path, name: path }, arena, options);
  const source = await openFile({ path, label: path, name: path }, arena, options);
  return { ...source, path: absolutePath(path) };
}

async function openSpooled(
  input: AsyncIterable<Uint8Array>,
  named: { label: string; name: string },
  arena: Arena,
  options: OpenOptions,
): Promise<DataSource> {
  const kept: Spool = await spool(input, { label: named.label, signal: options.signal });
  try {
    const source = await openFile({ ...named, path: kept.path }, arena, options);
    const close = async (): Promise<void> => {
      await source.close();
      await kept.remove();
    };
    return {
      label: source.label,
      fields: source.fields,
      rowCount: source.rowCount,
      read: (readOptions) => source.read(readOptions),
      close,
    };
  } catch (thrown) {
    await kept.remove();
    throw thrown;
  }
}

async function openFile(input: Input, arena: Arena, options: OpenOptions): Promise<DataSource> {
  const head = await headOf(input);
  if (head.byteLength === 0) {
    throw new MendlineError("MENDLINE_DATA_EMPTY", `${input.label} is empty: it holds no bytes`);
  }
  if (isGzip(head)) return openGzip(input, arena, options);
  return openAs(detectFormat(head, input.label, input.name), input, arena, options);
}

/** Text is unpacked anew by every read; what is read at any place is unpacked once, to a temporary file. */
async function openGzip(packed: Input, arena: Arena, options: OpenOptions): Promise<DataSource> {
  const input = { ...packed, name: packed.name.replace(/\.(gz|gzip)$/i, "") };
  const head = await unpackedHead(input, options);
  if (head.byteLength === 0) {
    throw new MendlineError("MENDLINE_DATA_EMPTY", `${input.label} is empty: it unpacks to no bytes`);
  }
  const format = detectFormat(head, input.label, input.name);
  if (format === "arrow" || format === "parquet") {
    return openSpooled(gunzipped(input, options.signal), input, arena, options);
  }
  return openAs(format, { ...input, isGzip: true }, arena, options);
}

async function unpackedHead(input: Input, { signal }: OpenOptions): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let byteLength = 0;
  for await (const chunk of gunzipped(input, signal)) {
    chunks.push(chunk);
    byteLength += chunk.byteLength;
    if (byteLength >= detectBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, detectBytes);
}

async function openAs(
  format: DataFormat,
  { path, label, isGzip: isPacked = false }: Input,
  arena: Arena,
  { signal }: OpenOptions,
): Promise<DataSource> {
  const looking = signal === undefined ? {} : { signal };
  // Each format loads its own reader, and with it its library: that takes up to tens of milliseconds.
  if (format === "csv" || format === "tsv") {
    const delimiter = format === "csv" ? "," : "\t";
    return (await import("./csv.js")).openCsv({ path, label, isGzip: isPacked, delimiter }, arena, looking);
  }
  if (format === "ndjson")
    return (await import("./ndjson.js")).openNdjson({ path, label, isGzip: isPacked }, arena, looking);
  if (format === "arrow") return (await import("./arrow.js")).openArrow({ path, label }, arena);
  return (await import("./parquet.js")).openParquet({ path, label }, arena);
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw notFound(path, isAbsent ? "does not exist" : `cannot be read: ${messageOf(cause)}`, cause);
  }
}

async function headOf({ path, label }: Input): Promise<Uint8Array> {
  const head = new Uint8Array(detectBytes);
  let byteLength = 0;
  try {
    const file = await open(path, "r");
    try {
      for (let bytesRead = -1; bytesRead !== 0 && byteLength < detectBytes; byteLength += bytesRead) {
        ({ bytesRead } = await file.read(head, byteLength, detectBytes - byteLength, byteLength));
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw notFound(label, `cannot be read: ${messageOf(cause)}`, cause);
  }
  return head.subarray(0, byteLength);
}

function notFound(label: string, what: string, cause?: unknown): MendlineError {
  return new MendlineError("MENDLINE_DATA_NOT_FOUND", `${label} ${what}`, { cause });
}
