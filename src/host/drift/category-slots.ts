/**
 * The slots that a feature's categories are counted in, for several profiles at once (the deployed model's and its ancestors').
 *
 *     every name that is a category of one of them ... | folded names, a slot for each set of profiles that hold them ... | unseen
 *
 * From these each profile's own bins follow exactly: a slot belongs to one bin of each profile.
 */
import { nameHash } from "./name-hashes.js";
import type { CategoricalFeatureProfile } from "./profile.js";

export class CategorySlots {
  /** The last is `unseen`: known to none. */
  readonly count: number;
  readonly #named: ReadonlyMap<string, number>;
  readonly #folded: ReadonlyMap<number, number>;
  readonly #binsByProfile: ReadonlyMap<CategoricalFeatureProfile, Int32Array>;

  constructor(profiles: readonly CategoricalFeatureProfile[]) {
    const names = [...new Set(profiles.flatMap(({ categories }) => categories))];
    this.#named = new Map(names.map((name, slot) => [name, slot]));
    const holders = foldedHolders(profiles);
    const groups = [...new Set(holders.values())];
    this.#folded = new Map(
      Array.from(holders, ([hash, group]) => [hash, names.length + groups.indexOf(group)]),
    );
    this.count = names.length + groups.length + 1;
    this.#binsByProfile = new Map(
      profiles.map((profile, index) => [
        profile,
        Int32Array.from([
          ...binsOfNames(profile, names),
          ...groups.map((group) => (group[index] === "1" ? otherBin(profile) : unknownBin(profile))),
          unknownBin(profile),
        ]),
      ]),
    );
  }

  slotOf(name: string): number {
    return this.#named.get(name) ?? this.#folded.get(nameHash(name)) ?? this.count - 1;
  }

  /** For each slot the profile's bin: its categories, `other` where it has one, and behind them unseen. */
  binsOf(profile: CategoricalFeatureProfile): Int32Array {
    return this.#binsByProfile.get(profile)!;
  }
}

/** For each folded hash a text of a digit a profile: 1 where it holds the hash. */
function foldedHolders(profiles: readonly CategoricalFeatureProfile[]): Map<number, string> {
  const holders = new Map<number, string>();
  profiles.forEach(({ other }, index) => {
    for (const hash of other?.hashes ?? []) {
      const before = holders.get(hash) ?? "0".repeat(profiles.length);
      holders.set(hash, `${before.slice(0, index)}1${before.slice(index + 1)}`);
    }
  });
  return holders;
}

function binsOfNames(profile: CategoricalFeatureProfile, names: readonly string[]): number[] {
  const own = new Map(profile.categories.map((name, bin) => [name, bin]));
  const folded = new Set(profile.other?.hashes);
  return names.map(
    (name) => own.get(name) ?? (folded.has(nameHash(name)) ? otherBin(profile) : unknownBin(profile)),
  );
}

function otherBin({ categories }: CategoricalFeatureProfile): number {
  return categories.length;
}

function unseenBin({ categories, other }: CategoricalFeatureProfile): number {
  return categories.length + (other === null ? 0 : 1);
}

/** Where a profile does not know all that it folded, nothing can be called unseen: what it does not know is other. */
function unknownBin(profile: CategoricalFeatureProfile): number {
  const { other } = profile;
  return other !== null && other.known < other.kinds ? otherBin(profile) : unseenBin(profile);
}
