/** How fast is the drift of a table computed, from the file to the report? */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { NumericFeatureProfile, Profile } from "../../src/host/drift/profile.js";
import { type Engine, openEngine } from "../../src/index.js";
import { type Columns, normalColumns, writeColumns } from "../arrow-table.js";
import { below } from "../data.js";
import { type Duck, duckCase, literals, openDuck } from "../duckdb.js";
import type { Case } from "../measure.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const columnCount = 20;
const smoothing = 0.5;
const readBytes = 1024 * 1024;

/** PSI, KL and binned KS with their calibration; read, counted and judged. */
function ours(engine: Engine, profile: Profile, path: string): Case {
  const report = async () => {
    const data = await engine.openData(path);
    try {
      return await engine.drift(profile, data);
    } finally {
      await data.close();
    }
  };
  return {
    name: "mendline: PSI, KL, KS from the file, threads 0",
    role: "ours",
    answer: async () => Object.values((await report()).features).map(({ psi }) => psi.value),
    runAsync: async () => (await report()).rows.current,
  };
}

function referenceOf(profile: Profile, name: string): NumericFeatureProfile {
  return profile.features.get(name) as NumericFeatureProfile;
}

/** PSI of a column from its bins b0, b1, ... as SQL, with the definition's smoothing. */
function psiSql(bins: readonly string[], reference: NumericFeatureProfile, rowCount: number): string {
  const total = (rows: number) => rows + smoothing * bins.length;
  const terms = bins.map((bin, index) => {
    const r = (reference.psi.counts[index]! + smoothing) / total(reference.rows);
    const c = `((${bin} + ${smoothing}) / ${total(rowCount).toExponential()})`;
    return `(${c} - ${r.toExponential()}) * ln(${c} / ${r.toExponential()})`;
  });
  return terms.join(" + ");
}

function histogramSql(profile: Profile, names: readonly string[], rowCount: number): string {
  const counted = names.map((name) => {
    const edges = referenceOf(profile, name).psi.edges.map((edge) => below(Number(edge), "f32"));
    const list = literals(edges, "FLOAT").replace("]::", ", 'Infinity']::");
    return `map_values(histogram(${name}, ${list})) as h_${name}`;
  });
  const psis = names.map((name) => {
    const reference = referenceOf(profile, name);
    const bins = reference.psi.counts.map((_, index) => `h_${name}[${index + 1}]::double`);
    return psiSql(bins, reference, rowCount);
  });
  return `select ${psis.join(", ")} from (select ${counted.join(", ")} from current_data)`;
}

/** The bytes from the page cache into one small buffer, and nothing done with them. */
function readingCase(path: string): Case {
  const buffer = new Uint8Array(readBytes);
  return {
    name: "reading the file's bytes (page cache)",
    role: "limit",
    run: () => {
      const file = openSync(path, "r");
      let total = 0;
      for (let got = 1; got > 0; total += got) got = readSync(file, buffer, 0, readBytes, null);
      closeSync(file);
      return total;
    },
  };
}

async function measure(bench: Bench, duck: Duck | null, current: Columns, reference: Columns): Promise<void> {
  const names = [...current.keys()];
  const rowCount = current.get("c0")!.length;
  const [referencePath, path] = ["reference.arrow", "current.arrow"].map((name) =>
    join(scratchDir(), name),
  ) as [string, string];
  await writeColumns(referencePath, reference);
  await writeColumns(path, current);
  await duck?.load("current_data", current);
  const engine = await openEngine({ threads: 0 });
  const source = await engine.openData(referencePath);
  const profile = await engine.profile(source);
  await source.close();
  await bench.measure({
    name: `${columnCount} columns of f32, ${rowCount} rows, ${statSync(path).size} bytes of Arrow`,
    values: rowCount * columnCount,
    bytes: statSync(path).size,
    tolerance: 1e-9,
    cases: [
      ours(engine, profile, path),
      duckCase(
        duck,
        "PSI alone, histogram(), table in memory",
        "incumbent",
        histogramSql(profile, names, rowCount),
      ),
      readingCase(path),
    ],
  });
  bench.fact("memory of the engine at its peak", engine.runtime.arena.use.peakBytes / 1e6, "MB");
  await engine.close();
}

function rowsAsked(fallback: number): number {
  const asked = process.env.BENCH_ROWS;
  if (asked === undefined) return fallback;
  const rows = Number(asked);
  if (!(Number.isInteger(rows) && rows >= 1000 && rows <= 50_000_000)) {
    throw new RangeError(`BENCH_ROWS is ${asked}: choose a whole number from 1000 to 50000000`);
  }
  return rows;
}

await runSuite("How fast is the drift of a 20-column table computed?", async (bench) => {
  const rowCount = rowsAsked(bench.size(1_000_000, 5_000));
  const reference = normalColumns(columnCount, bench.size(100_000, 5_000), 31, 0);
  const duck = await openDuck();
  await measure(bench, duck, normalColumns(columnCount, rowCount, 32, 0.01), reference);
  duck?.close();
});
