/** Where a store is, and whether there is one. What lies in it is the store's own affair. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";

/** Reading makes no store: a mistyped folder would look like an empty lineage. */
export async function requireStore(dir: string): Promise<void> {
  const state = await folderState(dir);
  if (state === "used") return;
  throw new MendlineError(
    "MENDLINE_STORE_UNKNOWN",
    `there is no store in ${dir}: \`mendline model add FILE --name NAME --version VERSION --store ${dir}\` makes one, --store or MENDLINE_STORE names another`,
    { details: { dir } },
  );
}

/**
 * A new store appears with its first model or not at all: it is made beside its place and renamed. A store that is there, or an
 * empty folder (which may be a mount point), is used as it is.
 */
export async function inStoreFolder<T>(dir: string, work: (dir: string) => Promise<T>): Promise<T> {
  if ((await folderState(dir)) !== "absent") return work(dir);
  const target = resolve(dir);
  const staged = join(dirname(target), `.${basename(target)}.new-${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(staged, { recursive: true });
  } catch (cause) {
    throw cannotMake(dir, cause);
  }
  try {
    const result = await work(staged);
    await rename(staged, target).catch((cause) => {
      throw cannotMake(dir, cause);
    });
    return result;
  } catch (thrown) {
    await rm(staged, { recursive: true, force: true });
    throw thrown;
  }
}

/** What cannot be listed counts as used: opening it tells why. */
async function folderState(dir: string): Promise<"absent" | "empty" | "used"> {
  try {
    return (await readdir(dir)).length === 0 ? "empty" : "used";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "absent" : "used";
  }
}

function cannotMake(dir: string, cause: unknown): MendlineError {
  return new MendlineError("MENDLINE_STORE_IO", `cannot make the store ${dir}: ${messageOf(cause)}`, {
    cause,
  });
}
