// Category counts. A column holds codes into its own dictionary; `remap` sends each code to a slot of the reference profile (its
// category, `other`, `unseen`, or `missing` for a dictionary entry that is itself null). Absent rows go to `missingSlot`. A code
// beyond the dictionary, which only damaged data holds, is counted in the word behind the slots, and the host refuses the batch.
//
// Output, u32 each:  counts[0..slotCount-1] | counts[slotCount] codes out of range
//
// Checked by the host: every remap value < slotCount, missingSlot < slotCount.

import { isPresent } from "./bitmap";

// @ts-ignore: decorator
@inline
export function countCategories<T>(
  codesPtr: usize,
  codeCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  remapPtr: usize,
  remapCount: u32,
  missingSlot: u32,
  slotCount: u32,
  countsPtr: usize,
): void {
  memory.fill(countsPtr, 0, (slotCount + 1) << 2);
  for (let index: u32 = 0; index < codeCount; index++) {
    let slot = missingSlot;
    if (validityPtr == 0 || isPresent(validityPtr, bitOffset, index)) {
      // A negative code becomes a huge one: one compare refuses both.
      const code = <u32>load<T>(codesPtr + index * <u32>sizeof<T>());
      slot = code < remapCount ? load<u32>(remapPtr + (code << 2)) : slotCount;
    }
    const countPtr = countsPtr + (slot << 2);
    store<u32>(countPtr, load<u32>(countPtr) + 1);
  }
}
