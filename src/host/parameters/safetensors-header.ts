/**
 * The JSON header of safetensors, read by a parser that knows only that header's grammar. `JSON.parse` would hide
 * duplicate keys, and would build whatever a hostile 100 MB header asks for before anything could be checked.
 */
import { tensorRankMax, tensorsMax } from "../../limits.js";
import { quoted } from "./tensor-index.js";

/** One tensor as its header states it, nothing checked but the grammar. */
export interface HeaderTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Into the data that follows the header; end exclusive. */
  readonly begin: number;
  readonly end: number;
}

/** What is wrong and at which byte of the header's text (UTF-16 unit, the same for ASCII); `limit` where only we refuse. */
export class HeaderProblem {
  readonly text: string;
  readonly at: number;
  readonly limit: boolean;

  constructor(text: string, at: number, limit = false) {
    this.text = text;
    this.at = at;
    this.limit = limit;
  }
}

const tensorFields = ["dtype", "shape", "data_offsets"] as const;

/** @throws HeaderProblem */
export function parseHeader(text: string): HeaderTensor[] {
  const scanner = new Scanner(text);
  const tensors: HeaderTensor[] = [];
  scanner.object("the header", (name) => {
    if (name === "__metadata__") {
      scanner.object("__metadata__", () => {
        scanner.string("a value of __metadata__");
      });
      return;
    }
    if (tensors.length === tensorsMax)
      throw new HeaderProblem(`more than ${tensorsMax} tensors`, scanner.position, true);
    tensors.push(parseTensor(scanner, name));
  });
  scanner.end();
  return tensors;
}

function parseTensor(scanner: Scanner, name: string): HeaderTensor {
  const where = `tensor ${quoted(name)}`;
  const start = scanner.position;
  let dtype: string | null = null;
  let shape: number[] | null = null;
  let offsets: number[] | null = null;
  scanner.object(where, (field) => {
    if (field === "dtype") dtype = scanner.string(`dtype of ${where}`);
    else if (field === "shape") shape = scanner.integers(`shape of ${where}`, tensorRankMax);
    else if (field === "data_offsets") offsets = scanner.integers(`data_offsets of ${where}`, 2);
    else
      throw new HeaderProblem(
        `${where} has a field ${quoted(field)} where only ${tensorFields.join(", ")} are allowed`,
        scanner.position,
      );
  });
  return complete(name, dtype, shape, offsets, start);
}

function complete(
  name: string,
  dtype: string | null,
  shape: number[] | null,
  offsets: number[] | null,
  at: number,
): HeaderTensor {
  if (dtype === null || shape === null || offsets === null) {
    const missing = tensorFields[[dtype, shape, offsets].indexOf(null)];
    throw new HeaderProblem(`tensor ${quoted(name)} has no ${missing}`, at);
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined)
    throw new HeaderProblem(`data_offsets of tensor ${quoted(name)} must be [begin, end]`, at);
  return { name, dtype, shape, begin, end };
}

class Scanner {
  position = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Calls `member` with each key, to read its value; keys are unique after their escapes are undone. */
  object(what: string, member: (key: string) => void): void {
    const keys = new Set<string>();
    this.expect("{", what);
    if (this.accept("}")) return;
    do {
      const at = this.position;
      const key = this.string(`a key in ${what}`);
      if (keys.has(key)) throw new HeaderProblem(`duplicate key ${quoted(key)} in ${what}`, at);
      keys.add(key);
      this.expect(":", what);
      member(key);
    } while (this.accept(","));
    this.expect("}", what);
  }

  integers(what: string, countMax: number): number[] {
    const values: number[] = [];
    this.expect("[", what);
    if (this.accept("]")) return values;
    do {
      if (values.length === countMax)
        throw new HeaderProblem(`${what} has more than ${countMax} numbers`, this.position, countMax > 2);
      values.push(this.integer(what));
    } while (this.accept(","));
    this.expect("]", what);
    return values;
  }

  string(what: string): string {
    this.expect('"', what);
    const start = this.position;
    let escaped = false;
    for (; ; this.position++) {
      const unit = this.text.charCodeAt(this.position);
      if (unit === 0x22) break;
      // NaN past the end; control characters must be escaped.
      if (!(unit >= 0x20)) throw new HeaderProblem(`${what} is no complete JSON string`, this.position);
      if (unit === 0x5c) {
        escaped = true;
        this.position++;
      }
    }
    const raw = this.text.slice(start, this.position++);
    return escaped ? withoutEscapes(raw, what, start) : raw;
  }

  end(): void {
    this.skipSpace();
    if (this.position < this.text.length)
      throw new HeaderProblem("there is more after the header's closing brace", this.position);
  }

  private integer(what: string): number {
    this.skipSpace();
    const start = this.position;
    while (isDigit(this.text.charCodeAt(this.position))) this.position++;
    const digits = this.text.slice(start, Math.min(this.position, start + 20));
    const value = Number(digits);
    const canonical = digits === "0" || (digits !== "" && !digits.startsWith("0"));
    const stops = [",", "]", " ", "\t", "\n", "\r"].includes(this.text.charAt(this.position));
    if (!canonical || !stops || !Number.isSafeInteger(value))
      throw new HeaderProblem(`${what} must hold whole numbers from 0 to ${Number.MAX_SAFE_INTEGER}`, start);
    return value;
  }

  private expect(mark: string, what: string): void {
    if (!this.accept(mark))
      throw new HeaderProblem(`${what}: expected ${mark === '"' ? "a string" : mark}`, this.position);
  }

  private accept(mark: string): boolean {
    this.skipSpace();
    if (this.text.charAt(this.position) !== mark) return false;
    this.position++;
    return true;
  }

  private skipSpace(): void {
    for (;;) {
      const unit = this.text.charCodeAt(this.position);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.position++;
    }
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function withoutEscapes(raw: string, what: string, at: number): string {
  let value: unknown;
  try {
    value = JSON.parse(`"${raw}"`);
  } catch {
    throw new HeaderProblem(`${what} has an escape that JSON does not know`, at);
  }
  // A lone surrogate has no UTF-8, so two such names would be one name in an identity.
  if (typeof value !== "string" || /\p{Surrogate}/u.test(value))
    throw new HeaderProblem(`${what} holds half a surrogate pair`, at);
  return value;
}
