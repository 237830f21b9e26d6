/** The names behind dictionary codes: as the dictionaries of a stream replace and extend each other, read as far as they are needed. */
import { MendlineError, messageOf } from "../../errors.js";
import { distinctTextsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { ArrowFrames } from "./arrow-frames.js";
import type { DictionaryParts } from "./arrow-message.js";
import { eachText } from "./arrow-texts.js";

export type Names = readonly (string | null)[];

export class ArrowDictionaries {
  readonly #source: ByteSource;
  readonly #dictionaries: ArrowFrames["dictionaries"];
  /** Bytes of an offset, for each dictionary that a wanted column uses. */
  readonly #offsetBytes: ReadonlyMap<number, 4 | 8>;
  readonly #names = new Map<number, (string | null)[]>();
  #read = 0;

  constructor(
    source: ByteSource,
    dictionaries: ArrowFrames["dictionaries"],
    offsetBytes: ReadonlyMap<number, 4 | 8>,
  ) {
    this.#source = source;
    this.#dictionaries = dictionaries;
    this.#offsetBytes = offsetBytes;
  }

  /** Reads on to what holds for record batch `batchIndex`; asked for in rising order. */
  async advance(batchIndex: number): Promise<void> {
    for (; this.#read < this.#dictionaries.length; this.#read++) {
      const dictionary = this.#dictionaries[this.#read]!;
      if (dictionary.batchesBefore > batchIndex) return;
      const offsetBytes = this.#offsetBytes.get(dictionary.id);
      if (offsetBytes !== undefined) await this.#add(dictionary, offsetBytes);
    }
  }

  /** Empty where no dictionary came: only columns without a present value can do without. */
  namesOf(id: number): Names {
    return this.#names.get(id) ?? [];
  }

  async #add(dictionary: DictionaryParts, offsetBytes: 4 | 8): Promise<void> {
    let names = this.#names.get(dictionary.id);
    if (names === undefined || !dictionary.isDelta) this.#names.set(dictionary.id, (names = []));
    try {
      await this.#decode(dictionary, offsetBytes, names);
    } catch (thrown) {
      if (thrown instanceof MendlineError) throw thrown;
      throw new MendlineError(
        "MENDLINE_DATA_MALFORMED",
        `${this.#source.label}: damaged Arrow dictionary: ${messageOf(thrown)}`,
      );
    }
  }

  async #decode(
    { rowCount, nodes, buffers }: DictionaryParts,
    offsetBytes: 4 | 8,
    names: (string | null)[],
  ): Promise<void> {
    const [node] = nodes;
    const [validity, offsets, data] = buffers;
    if (nodes.length !== 1 || buffers.length !== 3 || node!.rowCount !== rowCount) {
      throw new RangeError(`${nodes.length} nodes and ${buffers.length} buffers for ${rowCount} texts`);
    }
    const validityBytes = node!.nullCount === 0 ? 0 : Math.ceil(rowCount / 8);
    if (validityBytes > validity!.byteLength || rowCount * offsetBytes > offsets!.byteLength) {
      throw new RangeError(`${rowCount} texts do not fit their buffers`);
    }
    if (names.length + rowCount > distinctTextsMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `${this.#source.label}: a dictionary holds more than ${distinctTextsMax} texts: its column is an identifier, not a feature; leave it out with --features`,
      );
    }
    const bits = new Uint8Array(validityBytes);
    await this.#source.read(bits, validity!.byteOffset);
    await eachText(
      this.#source,
      { offsets: offsets!, data: data!, offsetBytes },
      0,
      rowCount,
      (text, row) => {
        const isPresent = bits.byteLength === 0 || ((bits[row >>> 3]! >>> (row & 7)) & 1) === 1;
        names.push(isPresent ? text : null);
      },
    );
  }
}
