/** The simulated null and a clear gain again, smaller, through whole repairs: store, slices, blends, validator and all. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withLabels } from "../../../examples/rain/weather.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { scratchDir } from "../../support.js";
import { addLayered, layeredBytes } from "./layered.js";
import { labelledDays, runtime, type Scene, withScene } from "./scene.js";

const scratch = scratchDir();
const runs = 24;

/** Losses of rows that are drawn by the module's seed, the row's values and the scale: in the mean lower by `gain` at every scale. */
function drawnModule(seed: number, gain: number): string {
  const path = join(scratch, `drawn-${seed}-${gain}.mjs`);
  writeFileSync(
    path,
    `import fs from "node:fs";
    const mixed = (word) => {
      let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
      return (hash ^ (hash >>> 16)) >>> 0;
    };
    const unit = (...words) => words.reduce((hash, word) => mixed(hash ^ Math.round(word * 1e4)), ${seed + 1}) / 2 ** 32;
    export default async ({ parameters, rows }) => {
      const bytes = fs.readFileSync(parameters);
      const scale = bytes.readFloatLE(8 + Number(bytes.readBigUInt64LE(0)));
      const { day_of_year, wind, temp_min } = rows.columns;
      return Array.from({ length: rows.rowCount }, (_, row) => {
        const words = [day_of_year[row], wind[row], temp_min[row]];
        return 1 + unit(...words) + (scale === 0 ? 0 : unit(...words, scale, 7) - 0.5 - ${gain});
      });
    };`,
  );
  return path;
}

/** Labelled rows that no earlier run has asked. */
function ownRows(seed: number) {
  const rows = withLabels(labelledDays).map((day) => ({ ...day, wind: day.wind + seed / 1_000 }));
  return rowsSource(rows, `labelled ${seed}`, runtime.arena);
}

async function outcomesOf({ store, repair }: Scene, gain: number, count: number): Promise<RepairReport[]> {
  await addLayered(store, "1", layeredBytes([[1], [1], [1]], 1));
  await addLayered(store, "2", layeredBytes([[0], [0], [0]], 0), ["m@1"]);
  const reports: RepairReport[] = [];
  for (let seed = 0; seed < count; seed++) {
    const validator = drawnModule(seed, gain);
    reports.push(await repair("m@2", { validator, validation: ownRows(seed), seed, dryRun: true }));
  }
  return reports;
}

test("no candidate is better: of so many repairs hardly one would publish", () =>
  withScene(async (scene) => {
    const reports = await outcomesOf(scene, 0, runs);
    const published = reports.filter(({ outcome }) => outcome === "published");
    // Binomial(24, 0.025): more than 2 come once in 50 times.
    assert.ok(published.length <= 2, `${published.length} of ${runs}`);
    assert.ok(reports.some(({ outcome }) => outcome === "not-proven"));
    for (const { gate } of reports) {
      if (gate !== null) assert.equal([gate.tries, gate.confidence], [1, 0.95]);
    }
  }));

test("a clear gain: every one would publish", () =>
  withScene(async (scene) => {
    const reports = await outcomesOf(scene, 0.3, 8);
    for (const { outcome, reason } of reports) assert.is(outcome, "published", reason);
  }));

test.run();
