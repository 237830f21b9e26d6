/** A store as its disk and LevelDB see it. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClassicLevel } from "classic-level";
import { Level } from "level";

export interface RawRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

function rawLevel(dir: string): Level<Buffer, Buffer> {
  return new Level<Buffer, Buffer>(join(dir, "db"), { keyEncoding: "buffer", valueEncoding: "buffer" });
}

/** Writes into the database as another program would. @param changes  null takes a record away */
export async function tamper(
  dir: string,
  changes: readonly { readonly key: Buffer; readonly value: Buffer | null }[],
): Promise<void> {
  const level = rawLevel(dir);
  for (const { key, value } of changes) await (value === null ? level.del(key) : level.put(key, value));
  // So that what is deleted or replaced is in no older table.
  await (level as unknown as ClassicLevel<Buffer, Buffer>).compactRange(Buffer.of(0), Buffer.alloc(8, 0xff));
  await level.close();
}

export async function rawRecords(dir: string): Promise<RawRecord[]> {
  const level = rawLevel(dir);
  const entries = await level.iterator().all();
  await level.close();
  return entries.map(([key, value]) => ({ key, value }));
}

/** Everything that a look at a folder tells: names, kinds, times, links, and bytes. */
export function traces(dir: string): string[] {
  const names = ["", ...(readdirSync(dir, { recursive: true }) as string[]).sort()];
  return names.map((name) => {
    const path = join(dir, name);
    const { mtimeNs, ctimeNs, nlink, size, mode } = lstatSync(path, { bigint: true });
    const bytes = mode & 0o040000n ? "" : readFileSync(path).toString("base64");
    return [name, mtimeNs, ctimeNs, nlink, size, mode, bytes].join(" ");
  });
}
