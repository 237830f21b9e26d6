/** Texts to codes, in order of first appearance: one dictionary a text column, growing as its source is read. */
import { MendlineError } from "../../errors.js";
import { distinctTextBytesMax, distinctTextsMax } from "../../limits.js";

export class TextDictionary {
  readonly names: string[] = [];
  readonly #codes = new Map<string, number>();
  readonly #column: string;
  #textBytes = 0;

  constructor(column: string) {
    this.#column = column;
  }

  codeOf(name: string): number {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    this.#textBytes += Buffer.byteLength(name);
    if (this.names.length === distinctTextsMax || this.#textBytes > distinctTextBytesMax) {
      throw this.#refusal(
        `more than ${distinctTextsMax} different texts, or ${distinctTextBytesMax} bytes of them: it is an identifier`,
      );
    }
    const code = this.names.length;
    this.names.push(name);
    this.#codes.set(name, code);
    return code;
  }

  #refusal(what: string): MendlineError {
    return new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `column "${this.#column}" holds ${what}, and is no feature; leave it out with --features`,
      { details: { column: this.#column } },
    );
  }
}
