/**
 * PSI as SQL, by a profile's own bins and with the definition's smoothing: what DuckDB has to compute to give our answer. Numbers are
 * counted by histogram(), texts by group by, its quickest ways; the reference's counts are in its memory beforehand.
 */
import { nameHash } from "../src/host/drift/name-hashes.js";
import type { CategoricalFeatureProfile, NumericFeatureProfile, Profile } from "../src/host/drift/profile.js";
import type { ValueType } from "./data.js";
import { type Duck, histogramSql } from "./duckdb.js";

const smoothing = 0.5;
/** The bin of what the reference never held. */
const unseenBin = -1;

export interface PsiQuery {
  readonly profile: Profile;
  readonly names: readonly string[];
  /** A table, or a function that reads one. */
  readonly from: string;
  readonly rowCount: number;
  /** Of all numbers. */
  readonly numbers: ValueType;
}

/** A query that yields one row: PSI of every feature. Features have no missing values. */
export async function preparePsi(duck: Duck, query: PsiQuery): Promise<string> {
  const numeric: string[] = [];
  const psis: string[] = [];
  for (const name of query.names) {
    const feature = query.profile.features.get(name)!;
    if (feature.kind === "numeric") {
      numeric.push(`map_values(${histogramSql(name, feature.psi.edges, query.numbers)}) as h_${name}`);
      psis.push(numericPsi(name, feature, query.rowCount));
    } else {
      await loadCategories(duck, name, feature, query);
      psis.push(categoricalPsi(name, feature, query));
    }
  }
  const counted = numeric.length === 0 ? "" : ` from (select ${numeric.join(", ")} from ${query.from})`;
  return `select ${psis.join(", ")}${counted}`;
}

/** From counts of the current and the reference, SQL expressions both, over so many bins. */
function termSql(
  current: string,
  reference: string,
  rows: { current: number; reference: number },
  bins: number | string,
): string {
  const share = (count: string, of: number) =>
    `((${count} + ${smoothing}) / (${of.toExponential()} + ${smoothing} * ${bins}))`;
  const [c, r] = [share(current, rows.current), share(reference, rows.reference)];
  return `(${c} - ${r}) * ln(${c} / ${r})`;
}

function numericPsi(name: string, { psi, rows }: NumericFeatureProfile, rowCount: number): string {
  const both = `list_zip(h_${name}, [${psi.counts.join(", ")}])`;
  const term = termSql("bin[1]", "bin[2]", { current: rowCount, reference: rows }, psi.counts.length);
  return `list_sum(list_transform(${both}, lambda bin: ${term}))`;
}

/** A profile knows folded names by their hashes alone: which of the names there are these are, is told before anything is timed. */
async function loadCategories(
  duck: Duck,
  name: string,
  feature: CategoricalFeatureProfile,
  query: PsiQuery,
): Promise<void> {
  const { categories, counts, other } = feature;
  const own = new Set(categories);
  const folded = new Set(other?.hashes ?? []);
  const bins = [...categories.map((category, bin) => [category, bin] as const)];
  for (const text of await duck.texts(`select distinct ${name} from ${query.from}`)) {
    if (!own.has(text) && folded.has(nameHash(text))) bins.push([text, categories.length]);
  }
  const named = bins.map(([category, bin]) => `('${category.replaceAll("'", "''")}', ${bin})`);
  const counted = [...counts, ...(other === null ? [] : [other.count])].map(
    (count, bin) => `(${bin}, ${count})`,
  );
  await duck.run(
    `create or replace table bin_of_${name} as from (values ${named.join(", ")}) as v(name, bin)`,
  );
  await duck.run(
    `create or replace table reference_of_${name} as from (values ${counted.join(", ")}) as v(bin, r)`,
  );
}

function categoricalPsi(name: string, { rows }: CategoricalFeatureProfile, query: PsiQuery): string {
  const named = `(select ${name} as name, count(*) as n from ${query.from} group by ${name})`;
  const binned = `(select coalesce(bin, ${unseenBin}) as bin, sum(n) as c from ${named} left join bin_of_${name} using (name) group by 1)`;
  const both = `(select coalesce(c, 0)::double as c, coalesce(r, 0)::double as r from ${binned} full join reference_of_${name} using (bin))`;
  // Bins that hold nothing on either side do not count.
  const used = `(select c, r, count(*) over () as bins from ${both} where c + r > 0)`;
  const term = termSql("c", "r", { current: query.rowCount, reference: rows }, "bins");
  return `(select sum(${term}) from ${used})`;
}
