/** How fast are values sorted, which exact quantiles and exact KS rest on? */
import { openRuntime } from "../../src/scheduler/runtime.js";
import { fillNormal, picked, pickedIndexes } from "../data.js";
import { memcpyCase, nativeCase } from "../native.js";
import { pythonCases } from "../python.js";
import { rawFile } from "../scratch.js";
import { Sorting } from "../sorting.js";
import { runSuite } from "../suite.js";

const numpyScript = `
values = np.fromfile(sys.argv[2])
def work():
    return np.sort(values)[::len(values) // 64 | 1]
`;

await runSuite("How fast are values sorted?", async (bench) => {
  const count = bench.size(1_000_000, 20_000);
  const values = fillNormal(new Float64Array(count), 25);
  const path = rawFile("values.bin", values);
  const runtime = await openRuntime();
  const sorting = new Sorting(runtime, count);
  const sample = sorting.place(values);
  await bench.measure({
    name: `f64, normal, ${count} values, out of place`,
    values: count,
    bytes: values.byteLength,
    cases: [
      {
        name: "mendline, values to keys, radix sort",
        role: "ours",
        answer: () => {
          const sorted = sorting.sorted(sample);
          return pickedIndexes(count).map((rank) => Number(sorted.finiteAt(rank)));
        },
        run: () => sorting.sort(sample),
      },
      {
        name: "plain JS, Float64Array.slice().sort()",
        role: "incumbent",
        answer: () => picked(values.slice().sort()),
        run: () => values.slice().sort()[0]!,
      },
      ...pythonCases({ name: "numpy.sort", script: numpyScript, args: [path] }),
      nativeCase({
        name: "std::sort",
        program: "sort",
        args: ["std", "f64", path],
        role: "incumbent",
      }),
      nativeCase({ name: "radix sort", program: "sort", args: ["radix", "f64", path] }),
      memcpyCase(values.byteLength),
    ],
  });
  await runtime.close();
});
