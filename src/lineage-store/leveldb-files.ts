/**
 * LevelDB's files as a whole: which of them count, and whether each is what was written. Asked before LevelDB opens them: afterwards it has
 * read past what was damaged and written the rest anew.
 *
 * Not looked at: files that the manifest does not name (a crash leaves some, half written), LOG, LOCK.
 */
import { join } from "node:path";
import { MendlineError } from "../errors.js";
import { disk, errnoOf, fileError } from "./files.js";
import { checkLog } from "./leveldb-log.js";
import { tableProblem } from "./leveldb-table.js";
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

/** @param dir  LevelDB's folder; empty or missing is sound @throws MendlineError MENDLINE_STORE_IO  a file cannot be read */
export async function databaseProblems(dir: string): Promise<FileProblem[]> {
  const names = await namesIn(dir);
  if (!names.includes("CURRENT")) {
    const isNew = !names.some((name) => /\.(?:ldb|sst)$/.test(name));
    return isNew ? [] : [{ path: join(dir, "CURRENT"), problem: "is missing" }];
  }
  const manifest = join(dir, (await read(join(dir, "CURRENT"))).toString("latin1").trimEnd());
  const live = await liveFiles(manifest);
  if (live === null) return [{ path: manifest, problem: "is damaged" }];
  const problems: FileProblem[] = [];
  for (const name of names) {
    const number = Number.parseInt(name, 10);
    const path = join(dir, name);
    const isLive = number >= live.firstLog || number === live.previousLog;
    if (name.endsWith(".log") && isLive) problems.push(...(await logProblems(path)));
  }
  for (const [number, byteLength] of live.tables)
    problems.push(...(await tableProblems(dir, names, number, byteLength)));
  return problems;
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

async function read(path: string): Promise<Buffer> {
  try {
    return await disk.readFile(path);
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

async function logProblems(path: string): Promise<FileProblem[]> {
  const { damagedAt } = checkLog(await read(path));
  return damagedAt === null
    ? []
    : [{ path, problem: `is damaged at byte ${damagedAt}, and goes on behind it` }];
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
  const file = await disk.open(path, "r").catch((error: unknown) => {
    throw fileError(path, "read", error);
  });
  try {
    const { size } = await file.stat();
    const problem =
      size === byteLength ? await tableProblem(file, size) : `has ${size} bytes instead of ${byteLength}`;
    return problem === null ? [] : [{ path, problem }];
  } catch (error) {
    throw fileError(path, "read", error);
  } finally {
    await file.close();
  }
}

/** null where the manifest cannot be read through. */
async function liveFiles(manifest: string): Promise<LiveFiles | null> {
  const bytes = await read(manifest).catch((error: unknown) => {
    if (error instanceof MendlineError && errnoOf(error.cause) === "ENOENT") return null;
    throw error;
  });
  if (bytes === null) return null;
  const { records, damagedAt } = checkLog(bytes);
  if (damagedAt !== null || records.length === 0) return null;
  const tables = new Map<number, number>();
  const logs = { firstLog: 0, previousLog: 0 };
  for (const record of records) if (!applyEdit(record, tables, logs)) return null;
  return { tables, ...logs };
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
