// Validity bitmaps as Arrow lays them out: bit i of the column is bit (bitOffset + i) of the map, least significant bit first;
// 1 = present. A sliced column keeps its parent's whole map, hence the bit offset. validityPtr 0 = every row is present.

/** Whether row `index` is present. */
// @ts-ignore: decorator
@inline
export function isPresent(validityPtr: usize, bitOffset: u32, index: u32): bool {
  const bit = bitOffset + index;
  return ((load<u8>(validityPtr + (bit >> 3)) >> (bit & 7)) & 1) != 0;
}

/**
 * The next `lanes` validity bits from row `index`, in the low bits. Reads one byte, or two where the bits straddle a byte border,
 * and never a byte past the last bit asked for. lanes <= 8.
 */
// @ts-ignore: decorator
@inline
export function presentBits(validityPtr: usize, bitOffset: u32, index: u32, lanes: u32): u32 {
  const bit = bitOffset + index;
  const shift = bit & 7;
  const bytePtr = validityPtr + (bit >> 3);
  let bits: u32 = load<u8>(bytePtr);
  if (shift + lanes > 8) bits |= (<u32>load<u8>(bytePtr, 1)) << 8;
  return (bits >> shift) & ((1 << lanes) - 1);
}

/** Present rows among `count`. */
export function countPresent(validityPtr: usize, bitOffset: u32, count: u32): u32 {
  let present: u32 = 0;
  let index: u32 = 0;
  while (index < count && ((bitOffset + index) & 7) != 0) {
    present += <u32>isPresent(validityPtr, bitOffset, index);
    index++;
  }
  const bytePtr = validityPtr + ((bitOffset + index) >> 3);
  const wholeBytes = (count - index) >> 3;
  let byte: u32 = 0;
  for (; byte + 8 <= wholeBytes; byte += 8) present += <u32>popcnt<u64>(load<u64>(bytePtr + byte));
  for (; byte < wholeBytes; byte++) present += popcnt<u32>(load<u8>(bytePtr + byte));
  for (index += wholeBytes << 3; index < count; index++) present += <u32>isPresent(validityPtr, bitOffset, index);
  return present;
}
