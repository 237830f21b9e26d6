/**
 * A process that opens an engine, reports the drift of one table against another, and tells how long that took: from the process
 * start, and from the engine's.
 *
 *     node first-report.js reference.arrow current.arrow    {"psi": [...], "importedMs": ..., "engineMs": ..., "processMs": ..., "residentPeakBytes": ...}
 */
import { residentPeakBytes } from "./resident.js";

const began = performance.now();
const { openEngine } = await import("../../src/index.js");
const importedMs = performance.now() - began;
const engine = await openEngine({ threads: 0 });
const reference = await engine.openData(process.argv[2]!);
const current = await engine.openData(process.argv[3]!);
const report = await engine.drift(reference, current);
const processMs = performance.now();
const engineMs = processMs - began - importedMs;
const psi = Object.values(report.features).map((feature) => feature.psi.value);
await reference.close();
await current.close();
await engine.close();
console.log(JSON.stringify({ psi, importedMs, engineMs, processMs, residentPeakBytes: residentPeakBytes() }));
