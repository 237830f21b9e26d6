/**
 * Reads the members of a decoded record. Its hash says that mendline wrote it, yet the store may be somebody else's folder:
 * a member of the wrong type is a damaged record, never an undefined further on.
 */
import { corrupt, type Json, type Stored } from "./codec.js";
import { isPlainObject } from "./plain-object.js";

export function hashBytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

export class Fields {
  readonly #key: Buffer;
  readonly #members: Readonly<Record<string | number, Stored>>;

  constructor(key: Buffer, value: Stored | undefined) {
    this.#key = key;
    if (!Array.isArray(value) && !isPlainObject(value)) throw corrupt(key, "has an unknown shape");
    this.#members = value as Readonly<Record<string | number, Stored>>;
  }

  text(name: string | number): string {
    const value = this.#member(name);
    return typeof value === "string" ? value : this.#refuse(name);
  }

  /** Text that is of a kind. */
  matching(name: string | number, accepts: (text: string) => boolean): string {
    const value = this.text(name);
    return accepts(value) ? value : this.#refuse(name);
  }

  textOrNull(name: string | number): string | null {
    return this.isNull(name) ? null : this.text(name);
  }

  number(name: string | number): number {
    const value = this.#member(name);
    return typeof value === "number" ? value : this.#refuse(name);
  }

  hash(name: string | number): string {
    const value = this.#member(name);
    return value instanceof Uint8Array && value.length === 32
      ? Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")
      : this.#refuse(name);
  }

  hashOrNull(name: string | number): string | null {
    return this.isNull(name) ? null : this.hash(name);
  }

  bytes(name: string | number): Uint8Array {
    const value = this.#member(name);
    return value instanceof Uint8Array ? value : this.#refuse(name);
  }

  oneOf<T extends string>(name: string | number, allowed: readonly T[]): T {
    const value = this.text(name);
    return allowed.find((candidate) => candidate === value) ?? this.#refuse(name);
  }

  /** Of a member that not every record has. */
  has(name: string | number): boolean {
    return Object.hasOwn(this.#members, name);
  }

  isNull(name: string | number): boolean {
    return this.#member(name) === null;
  }

  inner(name: string | number): Fields {
    return new Fields(this.#key, this.#member(name));
  }

  list(name: string | number): readonly Stored[] {
    const value = this.#member(name);
    return Array.isArray(value) ? value : this.#refuse(name);
  }

  rows(name: string | number): Fields[] {
    return this.list(name).map((row) => new Fields(this.#key, row));
  }

  textList(name: string | number): string[] {
    return this.list(name).map((value) => (typeof value === "string" ? value : this.#refuse(name)));
  }

  numberList(name: string | number): number[] {
    return this.list(name).map((value) => (typeof value === "number" ? value : this.#refuse(name)));
  }

  numbers(name: string): Record<string, number> {
    const value = this.#object(name);
    for (const member of Object.values(value)) if (typeof member !== "number") this.#refuse(name);
    return value as Record<string, number>;
  }

  texts(name: string): Record<string, string> {
    const value = this.#object(name);
    for (const member of Object.values(value)) if (typeof member !== "string") this.#refuse(name);
    return value as Record<string, string>;
  }

  jsonObject(name: string): Record<string, Json> {
    const value = this.#object(name);
    return isJson(value) ? (value as Record<string, Json>) : this.#refuse(name);
  }

  json(name: string | number): Json {
    const value = this.#member(name);
    return isJson(value) ? value : this.#refuse(name);
  }

  #object(name: string): object {
    const value = this.#member(name);
    return isPlainObject(value) ? value : this.#refuse(name);
  }

  #member(name: string | number): Stored {
    if (!Object.hasOwn(this.#members, name)) this.#refuse(name);
    return this.#members[name]!;
  }

  #refuse(name: string | number): never {
    throw corrupt(this.#key, `has no valid ${name}`);
  }
}

/** Whether no bytes are inside. */
function isJson(value: Stored | object): value is Json {
  if (typeof value !== "object" || value === null) return true;
  if (value instanceof Uint8Array) return false;
  return Object.values(value).every(isJson);
}
