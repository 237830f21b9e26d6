import { test } from "uvu";
import * as assert from "uvu/assert";
import { rankedCategories } from "../../../src/host/drift/ranked-categories.js";
import { random } from "../../assembly/support.js";

function ranked(counts: ReadonlyMap<string, number>, most: number): { names: string[]; steps: number } {
  const steps = rankedCategories(counts, most);
  let taken = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return { names: step.value.map(({ name }) => name), steps: taken };
    taken += 1;
  }
}

function naive(counts: ReadonlyMap<string, number>, most: number): string[] {
  return [...counts]
    .sort((left, right) => right[1] - left[1] || Buffer.compare(Buffer.from(left[0]), Buffer.from(right[0])))
    .slice(0, most)
    .map(([name]) => name);
}

test("the most frequent, ties by bytes, whatever their number and order", () => {
  const next = random(197);
  for (const size of [0, 1, 30, 5_000, 20_000]) {
    for (const kinds of [1, 3, 1_000]) {
      const counts = new Map<string, number>();
      for (let i = 0; i < size; i++) counts.set(`${next()}`, 1 + Math.floor(next() * kinds));
      for (const most of [1, 200, 10_000]) {
        assert.equal(ranked(counts, most).names, naive(counts, most), `${size}, ${kinds}, ${most}`);
      }
    }
  }
});

test("ties go by UTF-8, which is not how JavaScript compares", () => {
  const counts = new Map([
    ["\u{1f600}", 1],
    ["\uffff", 1],
    ["", 1],
  ]);
  assert.equal(ranked(counts, 3).names, ["", "\uffff", "\u{1f600}"]);
});

test("it stops to let others work, a thousand names apart at most", () => {
  const counts = new Map(Array.from({ length: 50_000 }, (_, i) => [`${i}`, 1]));
  assert.ok(ranked(counts, 10_000).steps >= 48);
});

test.run();
