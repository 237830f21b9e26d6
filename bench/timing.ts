/** What measures time on this thread: benchmark.js, and how fine its clock is. */
import Benchmark from "benchmark";
import type { Effort } from "./measure.js";

/**
 * Milliseconds of one run, a sample each. benchmark.js swallows what a case throws: a case counts only when it completed without an
 * error and has samples.
 */
export function benchmarked(
  name: string,
  { secondsMax, samplesMin, cycleSeconds }: Effort,
  options: { fn: Benchmark.Options["fn"]; defer?: boolean },
): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const limits = { maxTime: secondsMax, minSamples: samplesMin, minTime: cycleSeconds, delay: 0.001 };
    const bench = new Benchmark(name, { ...limits, ...options });
    bench.on("complete", () => {
      if (bench.error !== undefined) reject(bench.error);
      else if (bench.aborted) reject(new Error("the case was aborted"));
      else resolve(bench.stats.sample.map((seconds) => seconds * 1e3));
    });
    bench.run({ async: true });
  });
}

let stepMs: number | undefined;

/** How many of the smallest steps that the clock can tell lie in so many milliseconds. */
export function clockSteps(ms: number): number {
  stepMs ??= smallestStepMs();
  return ms / stepMs;
}

function smallestStepMs(): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 1000; i++) {
    const began = performance.now();
    let now = began;
    while (now === began) now = performance.now();
    smallest = Math.min(smallest, now - began);
  }
  return smallest;
}
