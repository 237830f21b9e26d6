/** Texts to codes, in order of first appearance: one dictionary a text column, growing as its source is read. */
import { MendlineError } from "../../errors.js";
import { distinctTextsMax } from "../../limits.js";

export class TextDictionary {
  readonly names: string[] = [];
  readonly #codes = new Map<string, number>();
  readonly #column: string;

  constructor(column: string) {
    this.#column = column;
  }

  codeOf(name: string): number {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    if (this.names.length === distinctTextsMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `column "${this.#column}" holds more than ${distinctTextsMax} different texts: it is an identifier, not a feature; leave it out with --features`,
        { details: { column: this.#column } },
      );
    }
    const code = this.names.length;
    this.names.push(name);
    this.#codes.set(name, code);
    return code;
  }
}
