/**
 * Values that were in use lately, within a bound of weight. Two generations: what is used moves to the young one; when that is half
 * of the bound, it becomes the old one, and what was old and not used since is let go.
 */
export class Recent<Key, Value> {
  readonly #youngWeightMax: number;
  #young = new Map<Key, { readonly value: Value; readonly weight: number }>();
  #old = new Map<Key, { readonly value: Value; readonly weight: number }>();
  #youngWeight = 0;

  /** @param weightMax  of all values together; a value of half of it or more is not kept */
  constructor(weightMax: number) {
    this.#youngWeightMax = weightMax / 2;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, old.value, old.weight);
    return old.value;
  }

  set(key: Key, value: Value, weight: number): void {
    this.#youngWeight -= this.#young.get(key)?.weight ?? 0;
    this.#young.delete(key);
    this.#old.delete(key);
    if (weight >= this.#youngWeightMax) return;
    this.#young.set(key, { value, weight });
    this.#youngWeight += weight;
    if (this.#youngWeight <= this.#youngWeightMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngWeight = 0;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngWeight = 0;
  }
}
