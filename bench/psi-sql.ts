/** PSI as SQL, by a profile's own bins and with the definition's smoothing: what DuckDB has to compute to give our answer. */
import type { FeatureProfile, NumericFeatureProfile, Profile } from "../src/host/drift/profile.js";
import type { ValueType } from "./data.js";
import { histogramSql } from "./duckdb.js";

const smoothing = 0.5;

/** @param bins  expressions of the current counts, one for each of the reference's */
function psiTerms(
  bins: readonly string[],
  reference: readonly number[],
  rows: { reference: number; current: number },
): string {
  const total = (count: number) => (count + smoothing * bins.length).toExponential();
  const terms = bins.map((bin, index) => {
    const r = `((${reference[index]!.toExponential()} + ${smoothing}) / ${total(rows.reference)})`;
    const c = `((${bin} + ${smoothing}) / ${total(rows.current)})`;
    return `(${c} - ${r}) * ln(${c} / ${r})`;
  });
  return terms.join(" + ");
}

export interface PsiQuery {
  readonly profile: Profile;
  readonly names: readonly string[];
  /** A table, or a function that reads one. */
  readonly from: string;
  readonly rowCount: number;
  readonly typeOf: (name: string) => ValueType;
}

/** One row: PSI of every feature. Features have no missing values, and the reference has every category of the current. */
export function psiSql({ profile, names, from, rowCount, typeOf }: PsiQuery): string {
  const counted = names.map((name) => `${countsSql(name, profile.features.get(name)!, typeOf)} as h_${name}`);
  const psis = names.map((name) => {
    const feature = profile.features.get(name)!;
    const reference = referenceCounts(feature);
    const bins = reference.map((_, index) => binSql(name, feature, index));
    return psiTerms(bins, reference, { reference: feature.rows, current: rowCount });
  });
  return `select ${psis.join(", ")} from (select ${counted.join(", ")} from ${from})`;
}

function countsSql(name: string, feature: FeatureProfile, typeOf: (name: string) => ValueType): string {
  if (feature.kind === "categorical") return `histogram(${name})`;
  return `map_values(${histogramSql(name, numericEdges(feature), typeOf(name))})`;
}

function numericEdges(feature: NumericFeatureProfile): readonly (number | bigint)[] {
  return feature.psi.edges;
}

function referenceCounts(feature: FeatureProfile): readonly number[] {
  if (feature.kind === "numeric") return feature.psi.counts;
  return feature.other === null ? feature.counts : [...feature.counts, feature.other.count];
}

function binSql(name: string, feature: FeatureProfile, index: number): string {
  if (feature.kind === "numeric") return `h_${name}[${index + 1}]::double`;
  const counted = (category: string) => `coalesce(h_${name}['${category.replaceAll("'", "''")}'], 0)`;
  if (index < feature.categories.length) return `${counted(feature.categories[index]!)}::double`;
  return `(${feature.other!.names.map(counted).join(" + ")})::double`;
}
