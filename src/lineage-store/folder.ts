/**
 * The store's folder.
 *
 *     DIR/FORMAT    one line of JSON: what this is, and the schema of what lies beside it
 *     DIR/db/       records (LevelDB)
 *     DIR/objects/  parameters (objects.ts)
 *     DIR/labels/   files that records of runs name: slices of labelled rows
 *     DIR/tmp/      staging, emptied at every opening
 *     DIR/HEAD      up to where commits were acknowledged (head-file.ts)
 *     DIR/OWNER     who holds the store, while it is held (owner.ts)
 *
 * FORMAT comes first and is asked for first: without it a mistyped --store could have its tmp/ emptied.
 */
import { join } from "node:path";
import { MendlineError } from "../errors.js";
import { disk, errnoOf, fileError, makeFolder, replaceFile, stagingPrefix, writeAll } from "./files.js";
import type { FileProblem } from "./leveldb-files.js";

/**
 * Raised when records or files change so that an older mendline must not touch them; migrations.ts brings earlier ones up to it.
 *
 *     1  as first written
 *     2  indexes of versions, tags and forms
 *     3  external models and what is declared of them; signatures
 *     4  objects may be packed; the ids of models added since hash their tensors' hashes
 *     5  label requests
 *     6  models by number
 *     7  sixteen of them in one record
 */
export const storeSchema = 7;
const formatName = "mendline-lineage-store";

export function databaseDir(dir: string): string {
  return join(dir, "db");
}

export function runFilesDir(dir: string): string {
  return join(dir, "labels");
}

/** Whether a file there can be of a run: nothing that is hidden, staged, or leads elsewhere. */
export function isRunFileName(name: string): boolean {
  return /^[\w-][\w.-]{0,240}\.arrow$/.test(name);
}

/**
 * @param create  whether a missing or empty folder becomes a store
 * @throws MendlineError MENDLINE_STORE_UNKNOWN     there is no store, and none is to be made
 * @throws MendlineError MENDLINE_STORE_VERSION     written by a later mendline
 * @throws MendlineError MENDLINE_STORE_CORRUPT     FORMAT is damaged or lost
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a folder with other things in it
 */
export async function prepareFolder(dir: string, create: boolean): Promise<void> {
  const text = await readFormat(dir);
  if (text !== null) schemaFrom(dir, text);
  else await createFolder(dir, create);
}

/** The schema of the store that is there; at most `storeSchema`. */
export async function schemaOf(dir: string): Promise<number> {
  const text = await readFormat(dir);
  if (text === null) throw damaged(dir, "is missing");
  return schemaFrom(dir, text);
}

/**
 * What is wrong with FORMAT in a folder that looks like a store otherwise; null: nothing.
 *
 * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_VERSION, MENDLINE_ARGUMENT_INVALID
 */
export async function formatProblem(dir: string): Promise<FileProblem | null> {
  try {
    await prepareFolder(dir, false);
    return null;
  } catch (error) {
    const isDamage = error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT";
    if (!isDamage || !(await namesIn(dir)).includes("db")) throw error;
    return {
      path: join(dir, "FORMAT"),
      problem: "is damaged or missing; `mendline lineage repair` writes it anew",
    };
  }
}

/** Says that everything in the folder is of this mendline's schema. */
export async function writeFormat(dir: string): Promise<void> {
  await replaceFile(join(dir, "FORMAT"), (file) => writeAll(file, Buffer.from(formatLine())));
}

async function readFormat(dir: string): Promise<string | null> {
  const path = join(dir, "FORMAT");
  try {
    return await disk.readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw fileError(path, "read", error);
  }
}

function schemaFrom(dir: string, text: string): number {
  const schema = Number(/^\{"format":"mendline-lineage-store","schema":([1-9]\d{0,8})\}\n$/.exec(text)?.[1]);
  if (Number.isNaN(schema)) throw damaged(dir, "is damaged");
  if (schema <= storeSchema) return schema;
  throw new MendlineError(
    "MENDLINE_STORE_VERSION",
    `the store ${dir} has schema ${schema}, this mendline reads up to ${storeSchema}: use the version that wrote it, or a later one`,
    { details: { schema, supported: storeSchema } },
  );
}

function damaged(dir: string, problem: string): MendlineError {
  const path = join(dir, "FORMAT");
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `${path} ${problem}: \`mendline lineage repair\` writes it anew`,
    { details: { path } },
  );
}

function formatLine(): string {
  return `${JSON.stringify({ format: formatName, schema: storeSchema })}\n`;
}

async function createFolder(dir: string, create: boolean): Promise<void> {
  const names = await namesIn(dir);
  if (names.includes("db")) throw damaged(dir, "is missing");
  if (names.length > 0) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `${dir} is no store and not empty (${names.slice(0, 3).join(", ")}…): give an empty or a new folder`,
      { details: { dir } },
    );
  }
  if (!create) {
    throw new MendlineError(
      "MENDLINE_STORE_UNKNOWN",
      `there is no store in ${dir}: add a model, or give another folder`,
      {
        details: { dir },
      },
    );
  }
  await makeFolder(dir);
  await writeFormat(dir);
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await disk.readdir(dir)).filter((name) => !name.startsWith(stagingPrefix));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read", error);
  }
}
