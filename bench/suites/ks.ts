/** How fast is the exact two-sample Kolmogorov-Smirnov test on raw values? */
import type { SortedSample } from "../../src/host/drift/sorted-sample.js";
import { exactKs, type KsResult } from "../../src/host/drift/statistics.js";
import { ksNumeratorAt, mergeStateBytes } from "../../src/host/kernels/kernels.js";
import { openRuntime } from "../../src/scheduler/runtime.js";
import { fillNormal } from "../data.js";
import type { Case } from "../measure.js";
import { pythonCase, pythonCases } from "../python.js";
import { rawFile } from "../scratch.js";
import { type PlacedSample, Sorting } from "../sorting.js";
import { runSuite } from "../suite.js";

interface Samples {
  readonly reference: Float64Array;
  readonly current: Float64Array;
}

class KsTest {
  readonly #sorting: Sorting;
  readonly #placed: readonly [PlacedSample, PlacedSample];
  readonly #frozen: SortedSample;
  readonly #statePtr: number;

  constructor(sorting: Sorting, { reference, current }: Samples) {
    this.#sorting = sorting;
    this.#placed = [sorting.place(reference), sorting.place(current)];
    this.#statePtr = sorting.runtime.arena.allocate(mergeStateBytes);
    this.#frozen = sorting.sorted(sorting.place(reference));
  }

  both(): KsResult {
    const [reference, current] = this.#placed;
    return this.#test(this.#sorting.sorted(reference), this.#sorting.sorted(current));
  }

  /** As a monitor does that keeps its reference sorted. */
  againstFrozen(): KsResult {
    return this.#test(this.#frozen, this.#sorting.sorted(this.#placed[1]));
  }

  #test(reference: SortedSample, current: SortedSample): KsResult {
    const { kernels, arena } = this.#sorting.runtime;
    kernels.ksFromSortedKeys(reference, current, this.#statePtr);
    return exactKs(reference.count, current.count, ksNumeratorAt(arena.memory, this.#statePtr))!;
  }
}

function answerOf({ statistic, pValue }: KsResult): number[] {
  return [statistic, pValue];
}

/** The statistic alone: plain JS has no p value to offer. Both samples are copied, sorted and merged. */
function plainStatistic({ reference, current }: Samples): number {
  const r = reference.slice().sort();
  const c = current.slice().sort();
  let most = 0;
  for (let i = 0, j = 0; i < r.length && j < c.length; ) {
    const value = Math.min(r[i]!, c[j]!);
    while (i < r.length && r[i] === value) i++;
    while (j < c.length && c[j] === value) j++;
    most = Math.max(most, Math.abs(i * c.length - j * r.length));
  }
  return most / (r.length * c.length);
}

const scipyScript = `
from scipy import stats
reference = np.fromfile(sys.argv[2])
current = np.fromfile(sys.argv[3])
def work():
    result = stats.ks_2samp(reference, current, method=sys.argv[4])
    return [result.statistic, result.pvalue]
`;

await runSuite("How fast is the exact two-sample KS test?", async (bench) => {
  const count = bench.size(1_000_000, 20_000);
  const runtime = await openRuntime();
  const samples = {
    reference: fillNormal(new Float64Array(count), 21),
    current: fillNormal(new Float64Array(count), 22, 0.001),
  };
  const paths = [rawFile("reference.bin", samples.reference), rawFile("current.bin", samples.current)];
  const test = new KsTest(new Sorting(runtime, count), samples);
  const sizes = { values: count * 2, bytes: count * 16 };
  const scipy = { script: scipyScript };
  const ours = { name: "mendline", role: "ours", run: () => test.both().statistic } as const;
  await bench.measure({
    name: `f64, ${count} values against ${count}, D and p`,
    ...sizes,
    // The p values are two implementations of one distribution.
    tolerance: 1e-8,
    cases: [
      { ...ours, answer: () => answerOf(test.both()) },
      {
        name: "mendline, reference sorted once",
        role: "variant",
        answer: () => answerOf(test.againstFrozen()),
        run: () => test.againstFrozen().statistic,
      },
      ...pythonCases({ ...scipy, name: "scipy ks_2samp, auto", args: [...paths, "auto"] }),
      pythonCase({ ...scipy, name: "scipy ks_2samp, asymp", args: [...paths, "asymp"] }),
    ],
  });
  const plain: Case = {
    name: "plain JS, typed sort and merge",
    role: "incumbent",
    answer: () => [plainStatistic(samples)],
    run: () => plainStatistic(samples),
  };
  await bench.measure({
    name: `f64, ${count} values against ${count}, D alone`,
    ...sizes,
    tolerance: 1e-14,
    cases: [{ ...ours, answer: () => [test.both().statistic] }, plain],
  });
  await runtime.close();
});
