/**
 * What an application counts by itself when it has no monitor: PSI bins alone, by a scan of the edges. Less than ours does, which
 * keeps the KS grid, missing and infinite values too, for ancestors as well, and refuses what does not fit.
 */
import { tableFromIPC } from "apache-arrow";
import type { NumericFeatureProfile, Profile } from "../src/host/drift/profile.js";
import type { Row } from "../src/index.js";

interface NaiveFeature {
  readonly name: string;
  readonly edges: Float64Array;
  readonly counts: Float64Array;
}

export class NaiveMonitor {
  readonly #features: readonly NaiveFeature[];

  constructor(profile: Profile) {
    this.#features = Array.from(profile.features, ([name, feature]) => {
      const edges = Float64Array.from((feature as NumericFeatureProfile).psi.edges, Number);
      return { name, edges, counts: new Float64Array(edges.length + 1) };
    });
  }

  addRows(rows: readonly Row[]): void {
    for (const row of rows)
      for (const { name, edges, counts } of this.#features) counts[binOf(Number(row[name]), edges)]!++;
  }

  addColumns(columns: Readonly<Record<string, Float32Array>>): void {
    for (const { name, edges, counts } of this.#features) {
      const values = columns[name]!;
      for (let row = 0; row < values.length; row++) counts[binOf(values[row]!, edges)]!++;
    }
  }

  /** With the Arrow project's own library. */
  addArrow(bytes: Uint8Array): void {
    const table = tableFromIPC(bytes);
    for (const { name, edges, counts } of this.#features)
      for (const { values } of table.getChild(name)!.data)
        for (let row = 0; row < values.length; row++) counts[binOf(values[row], edges)]!++;
  }

  /** All bins, one feature after the other. */
  get bins(): number[] {
    return this.#features.flatMap(({ counts }) => [...counts]);
  }

  /** A number that depends on what was counted. */
  get sum(): number {
    return this.#features[0]!.counts[0]!;
  }
}

function binOf(value: number, edges: Float64Array): number {
  let bin = 0;
  while (bin < edges.length && value >= edges[bin]!) bin++;
  return bin;
}
