/**
 * LevelDB's files as a whole: which of them count, and whether each is what was written. Asked before LevelDB opens them: afterwards it has
 * read past what was damaged and written the rest anew.
 *
 * Not looked at: files that the manifest does not name (a crash leaves some, half written), LOG, LOCK.
 */
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { findingsMax, leveldbBlockBytesMax, leveldbFilesMax } from "../limits.js";
import { disk, errnoOf, fileError } from "./files.js";
import { checkLog, LogScan, logRecords } from "./leveldb-log.js";
import { tableProblems as problemsIn } from "./leveldb-table.js";
import { PlacesReader } from "./places-reader.js";
import { varint } from "./snappy.js";

export interface FileProblem {
  readonly path: string;
  readonly problem: string;
}

interface LiveFiles {
  /** Number and byteLength of each table. */
  readonly tables: ReadonlyMap<number, number>;
  /** Logs from this number on hold what no table has. */
  readonly firstLog: number;
  readonly previousLog: number;
}

/** Bytes of the files that `databaseProblems` would read. */
export async function databaseBytes(dir: string): Promise<number> {
  let byteLength = 0;
  for (const name of await namesIn(dir))
    if (/\.(?:ldb|sst|log)$/.test(name)) byteLength += await sizeOf(join(dir, name));
  return byteLength;
}

/**
 * All that is wrong, in stable order. Memory: a block of a table or a record of the manifest, `leveldbBlockBytesMax`, and a number for each
 * table.
 *
 * @param dir  LevelDB's folder; empty or missing is sound
 * @throws MendlineError MENDLINE_STORE_IO  a file cannot be read
 */
export async function databaseProblems(dir: string): Promise<FileProblem[]> {
  const names = await namesIn(dir);
  if (!names.includes("CURRENT")) {
    const isNew = !names.some((name) => /\.(?:ldb|sst)$/.test(name));
    return isNew
      ? []
      : [{ path: join(dir, "CURRENT"), problem: "is missing" }, ...(await othersIn(dir, names))];
  }
  const manifest = join(dir, await manifestName(dir));
  const live = await liveFiles(manifest);
  if (live === null) return [{ path: manifest, problem: "is damaged" }, ...(await othersIn(dir, names))];
  return liveProblems(dir, names, live);
}

/** What is wrong with the files that another manifest names, where the current one cannot be read: LevelDB keeps a single one at rest. */
async function othersIn(dir: string, names: readonly string[]): Promise<FileProblem[]> {
  for (const name of names.filter((one) => /^MANIFEST-\d+$/.test(one)).reverse()) {
    const live = await liveFiles(join(dir, name));
    if (live !== null) return liveProblems(dir, names, live);
  }
  return [];
}

async function liveProblems(dir: string, names: readonly string[], live: LiveFiles): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const name of names) {
    const number = Number.parseInt(name, 10);
    const isLive = number >= live.firstLog || number === live.previousLog;
    if (name.endsWith(".log") && isLive) problems.push(...(await logProblems(join(dir, name))));
  }
  for (const [number, byteLength] of live.tables) {
    if (problems.length > findingsMax) break;
    problems.push(...(await tableProblems(dir, names, number, byteLength)));
  }
  if (problems.length <= findingsMax) return problems;
  const rest = {
    path: dir,
    problem: `has more than ${findingsMax} damaged places: the others are not listed`,
  };
  return [...problems.slice(0, findingsMax), rest];
}

/** Where the ends of logs are torn: by a crash in the middle of a write, or, where something acknowledged is missing, by damage. */
export async function tornEnds(dir: string): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const name of (await namesIn(dir)).filter((one) => /^\d+\.log$/.test(one))) {
    const path = join(dir, name);
    const { tornAt } = await withFile(path, checkLog);
    if (tornAt !== null) problems.push({ path, problem: `is damaged from byte ${tornAt} to its end` });
  }
  return problems;
}

async function withFile<T>(
  path: string,
  work: (file: FileHandle, byteLength: number) => Promise<T>,
): Promise<T> {
  try {
    const file = await disk.open(path, "r");
    try {
      return await work(file, (await file.stat()).size);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await disk.readdir(dir)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read", error);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await disk.stat(path)).size;
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

/** What CURRENT says, as far as it can be a name. */
async function manifestName(dir: string): Promise<string> {
  const text = await withFile(join(dir, "CURRENT"), async (file) => {
    const bytes = Buffer.alloc(64);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString("latin1", 0, bytesRead).trimEnd();
  });
  return /^MANIFEST-\d+$/.test(text) ? text : "CURRENT";
}

async function logProblems(path: string): Promise<FileProblem[]> {
  const { damagedAt } = await withFile(path, checkLog);
  return damagedAt.map((at) => ({ path, problem: `is damaged at byte ${at}, and goes on behind it` }));
}

async function tableProblems(
  dir: string,
  names: readonly string[],
  number: number,
  byteLength: number,
): Promise<FileProblem[]> {
  const stem = String(number).padStart(6, "0");
  const name = names.find((one) => one === `${stem}.ldb` || one === `${stem}.sst`);
  const path = join(dir, name ?? `${stem}.ldb`);
  if (name === undefined) return [{ path, problem: "is missing" }];
  const problems = await withFile(path, async (file, size) =>
    size === byteLength ? problemsIn(file, size) : [`has ${size} bytes instead of ${byteLength}`],
  );
  return problems.map((problem) => ({ path, problem }));
}

/** null where the manifest is not there, or cannot be read through. */
async function liveFiles(manifest: string): Promise<LiveFiles | null> {
  if (!(await isThere(manifest))) return null;
  return withFile(manifest, async (file, fileBytes) => {
    const tables = new Map<number, number>();
    const logs = { firstLog: 0, previousLog: 0 };
    const scan = new LogScan();
    let edits = 0;
    for await (const places of logRecords(file, fileBytes, scan)) {
      const byteLength = places.reduce((sum, place) => sum + place.byteLength, 0);
      if (byteLength > leveldbBlockBytesMax) return null;
      if (!applyEdit(await new PlacesReader(file, places).take(byteLength), tables, logs)) return null;
      if (tables.size > leveldbFilesMax) return null;
      edits++;
    }
    return edits === 0 || scan.damagedAt.length > 0 ? null : { tables, ...logs };
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await disk.stat(path)).isFile();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw fileError(path, "read", error);
  }
}

/** Fields of a version edit (google/leveldb, db/version_edit.cc): a tag, then as many numbers and texts as that has. */
function applyEdit(
  edit: Uint8Array,
  tables: Map<number, number>,
  logs: { firstLog: number; previousLog: number },
): boolean {
  const reader = new EditReader(edit);
  while (!reader.isAtEnd) {
    const tag = reader.number();
    if (tag === 1) reader.text();
    else if (tag === 2) logs.firstLog = reader.number();
    else if (tag === 9) logs.previousLog = reader.number();
    else if (tag === 3 || tag === 4) reader.number();
    else if (tag === 5) {
      reader.number();
      reader.text();
    } else if (tag === 6) {
      reader.number();
      tables.delete(reader.number());
    } else if (tag === 7) {
      reader.number();
      const number = reader.number();
      tables.set(number, reader.number());
      reader.text();
      reader.text();
    } else return false;
    if (reader.isBroken) return false;
  }
  return true;
}

class EditReader {
  isBroken = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    const found = varint(this.#bytes, this.#at);
    if (found === null) this.isBroken = true;
    this.#at = found?.end ?? this.#bytes.length;
    return found?.value ?? 0;
  }

  text(): void {
    const byteLength = this.number();
    this.#at += byteLength;
    if (this.#at > this.#bytes.length) this.isBroken = true;
  }
}
