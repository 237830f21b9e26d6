/** Reads members of a document that somebody else wrote: a member of another type is told by file and place. */
import { MendlineError } from "../../errors.js";
import { isPlainObject } from "../plain-object.js";
import { isHash, shown } from "../rules.js";

export class Foreign {
  /** `README.md: model-index[0].results` */
  readonly place: string;
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(place: string, value: unknown) {
    this.place = place;
    if (!isPlainObject(value))
      throw malformed(place, `is ${kindOf(value)}, not an object of names and values`);
    this.#members = value;
  }

  has(name: string): boolean {
    return this.value(name) != null;
  }

  value(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }

  names(): string[] {
    return Object.keys(this.#members);
  }

  textOrNull(name: string): string | null {
    const value = this.value(name);
    if (value == null) return null;
    if (typeof value !== "string") throw this.malformed(name, `is ${kindOf(value)}, not text`);
    return value;
  }

  text(name: string): string {
    const text = this.textOrNull(name);
    if (text === null || text === "") throw this.malformed(name, "is missing or empty");
    return text;
  }

  /** A content hash. */
  hashOrNull(name: string): string | null {
    const text = this.textOrNull(name);
    if (text === null || isHash(text)) return text;
    throw this.malformed(name, `is ${kindOf(text)}, no sha256 of 64 lower-case hex digits`);
  }

  inner(name: string): Foreign {
    return new Foreign(this.#placeOf(name), this.value(name));
  }

  /** Objects in a list; a missing list is an empty one. */
  list(name: string): Foreign[] {
    const value = this.value(name) ?? [];
    if (!Array.isArray(value)) throw this.malformed(name, `is ${kindOf(value)}, not a list`);
    return value.map((item: unknown, index) => new Foreign(`${this.#placeOf(name)}[${index}]`, item));
  }

  malformed(name: string, problem: string): MendlineError {
    return malformed(this.#placeOf(name), problem);
  }

  #placeOf(name: string): string {
    return `${this.place}${this.place.endsWith(":") ? " " : "."}${name}`;
  }
}

export function malformed(place: string, problem: string, cause?: unknown): MendlineError {
  return new MendlineError("MENDLINE_DATA_MALFORMED", `${place} ${problem}`, { details: { place }, cause });
}

export function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${shown(value)}`;
  return typeof value === "object" ? "an object" : `${typeof value} ${String(value)}`;
}
