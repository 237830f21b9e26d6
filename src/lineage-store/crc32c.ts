/** CRC-32C (Castagnoli), by which LevelDB checks what it writes; four bytes a step by four tables. Source: RFC 3720, appendix B.4. */

const polynomial = 0x82f63b78;

const tables = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  tables[0]![byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  for (let table = 1; table < 4; table++) {
    const before = tables[table - 1]![byte]!;
    tables[table]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
  }
}
const [table0, table1, table2, table3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  const whole = bytes.length & ~3;
  for (let index = 0; index < whole; index += 4) {
    crc ^= bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24);
    crc =
      table3[crc & 0xff]! ^ table2[(crc >>> 8) & 0xff]! ^ table1[(crc >>> 16) & 0xff]! ^ table0[crc >>> 24]!;
  }
  for (let index = whole; index < bytes.length; index++)
    crc = (crc >>> 8) ^ table0[(crc ^ bytes[index]!) & 0xff]!;
  return ~crc >>> 0;
}

/** As LevelDB stores it: a checksum of bytes that hold checksums would be weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  return masked(crc32c(bytes));
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The first place in `from < place <= to` where the masked checksum of everything from `from` up to it stands; null where none does. */
export function maskedCrc32cPlace(bytes: Buffer, from: number, to: number): number | null {
  let crc = 0xffffffff;
  for (let place = from; place < to; ) {
    crc = (crc >>> 8) ^ table0[(crc ^ bytes[place]!) & 0xff]!;
    place++;
    if (place + 4 <= bytes.length && masked(~crc >>> 0) === bytes.readUInt32LE(place)) return place;
  }
  return null;
}
