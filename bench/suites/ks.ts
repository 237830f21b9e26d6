/** How fast is the exact two-sample Kolmogorov-Smirnov test on raw values? */
import { SortedSample } from "../../src/host/drift/sorted-sample.js";
import { exactKs, type KsResult } from "../../src/host/drift/statistics.js";
import { sortCounterBytes } from "../../src/host/kernels/kernels.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import { fillNormal } from "../data.js";
import type { Case } from "../measure.js";
import { pythonCase } from "../python.js";
import { rawFile } from "../scratch.js";
import { runSuite } from "../suite.js";

interface Sample {
  readonly ptr: number;
  readonly count: number;
}

/** Values in the arena, and room for their keys. */
class KsBench {
  readonly #runtime: Runtime;
  readonly #scratchPtr: number;
  readonly #countersPtr: number;

  constructor(runtime: Runtime, countMax: number) {
    this.#runtime = runtime;
    this.#scratchPtr = runtime.arena.allocate(countMax * 8);
    this.#countersPtr = runtime.arena.allocate(sortCounterBytes);
  }

  place(values: Float64Array): Sample {
    const ptr = this.#runtime.arena.allocate(values.byteLength);
    new Float64Array(this.#runtime.arena.memory.buffer, ptr, values.length).set(values);
    return { ptr, count: values.length };
  }

  room(count: number): number {
    return this.#runtime.arena.allocate(count * 8);
  }

  sorted({ ptr, count }: Sample, keysPtr: number): SortedSample {
    const { kernels, arena } = this.#runtime;
    const slice = { valuesPtr: ptr, rowCount: count, validityPtr: 0, validityBitOffset: 0 };
    const present = kernels.keysFrom("f64", slice, keysPtr);
    kernels.sortKeys(keysPtr, present, this.#scratchPtr, this.#countersPtr);
    return new SortedSample(arena.memory, keysPtr, present, "f64");
  }

  ks(reference: SortedSample, current: SortedSample): KsResult {
    return exactKs(this.#runtime, reference, current)!;
  }
}

function ourCases(bench: KsBench, reference: Float64Array, current: Float64Array): Case[] {
  const referenceAt = bench.place(reference);
  const currentAt = bench.place(current);
  const referenceKeys = bench.room(reference.length);
  const currentKeys = bench.room(current.length);
  const frozen = bench.sorted(referenceAt, bench.room(reference.length));
  const both = () => bench.ks(bench.sorted(referenceAt, referenceKeys), bench.sorted(currentAt, currentKeys));
  const one = () => bench.ks(frozen, bench.sorted(currentAt, currentKeys));
  return [
    { name: "mendline", role: "ours", answer: () => answerOf(both()), run: () => both().statistic },
    {
      name: "mendline, reference sorted once",
      role: "variant",
      answer: () => answerOf(one()),
      run: () => one().statistic,
    },
  ];
}

function answerOf({ statistic, pValue }: KsResult): number[] {
  return [statistic, pValue];
}

/** The statistic alone: plain JS has no p value to offer. Both samples are copied, sorted and merged. */
function plainStatistic(reference: Float64Array, current: Float64Array): number {
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
  const reference = fillNormal(new Float64Array(count), 21);
  const current = fillNormal(new Float64Array(count), 22, 0.001);
  const paths = [rawFile("reference.bin", reference), rawFile("current.bin", current)];
  const [ours, frozen] = ourCases(new KsBench(runtime, count), reference, current);
  const sizes = { values: count * 2, bytes: count * 16 };
  await bench.measure({
    name: `f64, ${count} values against ${count}, D and p`,
    ...sizes,
    // The p values are two implementations of one distribution.
    tolerance: 1e-8,
    cases: [
      ours!,
      frozen!,
      pythonCase("scipy ks_2samp, auto", "incumbent", scipyScript, [...paths, "auto"]),
      pythonCase("scipy ks_2samp, asymp", "incumbent", scipyScript, [...paths, "asymp"]),
    ],
  });
  await bench.measure({
    name: `f64, ${count} values against ${count}, D alone`,
    ...sizes,
    tolerance: 1e-14,
    cases: [
      { ...ours!, answer: async () => (await answersOf(ours!)).slice(0, 1) } as Case,
      {
        name: "plain JS, typed sort and merge",
        role: "incumbent",
        answer: () => [plainStatistic(reference, current)],
        run: () => plainStatistic(reference, current),
      },
    ],
  });
  await runtime.close();
});

async function answersOf(one: Case): Promise<readonly number[]> {
  return "answer" in one && one.answer !== undefined ? one.answer() : [];
}
