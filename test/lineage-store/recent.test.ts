import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Recent } from "../../src/lineage-store/recent.js";

test("what is in use stays, what is not goes", () => {
  const recent = new Recent<number, string>(8);
  for (let key = 0; key < 100; key++) {
    recent.set(key, `value ${key}`, 1);
    assert.is(recent.get(0), "value 0");
  }
  assert.is(recent.get(50), undefined);
  assert.is(recent.get(99), "value 99");
  recent.clear();
  assert.is(recent.get(99), undefined);
});

test("never a wrong value, never more than the weight, whatever is asked in whatever order", () => {
  const operation = fc.record({ key: fc.nat({ max: 12 }), weight: fc.nat({ max: 12 }), isSet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const weightMax = 20;
      const recent = new Recent<number, { key: number; weight: number }>(weightMax);
      const last = new Map<number, { key: number; weight: number }>();
      for (const { key, weight, isSet } of operations) {
        const value = { key, weight };
        if (isSet) {
          recent.set(key, value, weight);
          if (weight < weightMax / 2) last.set(key, value);
          else last.delete(key);
        } else {
          const found = recent.get(key);
          assert.ok(found === undefined || found === last.get(key));
        }
      }
      const kept = [...last.keys()].filter((key) => recent.get(key) !== undefined);
      const weight = kept.reduce((sum, key) => sum + last.get(key)!.weight, 0);
      assert.ok(weight <= weightMax, `${weight}`);
    }),
  );
});

test.run();
