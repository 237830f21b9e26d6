/** safetensors files, right and wrong, from a header's text and its data. */

export function u64(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return new Uint8Array(bytes);
}

export function safetensors(header: string | Uint8Array, data: Uint8Array | number = 0): Uint8Array {
  const text = typeof header === "string" ? Buffer.from(header, "utf8") : header;
  const values = typeof data === "number" ? new Uint8Array(data).map((_, index) => index + 1) : data;
  return new Uint8Array(Buffer.concat([u64(text.length), text, values]));
}

export interface Stated {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** Lays tensors out in the given order. Takes entries where a name would be no plain key of an object. */
export function write(
  tensors: Readonly<Record<string, Stated>> | readonly (readonly [string, Stated])[],
  metadata?: Record<string, string>,
): Uint8Array {
  const entries: readonly (readonly [string, Stated])[] = Array.isArray(tensors)
    ? tensors
    : Object.entries(tensors);
  const members = metadata === undefined ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  let position = 0;
  for (const [name, { dtype, shape, values }] of entries) {
    const stated = { dtype, shape, data_offsets: [position, (position += values.length)] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(stated)}`);
  }
  const data = Buffer.concat(entries.map(([, { values }]) => values));
  return safetensors(`{${members.join(",")}}`, new Uint8Array(data));
}
