/**
 * The store's folder.
 *
 *     DIR/FORMAT    one line of JSON: what this is, and the schema of what lies beside it
 *     DIR/db/       records (LevelDB)
 *     DIR/objects/  parameters (objects.ts)
 *     DIR/tmp/      staging, emptied at every opening
 *
 * FORMAT comes first and is asked for first: without it a mistyped --store could have its tmp/ emptied.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MendlineError } from "../errors.js";
import { errnoOf, fileError, makeFolder, replaceFile, stagingPrefix, writeAll } from "./files.js";

/** Raised when records or files change so that an older mendline must not touch them. */
export const storeSchema = 1;
const formatName = "mendline-lineage-store";

export function databaseDir(dir: string): string {
  return join(dir, "db");
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
  if (text !== null) checkFormat(dir, text);
  else await createFolder(dir, create);
}

async function readFormat(dir: string): Promise<string | null> {
  const path = join(dir, "FORMAT");
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw fileError(path, "read", error);
  }
}

function checkFormat(dir: string, text: string): void {
  const schema = /^\{"format":"mendline-lineage-store","schema":(\d{1,9})\}\n$/.exec(text)?.[1];
  if (schema === undefined) throw damaged(dir, "is damaged");
  if (Number(schema) === storeSchema) return;
  throw new MendlineError(
    "MENDLINE_STORE_VERSION",
    `the store ${dir} has schema ${schema}, this mendline reads ${storeSchema}: use the version that wrote it, or a later one`,
    { details: { schema: Number(schema), supported: storeSchema } },
  );
}

function damaged(dir: string, problem: string): MendlineError {
  const path = join(dir, "FORMAT");
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `${path} ${problem}: restore it; of this version it reads ${formatLine().trim()}`,
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
  await replaceFile(join(dir, "FORMAT"), (file) => writeAll(file, Buffer.from(formatLine())));
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => !name.startsWith(stagingPrefix));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read", error);
  }
}
