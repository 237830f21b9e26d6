/**
 * What a power loss leaves of a folder, at worst: files with the content that was synced last, under the names that their folders had when
 * those were synced last. A name that was synced for a file that never was holds nothing.
 *
 * Not simulated: LevelDB's own files, which go through LevelDB (they are taken as they are; power-loss.test.ts cuts its log instead); a
 * disk that loses what it said was synced, that keeps some unsynced writes and not others (of a name that is new it may keep the new one,
 * which is what a kill leaves), or that tears a sector.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Step, Watcher } from "./watched-disk.js";

interface Inode {
  synced: Buffer;
}

/** Names and what is behind them; "folder" for a folder. */
type Names = Map<string, Inode | "folder">;

export class SyncedDisk implements Watcher {
  readonly #root: string;
  readonly #now: Names = new Map();
  readonly #durable: Names = new Map();
  readonly #onStep: () => void;

  /** @param root  an empty folder, itself durable @param onStep  called before every step */
  constructor(root: string, onStep: () => void) {
    this.#root = root;
    this.#onStep = onStep;
  }

  before(): void {
    this.#onStep();
  }

  after({ call, path }: Step, args: readonly unknown[], result: unknown): void {
    if (call === "open" && /w/.test(String(args[1])) && !this.#now.has(path)) this.#create(path);
    else if (call === "writeFile") this.#create(path);
    else if (call === "sync") this.#sync(path);
    else if (call === "rename") this.#rename(path, String(args[1]));
    else if (call === "rm") this.#remove(path);
    else if (call === "mkdir" && result !== undefined) this.#makeFolders(path, String(result));
  }

  #create(path: string): void {
    this.#now.set(path, { synced: Buffer.alloc(0) });
  }

  #sync(path: string): void {
    const found = this.#now.get(path);
    if (found !== undefined && found !== "folder") found.synced = readFileSync(path);
    else if (statSync(path).isDirectory()) this.#syncNames(path);
  }

  #syncNames(folder: string): void {
    for (const path of this.#durable.keys())
      if (dirname(path) === folder && !this.#now.has(path)) this.#durable.delete(path);
    for (const [path, inode] of this.#now) if (dirname(path) === folder) this.#durable.set(path, inode);
  }

  #rename(from: string, to: string): void {
    this.#now.set(to, this.#now.get(from)!);
    this.#now.delete(from);
  }

  #remove(path: string): void {
    for (const name of this.#now.keys())
      if (name === path || name.startsWith(`${path}/`)) this.#now.delete(name);
  }

  #makeFolders(path: string, first: string): void {
    for (let made = path; ; made = dirname(made)) {
      this.#now.set(made, "folder");
      if (made === first) return;
    }
  }

  /** Writes what is left into another folder. */
  loseTo(target: string): void {
    const [root, database] = [this.#root, join(this.#root, "db")];
    mkdirSync(target, { recursive: true });
    if (existsSync(database)) cpSync(database, join(target, "db"), { recursive: true });
    for (const [path, inode] of [...this.#durable].sort(([left], [right]) => (left < right ? -1 : 1))) {
      const lost = join(target, relative(root, path));
      // What lies in a folder whose name is lost is lost with it.
      if (relative(root, path).startsWith("..") || !existsSync(dirname(lost))) continue;
      if (inode === "folder") mkdirSync(lost, { recursive: true });
      else writeFileSync(lost, inode.synced);
    }
  }
}
