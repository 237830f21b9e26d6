/** How fast are values counted by edges, beside what people use and what the machine can do? */
import { openRuntime } from "../../src/scheduler/runtime.js";
import {
  codeCases,
  d3Case,
  duckHistogram,
  type NativeMethod,
  nativeCounts,
  numpyHistograms,
  ours,
  type Problem,
  plainJs,
} from "../count-cases.js";
import {
  fillCauchy,
  fillNormal,
  quantileEdges,
  timestamps,
  typeOf,
  type Values,
  validityBitmap,
  zipfCodes,
} from "../data.js";
import { type Duck, openDuck } from "../duckdb.js";
import { memcpyCase } from "../native.js";
import { rawFile } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const missingShare = 0.1;
/** More than have a bin of their own, as airports do. */
const categoryCount = 300;

interface Data {
  readonly what: string;
  readonly values: Values;
  readonly validity?: Uint8Array;
  readonly edgeCounts: readonly number[];
  /** C++'s ways for many edges; few are compared in lanes. */
  readonly manyEdges?: readonly NativeMethod[];
  /** d3 takes seconds: it is shown once. */
  readonly hasD3?: boolean;
}

async function measureData(bench: Bench, duck: Duck | null, data: Data): Promise<void> {
  const { what, values, validity = null, edgeCounts, manyEdges = ["cells"] } = data;
  const type = typeOf(values);
  await duck?.load("counted", new Map([["x", values]]), { validity });
  const paths = {
    valuesPath: rawFile("values.bin", values),
    validityPath: validity === null ? null : rawFile("validity.bin", validity),
  };
  for (const edgeCount of edgeCounts) {
    const runtime = await openRuntime();
    const edges = quantileEdges(values, edgeCount);
    const edgesPath = rawFile(`edges-${edgeCount}.bin`, edges);
    const problem: Problem = { values, edges, edgesPath, validity, table: "counted", ...paths };
    const methods: readonly NativeMethod[] = edgeCount < 32 ? ["lanes"] : manyEdges;
    await bench.measure({
      name: `${type}, ${what}, ${edgeCount} edges, ${values.length} values`,
      values: values.length,
      bytes: values.byteLength,
      cases: [
        ours(runtime, problem),
        plainJs(problem),
        ...(data.hasD3 ? [await d3Case(problem)] : []),
        await duckHistogram(duck, problem),
        ...numpyHistograms(problem),
        ...methods.flatMap((method) => nativeCounts(method, problem)),
        memcpyCase(values.byteLength),
      ],
    });
    await runtime.close();
  }
}

async function measureCodes(bench: Bench, duck: Duck | null, count: number): Promise<void> {
  const codes = zipfCodes(count, categoryCount, 15);
  await duck?.load("counted", new Map([["x", codes]]));
  const problem = { codes, codesPath: rawFile("codes.bin", codes), categoryCount, table: "counted" };
  const runtime = await openRuntime();
  await bench.measure({
    name: `dictionary codes (i32), ${categoryCount} categories, ${count} values`,
    values: count,
    bytes: codes.byteLength,
    cases: [...(await codeCases(runtime, duck, problem)), memcpyCase(codes.byteLength)],
  });
  await runtime.close();
}

await runSuite("How fast are values counted by edges?", async (bench) => {
  const count = bench.size(4_000_000, 20_000);
  const duck = await openDuck();
  const f32 = fillNormal(new Float32Array(count), 11);
  const allEdges = [9, 63, 255];
  const validity = validityBitmap(count, missingShare, 14);
  const datas: Data[] = [
    { what: "normal", values: f32, edgeCounts: allEdges, hasD3: true },
    { what: "normal", values: fillNormal(new Float64Array(count), 11), edgeCounts: allEdges },
    { what: "normal, 10 % missing", values: f32, validity, edgeCounts: [9, 255] },
    { what: "timestamps", values: timestamps(count, 12), edgeCounts: [255] },
    {
      what: "Cauchy",
      values: fillCauchy(new Float32Array(count), 13),
      edgeCounts: [255],
      // Cells of equal width are the wrong tool here, and C++ has a better one.
      manyEdges: ["cells", "search"],
    },
  ];
  for (const data of datas) await measureData(bench, duck, data);
  await measureCodes(bench, duck, count);
  duck?.close();
});
