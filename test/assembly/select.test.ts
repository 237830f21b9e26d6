// countInCells and gatherInCells against plain loops over bigints.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cellBytes } from "../../src/host/kernels/kernels.js";
import { get, guard, isGuardWhole, kernels, memory, place, put, random, words } from "./support.js";

interface Cell {
  readonly low: bigint;
  readonly high: bigint;
  readonly shift: number;
  readonly first: number;
}

const top = 2n ** 64n - 1n;

function putCells(cells: readonly Cell[]): void {
  guard(place.edges, cells.length * cellBytes);
  for (const [index, { low, high, shift, first }] of cells.entries()) {
    new BigUint64Array(memory.buffer, place.edges + index * cellBytes, 4).set([low, high, high, low]);
    new Uint32Array(memory.buffer, place.edges + index * cellBytes + 32, 2).set([shift, first]);
  }
}

/** Disjoint cells of many widths, 8 counters each, gaps between most of them. */
function cellsOf(count: number, next: () => number): Cell[] {
  const step = top / BigInt(count);
  return Array.from({ length: count }, (_, index) => {
    const low = step * BigInt(index) + (next() < 0.5 ? 0n : step / 4n);
    const shift = Math.floor(next() * 50);
    const most = low + (8n << BigInt(shift)) - 1n;
    const end = step * BigInt(index + 1) - 1n;
    return { low, high: most < end ? most : end, shift, first: index * 8 };
  });
}

function keysFor(cells: readonly Cell[], count: number, next: () => number): bigint[] {
  const hard = [0n, 1n, top, top - 1n, 2n ** 63n];
  return Array.from({ length: count }, () => {
    const { low, high, shift } = cells[Math.floor(next() * cells.length)]!;
    const kind = next();
    if (kind < 0.1) return hard[Math.floor(next() * hard.length)]!;
    if (kind < 0.4)
      return [low, high, low > 0n ? low - 1n : 0n, high < top ? high + 1n : top][Math.floor(next() * 4)]!;
    const inside = low + BigInt(Math.floor(next() * 9 * 2 ** Math.min(shift, 40)));
    return inside > top ? top : inside;
  });
}

const isIn = (key: bigint, { low, high }: Cell) => low <= key && key <= high;

for (const cellCount of [1, 2, 3, 5, 64, 354]) {
  test(`${cellCount} cells: counters, extremes, keys below, gathered keys`, () => {
    const next = random(61 + cellCount);
    for (const keyCount of [0, 1, 2, 3, 17, 3_000]) {
      const cells = cellsOf(cellCount, next);
      const keys = keysFor(cells, keyCount, next);
      put("u64", place.values, keys);
      putCells(cells);
      const counterBytes = cellCount * 8 * 4;
      guard(place.out, counterBytes);
      new Uint8Array(memory.buffer, place.out, counterBytes).fill(0);
      const expected = new Array<number>(cellCount * 8).fill(0);
      for (const key of keys) {
        const cell = cells.find((one) => isIn(key, one));
        if (cell !== undefined) expected[cell.first + Number((key - cell.low) >> BigInt(cell.shift))]! += 1;
      }
      for (const times of [1, 2]) {
        const below = kernels.countInCells(
          place.values,
          keyCount,
          place.edges,
          cellCount,
          place.out,
          cellCount * 8,
        );
        assert.is(below, keys.filter((key) => key < cells[0]!.low).length);
        assert.equal(
          words(place.out, cellCount * 8),
          expected.map((count) => count * times),
        );
      }
      assert.ok(isGuardWhole(place.out, counterBytes) && isGuardWhole(place.edges, cellCount * cellBytes));
      for (const [index, cell] of cells.entries()) {
        const inside = keys.filter((key) => isIn(key, cell)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        const [min, max] = get("u64", place.edges + index * cellBytes + 16, 2);
        assert.equal([min, max], inside.length === 0 ? [cell.high, cell.low] : [inside[0], inside.at(-1)]);
      }
      const gathered = keys.filter((key) => cells.some((cell) => isIn(key, cell)));
      for (const room of [gathered.length, Math.floor(gathered.length / 2), 0]) {
        guard(place.out, room * 8);
        const found = kernels.gatherInCells(place.values, keyCount, place.edges, cellCount, place.out, room);
        assert.is(found, gathered.length);
        assert.equal(get("u64", place.out, room), gathered.slice(0, room));
        assert.ok(isGuardWhole(place.out, room * 8), "keys beyond the room");
      }
    }
  });
}

test("a cell that names counters beyond the last writes none of them", () => {
  put("u64", place.values, [5n, 6n, 7n]);
  putCells([{ low: 0n, high: top, shift: 0, first: 2 }]);
  guard(place.out, 32);
  new Uint8Array(memory.buffer, place.out, 32).fill(0);
  kernels.countInCells(place.values, 3, place.edges, 1, place.out, 8);
  assert.equal(words(place.out, 8), [0, 0, 0, 0, 0, 0, 0, 1]);
  assert.ok(isGuardWhole(place.out, 32));
});

test.run();
