/** What a check of a store finds damaged, each with what is lost by it and what brings that back. Named up to limits, and counted beyond. */
import { damageTensorsMax, damageUsesMax, findingsMax } from "../limits.js";
import type { RecordKind } from "./keys.js";
import type { FileProblem } from "./leveldb-files.js";
import type { ModelRecord } from "./records.js";

export interface DamagedRecord {
  readonly kind: RecordKind;
  /** `alias "prod" 3` */
  readonly record: string;
  readonly problem: string;
  /** false: it is as it was written, and goes with another that is lost. */
  readonly isDamaged: boolean;
  /** What is not known, or cannot be served, without it; null: nothing. */
  readonly lost: string | null;
  /** What brings it back; null: only a copy of the store does. */
  readonly remedy: string | null;
}

/** Where a model has an object, or one that stands on it. */
export interface ObjectUse extends Pick<ModelRecord, "id" | "name" | "version"> {
  /** The first tensors whose values lie in it. */
  readonly tensors: readonly string[];
  readonly tensorCount: number;
  /** `file`: it lies between the tensors of the model's file. */
  readonly part: "tensors" | "file" | "profile";
}

export interface DamagedObject {
  readonly object: string;
  readonly problem: string;
  readonly uses: readonly ObjectUse[];
  readonly useCount: number;
  readonly remedy: string;
}

export interface StoreDamage {
  /** Files of the store that are not what was written. */
  readonly files: readonly FileProblem[];
  readonly records: readonly DamagedRecord[];
  readonly objects: readonly DamagedObject[];
  /** Found beyond those that are listed. */
  readonly unlisted: { readonly records: number; readonly objects: number };
}

/** Models that a remedy names. */
const namedMax = 3;

export class DamageList {
  readonly #files: FileProblem[] = [];
  readonly #records: DamagedRecord[] = [];
  readonly #objects = new Map<
    string,
    Omit<DamagedObject, "remedy"> & { readonly uses: ObjectUse[]; useCount: number }
  >();
  readonly #unlisted = { records: 0, objects: 0 };

  addFiles(files: readonly FileProblem[]): void {
    this.#files.push(...files);
  }

  addRecord(record: DamagedRecord): void {
    if (this.#records.length < findingsMax) this.#records.push(record);
    else this.#unlisted.records++;
  }

  /** Found, and known to be no more than counted. */
  countRecords(count: number): void {
    this.#unlisted.records += count;
  }

  /** The same object again adds nothing. @returns whether it is listed */
  addObject(object: string, problem: string): boolean {
    if (this.#objects.has(object)) return true;
    if (this.#objects.size >= findingsMax) {
      this.#unlisted.objects++;
      return false;
    }
    const damaged = { object, problem, uses: [] as ObjectUse[], useCount: 0 };
    this.#objects.set(object, damaged);
    return true;
  }

  addUse(object: string, use: ObjectUse): void {
    const damaged = this.#objects.get(object);
    if (damaged === undefined) return;
    damaged.useCount++;
    if (damaged.uses.length < damageUsesMax)
      damaged.uses.push({ ...use, tensors: use.tensors.slice(0, damageTensorsMax) });
  }

  get all(): StoreDamage {
    return {
      files: this.#files,
      records: this.#records,
      objects: [...this.#objects.values()].map((damaged) => ({
        ...damaged,
        remedy: remedyOf(damaged),
      })),
      unlisted: this.#unlisted,
    };
  }

  get isEmpty(): boolean {
    const { files, records, objects, unlisted } = this.all;
    return files.length + records.length + objects.length + unlisted.records + unlisted.objects === 0;
  }
}

/** Each of their files holds what the object held, or what was kept as a difference from it. */
function remedyOf({ uses, useCount }: Pick<DamagedObject, "uses" | "useCount">): string {
  if (useCount === 0) return "no model that is left needs it";
  const named = uses.slice(0, namedMax).map(({ name, version }) => `${name}@${version}`);
  const more = useCount - named.length;
  const all = more > 0 ? [...named, `${more} more`] : named;
  const models = all.length === 1 ? all[0] : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
  return `add the ${useCount === 1 ? "file" : "files"} of ${models} again, or restore the store from a copy`;
}
