/**
 * A process that reports the drift of a file against a profile, and nothing else: what that takes of the memory.
 *
 *     node drift.js reference.profile current.arrow [MEMORY_BYTES]     {"psi": [...], "arenaPeakBytes": ..., "residentPeakBytes": ...}
 */
import { readFileSync } from "node:fs";
import { openEngine, profileFromBytes } from "../../src/index.js";
import { residentPeakBytes } from "./resident.js";

const [profilePath, dataPath, memoryBytes] = process.argv.slice(2);
const engine = await openEngine({
  threads: 0,
  ...(memoryBytes === undefined ? {} : { memoryBytes: Number(memoryBytes) }),
});
const profile = profileFromBytes(readFileSync(profilePath!), profilePath!);
const data = await engine.openData(dataPath!);
const report = await engine.drift(profile, data);
const psi = Object.values(report.features).map((feature) => feature.psi.value);
const arenaPeakBytes = engine.runtime.arena.use.peakBytes;
await data.close();
await engine.close();
console.log(JSON.stringify({ psi, arenaPeakBytes, residentPeakBytes: residentPeakBytes() }));
