/** One column of a record batch, looked at where its buffers lie: what Arrow bytes and Arrow tables share. */
import { MendlineError } from "../../errors.js";
import { widen } from "../kernels/halves.js";
import { viewOfBytes } from "../kernels/types.js";
import { type ArrowColumn, type Storage, storedBytes } from "./arrow-layout.js";
import { expandBits } from "./expand.js";
import type { HeldColumn, HeldValues } from "./held.js";

/** Buffers as bytes; those that a storage has none of are empty. */
export interface HeldBuffers {
  readonly rowCount: number;
  readonly nullCount: number;
  readonly validity: Uint8Array;
  /** Values, or a text's offsets. */
  readonly values: Uint8Array;
  /** A text's bytes. */
  readonly data: Uint8Array;
  /** Of validity, and of the bits of booleans. */
  readonly bitOffset: number;
  /** Behind dictionary codes. */
  readonly names: readonly (string | null)[];
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED  a buffer is too short for its rows, or a text's offsets are damaged */
export function heldArrowColumn(
  { field, storage }: ArrowColumn,
  buffers: HeldBuffers,
  label: string,
): HeldColumn {
  const { rowCount, nullCount, validity, values, bitOffset } = buffers;
  const broken = (what: string) =>
    new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: column "${field.name}": ${what}`);
  const bitBytes = Math.ceil((bitOffset + rowCount) / 8);
  const neededBytes = storage.kind === "bits" ? bitBytes : storedBytes(storage, rowCount);
  if (values.byteLength < neededBytes)
    throw broken(`${rowCount} rows need ${neededBytes} bytes, the buffer has ${values.byteLength}`);
  if (nullCount !== 0 && validity.byteLength < bitBytes)
    throw broken(`${rowCount} rows need ${bitBytes} bytes, the buffer has ${validity.byteLength}`);
  return {
    field,
    validity: nullCount === 0 ? null : validity,
    validityBitOffset: bitOffset,
    held: heldValues(storage, buffers, broken),
  };
}

function heldValues(
  storage: Storage,
  buffers: HeldBuffers,
  broken: (what: string) => MendlineError,
): HeldValues {
  const { rowCount, values, bitOffset, names } = buffers;
  switch (storage.kind) {
    case "direct":
      return { kind: "numbers", type: storage.type, values: viewOfBytes(storage.type, values, rowCount) };
    case "codes": {
      const codes = viewOfBytes(storage.type, values, rowCount) as Int32Array;
      return { kind: "codes", type: storage.type, codes, names };
    }
    case "bits": {
      const expanded = new Uint8Array(rowCount);
      expandBits(values, expanded, bitOffset);
      return { kind: "numbers", type: "u8", values: expanded };
    }
    case "half": {
      const widened = new Float32Array(rowCount);
      widen("F16", values, widened);
      return { kind: "numbers", type: "f32", values: widened };
    }
    case "offsets":
      return heldTexts(buffers, storage.offsetBytes, broken);
  }
}

/** Texts whose offsets rise, and end within their bytes. */
export function heldTexts(
  { rowCount, values, data }: Pick<HeldBuffers, "rowCount" | "values" | "data">,
  offsetBytes: 4 | 8,
  broken: (what: string) => Error,
): HeldValues & { kind: "texts" } {
  // Without rows there need not be a first offset.
  const count = rowCount === 0 ? 0 : rowCount + 1;
  if (values.byteLength < count * offsetBytes)
    throw broken(
      `${rowCount} texts need ${count * offsetBytes} bytes of offsets, there are ${values.byteLength}`,
    );
  const offsets = viewOfBytes(offsetBytes === 4 ? "i32" : "i64", values, count) as Int32Array;
  let last = 0;
  for (let index = 0; index < count; index++) {
    const offset = Number(offsets[index]!);
    if (offset < last) throw broken(`text ${index} begins at ${offset}, before ${last}`);
    last = offset;
  }
  if (last > data.byteLength) throw broken(`texts end at ${last}, their data at ${data.byteLength}`);
  return { kind: "texts", offsets, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
}

/** Text `row`; bytes that are no UTF-8 become replacement characters. */
export function textAt({ offsets, bytes }: HeldValues & { kind: "texts" }, row: number): string {
  return bytes.toString("utf8", Number(offsets[row]!), Number(offsets[row + 1]!));
}
