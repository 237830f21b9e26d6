/** Blends two model files and prints its own peak memory: `node blend-large-child.js DRIFTED ANCESTOR OUT`. */
import { openEngine } from "../../../src/index.js";

const [, , drifted, ancestor, out] = process.argv;
if (out !== undefined) {
  const engine = await openEngine();
  await engine.blend({ drifted: drifted!, ancestor: ancestor!, scale: 0.75, out });
  await engine.close();
  process.stdout.write(JSON.stringify({ peakKib: process.resourceUsage().maxRSS }));
}
