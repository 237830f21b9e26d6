/**
 * Who holds the store, for whoever finds it held: `DIR/OWNER`, one line of JSON beside the lock. The lock decides, this only tells:
 * what a process that died has left is read by nobody, and a file that cannot be written keeps nobody from working.
 */
import { join } from "node:path";
import { MendlineError } from "../errors.js";
import { storeOwnerBytesMax } from "../limits.js";
import { disk, stagingPrefix } from "./files.js";
import { isText } from "./rules.js";

export interface StoreOwner {
  readonly pid: number;
  readonly sinceMs: number;
  /** Where its service answers, `http://127.0.0.1:7077`; null for a process that has none. */
  readonly service: string | null;
}

function ownerPath(dir: string): string {
  return join(dir, "OWNER");
}

export async function tellOwner(dir: string, owner: StoreOwner): Promise<void> {
  const staging = join(dir, `${stagingPrefix}owner`);
  try {
    await disk.writeFile(staging, `${JSON.stringify(owner)}\n`);
    await disk.rename(staging, ownerPath(dir));
  } catch {
    await forgetOwner(dir);
  }
}

export async function forgetOwner(dir: string): Promise<void> {
  await disk.rm(ownerPath(dir), { force: true }).catch(() => undefined);
}

/** null where nothing, or nothing sensible, is told. */
export async function ownerOf(dir: string): Promise<StoreOwner | null> {
  try {
    const { pid, sinceMs, service } = JSON.parse(await readStart(ownerPath(dir))) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || Number.isNaN(new Date(sinceMs as number).getTime())) return null;
    const isAddress = typeof service === "string" && isText(service);
    return { pid: pid as number, sinceMs: sinceMs as number, service: isAddress ? service : null };
  } catch {
    return null;
  }
}

async function readStart(path: string): Promise<string> {
  const file = await disk.open(path, "r");
  try {
    const bytes = Buffer.alloc(storeOwnerBytesMax);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The refusal of a lock, with what another process that holds it says of itself. */
export async function heldBy(dir: string, error: unknown): Promise<unknown> {
  if (!(error instanceof MendlineError) || error.code !== "MENDLINE_STORE_LOCKED") return error;
  const owner = await ownerOf(dir);
  if (owner === null || owner.pid === process.pid) return error;
  const { lock } = error.details as { lock: string };
  const remedy =
    owner.service === null
      ? "wait until it ends, or let one process own the store with `mendline serve` and use its service"
      : `its service answers at ${owner.service}: use that, or end it first`;
  return new MendlineError(
    "MENDLINE_STORE_LOCKED",
    `the store is held by process ${owner.pid} since ${new Date(owner.sinceMs).toISOString()} (lock ${lock}): ${remedy}`,
    { details: { lock, ...owner }, cause: error },
  );
}
