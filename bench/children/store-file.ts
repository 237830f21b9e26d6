/**
 * A process that puts a model's file into a store, or writes it out of one, and nothing else: what that takes of the memory.
 *
 *     node store-file.js add STORE FILE VERSION [PARENT]    {"ms": ..., "residentPeakBytes": ...}
 *     node store-file.js restore STORE FILE VERSION
 */
import { openEngine } from "../../src/index.js";
import { residentPeakBytes } from "./resident.js";

const [work, store, file, version, parent] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const engine = await openEngine({ store });
const start = performance.now();
if (work === "restore") await engine.restore(`large@${version}`, file);
else {
  const parents = parent === undefined ? [] : [{ ref: parent, transformation: "fine-tuning" as const }];
  await engine.addModel({ file, name: "large", version, parents });
}
const ms = performance.now() - start;
await engine.close();
console.log(JSON.stringify({ ms, residentPeakBytes: residentPeakBytes() }));
