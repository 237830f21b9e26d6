/** How fast is the drift of a 20-column table computed, from the file to the report? */
import { execFile } from "node:child_process";
import { closeSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Profile } from "../../src/host/drift/profile.js";
import { openEngine, profileToBytes } from "../../src/index.js";
import { type Columns, normalColumns, writeColumns } from "../arrow-table.js";
import { coreCount } from "../cores.js";
import { driftCase } from "../drift-cases.js";
import { type Duck, duckCase, openDuck } from "../duckdb.js";
import type { Case, Group } from "../measure.js";
import { preparePsi } from "../psi-sql.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const columnCount = 20;
const readBytes = 1024 * 1024;
/** What a small device gives; the answer must not change. */
const smallMemoryBytes = 16 * 1024 * 1024;
const childPath = fileURLToPath(new URL("../children/drift.js", import.meta.url));
/** A run takes half a second and more, DuckDB's several: three rounds of one sample each. */
const longEffort = { rounds: 3, secondsMax: 0.01, warmSeconds: 0.01 };

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

interface Scene {
  readonly profile: Profile;
  readonly path: string;
  readonly rowCount: number;
}

function groupOf({ path, rowCount }: Scene, where: string, cases: readonly Case[]): Group {
  const bytes = statSync(path).size;
  return {
    name: `${columnCount} columns of f32, ${rowCount} rows, ${Math.round(bytes / 1e6)} MB of Arrow, ${where}`,
    values: rowCount * columnCount,
    bytes,
    tolerance: 1e-9,
    effort: longEffort,
    cases,
  };
}

function duckPsi(duck: Duck | null, { profile, rowCount }: Scene, name: string): Promise<Case> {
  const names = [...profile.features.keys()];
  const query = { profile, names, rowCount, from: "current_data", numbers: "f32" } as const;
  return duckCase(duck, name, (present) => preparePsi(present, query));
}

async function onOneCore(bench: Bench, scene: Scene, duck: Duck | null): Promise<void> {
  const { profile, path } = scene;
  await bench.measure(
    groupOf(scene, "one core", [
      await driftCase("mendline: PSI, KL, KS from the file", "ours", { threads: 0 }, profile, path),
      await driftCase(
        "mendline, arena of 16 MiB",
        "variant",
        { threads: 0, memoryBytes: smallMemoryBytes },
        profile,
        path,
      ),
      await duckPsi(duck, scene, "PSI alone, histogram(), table in memory"),
      readingCase(path),
    ]),
  );
}

async function onAllCores(bench: Bench, scene: Scene, duck: Duck | null): Promise<void> {
  const { profile, path } = scene;
  const threads = coreCount;
  await duck?.run(`set threads = ${threads}`);
  bench.useCores("all");
  await bench.measure(
    groupOf(scene, `${threads} cores`, [
      await driftCase(`mendline, threads ${threads}`, "ours", { threads }, profile, path),
      // Files are read by libuv's threads: more than one core already.
      await driftCase("mendline, threads 0", "variant", { threads: 0 }, profile, path),
      await duckPsi(duck, scene, `PSI alone, histogram(), table in memory, ${threads} threads`),
    ]),
  );
}

/** Of processes that do nothing else. */
async function memoryFacts(bench: Bench, { profile, path }: Scene): Promise<void> {
  const profilePath = join(scratchDir(), "reference.profile");
  writeFileSync(profilePath, profileToBytes(profile));
  for (const [what, ...memory] of [["default arena"], ["arena of 16 MiB", String(smallMemoryBytes)]]) {
    const { stdout } = await promisify(execFile)(process.execPath, [childPath, profilePath, path, ...memory]);
    const { arenaPeakBytes, residentPeakBytes } = JSON.parse(stdout) as Record<string, number>;
    bench.fact(`${what}, its peak use`, arenaPeakBytes! / 1e6, "MB");
    bench.fact(`${what}, peak resident memory of the process`, residentPeakBytes! / 1e6, "MB");
  }
}

async function profileOf(columns: Columns): Promise<Profile> {
  const path = join(scratchDir(), "reference.arrow");
  await writeColumns(path, columns);
  const engine = await openEngine({ threads: 0 });
  const source = await engine.openData(path);
  const profile = await engine.profile(source);
  await source.close();
  await engine.close();
  rmSync(path);
  return profile;
}

/** In the file and in DuckDB's memory; not kept in ours. */
async function placeCurrent(path: string, rowCount: number, duck: Duck | null): Promise<void> {
  const columns = normalColumns(columnCount, rowCount, 32, 0.01);
  await writeColumns(path, columns);
  await duck?.load("current_data", columns);
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
  const rowCount = rowsAsked(bench.size(5_000_000, 5_000));
  const profile = await profileOf(normalColumns(columnCount, bench.size(100_000, 5_000), 31, 0));
  const path = join(scratchDir(), "current.arrow");
  const duck = await openDuck();
  await placeCurrent(path, rowCount, duck);
  const scene = { profile, path, rowCount };
  await onOneCore(bench, scene, duck);
  await memoryFacts(bench, scene);
  await onAllCores(bench, scene, duck);
  duck?.close();
});
