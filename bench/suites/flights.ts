/** How fast is the drift of real data computed, from Parquet and from Arrow? */
import { join } from "node:path";
import type { Profile } from "../../src/host/drift/profile.js";
import { openEngine } from "../../src/index.js";
import { driftCase } from "../drift-cases.js";
import { duckCase, openDuck } from "../duckdb.js";
import { flightCount, flightFeatures, flightsParquetPath, writeFlights } from "../flights.js";
import { preparePsi } from "../psi-sql.js";
import { scratchDir } from "../scratch.js";
import { runSuite } from "../suite.js";

/** What the current data are compared with: the flights of about the first month. */
async function earlyProfile(rowCount: number): Promise<Profile> {
  const path = join(scratchDir(), "early.arrow");
  await writeFlights(path, rowCount);
  const engine = await openEngine({ threads: 0 });
  const source = await engine.openData(path);
  const profile = await engine.profile(source);
  await source.close();
  await engine.close();
  return profile;
}

await runSuite("How fast is the drift of three million flights computed?", async (bench) => {
  const parquet = flightsParquetPath();
  const arrow = join(scratchDir(), "flights.arrow");
  await writeFlights(arrow, flightCount);
  const profile = await earlyProfile(500_000);
  const duck = await openDuck();
  await duck?.run(`create table flights as from read_parquet('${parquet}')`);
  const query = { profile, names: flightFeatures, rowCount: flightCount, numbers: "i64" } as const;
  const inDuck = (name: string, from: string) =>
    duckCase(duck, name, (present) => preparePsi(present, { ...query, from }));
  const fromParquet = `read_parquet('${parquet.replaceAll("'", "''")}')`;
  const ours = (name: string, role: "ours" | "variant", path: string) =>
    driftCase(name, role, { threads: 0 }, profile, path);
  await bench.measure({
    name: `${flightCount} flights, 2 whole numbers and 2 texts of 229 names each`,
    values: flightCount * flightFeatures.length,
    bytes: 0,
    tolerance: 1e-9,
    effort: { rounds: bench.size(5, 1), secondsMax: 0.01, warmSeconds: 0.01 },
    cases: [
      await ours("mendline: PSI, KL, KS from Parquet", "ours", parquet),
      await ours("mendline: PSI, KL, KS from Arrow", "variant", arrow),
      await inDuck("PSI alone, from Parquet", fromParquet),
      await inDuck("PSI alone, table in memory", "flights"),
    ],
  });
  duck?.close();
});
