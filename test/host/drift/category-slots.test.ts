import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CategorySlots } from "../../../src/host/drift/category-slots.js";
import { hashesOf, nameHash } from "../../../src/host/drift/name-hashes.js";
import type { CategoricalFeatureProfile } from "../../../src/host/drift/profile.js";

function profileOf(
  categories: readonly string[],
  folded: readonly string[] | null,
  kinds = folded?.length ?? 0,
): CategoricalFeatureProfile {
  const counts = categories.map(() => 1);
  const known = folded?.length ?? 0;
  return {
    kind: "categorical",
    logical: "text",
    rows: counts.length + kinds,
    missing: 0,
    categories,
    counts,
    other: folded === null ? null : { count: kinds, kinds, known, hashes: hashesOf(folded) },
  };
}

/** From the definition: its own bin, other, or unseen. */
function binOf(profile: CategoricalFeatureProfile, name: string): number {
  const { categories, other } = profile;
  const own = categories.indexOf(name);
  if (own >= 0) return own;
  const isOther = other !== null && (other.known < other.kinds || other.hashes.includes(nameHash(name)));
  return isOther ? categories.length : categories.length + (other === null ? 0 : 1);
}

const names = ["a", "b", "c", "d", "", "__proto__", "constructor", "é", "new"];

test("property: each name is counted in the bin that each profile has for it", () => {
  const some = fc.subarray(names.slice(0, -1));
  const profiles = fc.array(
    fc.tuple(some, some, fc.boolean(), fc.boolean()).map(([categories, folded, has, isCut]) => {
      const rest = folded.filter((name) => !categories.includes(name));
      return profileOf(categories, has ? rest : null, isCut ? rest.length + 5 : rest.length);
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(profiles, (list) => {
      const slots = new CategorySlots(list);
      for (const name of names) {
        const slot = slots.slotOf(name);
        assert.ok(slot >= 0 && slot < slots.count);
        for (const profile of list) assert.is(slots.binsOf(profile)[slot], binOf(profile, name), name);
      }
    }),
  );
});

test("ten thousand folded names take one slot, those of an ancestor few more", () => {
  const folded = Array.from({ length: 9_800 }, (_, kind) => `kind ${kind}`);
  const own = profileOf(["a"], folded);
  assert.is(new CategorySlots([own]).count, 3);
  const ancestor = profileOf(["a"], folded.slice(5_000));
  // Names, those of both, those of one, unseen. What shares a hash may be of another set.
  assert.ok(new CategorySlots([own, ancestor]).count <= 5);
});

test("where more was folded than is known, nothing is unseen", () => {
  const profile = profileOf(["a"], ["b"], 50_000);
  const slots = new CategorySlots([profile]);
  assert.is(slots.binsOf(profile)[slots.slotOf("never there")], 1);
});

test.run();
