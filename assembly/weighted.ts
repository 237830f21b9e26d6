// Weighted sum of several parameter vectors in one pass: out = w_0 x_0 + w_1 x_1 + ..., added in that order, every step rounded to T.
//
//   table, 16 bytes a vector:    |  0: u32 pointer  |  4: unused  |  8: T weight  |
//
// Four registers a step: the table is read once for 64 bytes of every vector. Reads one element of each vector and writes one; all
// reads of a step come before its writes, so out may be one of the vectors. Returns 1 = all that was written is finite.

import { add, Form, loadOne, mul, storeOne, storeStep, widthShift } from "./vectors-lanes";

const entryBytes: usize = 16;

// @ts-ignore: decorator
@inline
function loadWeight(form: i32, entryPtr: usize): v128 {
  return loadOne(form, entryPtr + 8);
}

// @ts-ignore: decorator
@inline
function weightedSum(form: i32, tablePtr: usize, vectorCount: u32, count: u32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const tableEnd = tablePtr + <usize>vectorCount * entryBytes;
  const bytesEnd = <usize>count << widthShift(form);
  const end = bytesEnd & ~63;
  for (let at: usize = 0; at < end; at += 64) {
    const start = <usize>load<u32>(tablePtr) + at;
    const startWeight = loadWeight(form, tablePtr);
    let sum0 = mul(form, startWeight, v128.load(start));
    let sum1 = mul(form, startWeight, v128.load(start, 16));
    let sum2 = mul(form, startWeight, v128.load(start, 32));
    let sum3 = mul(form, startWeight, v128.load(start, 48));
    for (let entryPtr = tablePtr + entryBytes; entryPtr < tableEnd; entryPtr += entryBytes) {
      const from = <usize>load<u32>(entryPtr) + at;
      const weight = loadWeight(form, entryPtr);
      sum0 = add(form, sum0, mul(form, weight, v128.load(from)));
      sum1 = add(form, sum1, mul(form, weight, v128.load(from, 16)));
      sum2 = add(form, sum2, mul(form, weight, v128.load(from, 32)));
      sum3 = add(form, sum3, mul(form, weight, v128.load(from, 48)));
    }
    bad = v128.or(bad, storeStep(form, outPtr + at, sum0, sum1));
    bad = v128.or(bad, storeStep(form, outPtr + at + 32, sum2, sum3));
  }
  for (let at = end; at < bytesEnd; at += 1 << widthShift(form)) {
    let sum = mul(form, loadWeight(form, tablePtr), loadOne(form, <usize>load<u32>(tablePtr) + at));
    for (let entryPtr = tablePtr + entryBytes; entryPtr < tableEnd; entryPtr += entryBytes) {
      const value = loadOne(form, <usize>load<u32>(entryPtr) + at);
      sum = add(form, sum, mul(form, loadWeight(form, entryPtr), value));
    }
    bad = v128.or(bad, storeOne(form, outPtr + at, sum));
  }
  return <i32>!v128.any_true(bad);
}

/** vectorCount >= 1 */
export function weightedSumF32(tablePtr: usize, vectorCount: u32, count: u32, outPtr: usize): i32 {
  return weightedSum(Form.F32, tablePtr, vectorCount, count, outPtr);
}

export function weightedSumF64(tablePtr: usize, vectorCount: u32, count: u32, outPtr: usize): i32 {
  return weightedSum(Form.F64, tablePtr, vectorCount, count, outPtr);
}
