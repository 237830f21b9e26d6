/**
 * What do ways of looking at growing data again and again cost in labels? Normal differences, one a row, of standard deviation 1, at the
 * rows of the labels suite: 20 at first, 29 of each batch of 32. No model is asked: that is the labels suite's.
 */
import { normalIsf, normalSf } from "../../src/host/drift/distributions/index.js";
import { type PastLook, tailOfLook } from "../../src/host/repair/error-spending.js";
import { historyOf, nextTry, type PastTry } from "../../src/host/repair/gate-tries.js";
import { Random } from "../../src/host/repair/random.js";
import { runSuite } from "../suite.js";

const alpha = 0.05;
const batch = 32;
const firstRows = 20;
const rowsEach = 29;
const batchesMax = 20;
const rows = Array.from({ length: batchesMax + 1 }, (_, look) => firstRows + look * rowsEach);
/** Where the data have to end for rules that ask for it. */
const rowsLast = rows.at(-1)!;
const means = [0, 0.1, 0.15, 0.2, 0.3, 0.4];

/** Boundaries of looks whose spending adds up to that at each number of rows. */
function spending(spentAt: (rows: number) => number): number[] {
  const looks: PastLook[] = [];
  for (const [look, count] of rows.entries()) {
    const before = rows[look - 1];
    const correlation = before === undefined ? 0 : Math.sqrt(before / count);
    const spent = spentAt(count) - (before === undefined ? 0 : spentAt(before));
    looks.push({ tail: tailOfLook(looks, correlation, Math.max(spent, 1e-9)), correlation });
  }
  return looks.map(({ tail }) => normalIsf(tail));
}

function ours(): number[] {
  const tries: PastTry[] = [];
  for (const [look, count] of rows.entries())
    tries.push({ made: nextTry(historyOf(`${look}`, tries), count, 1), finalist: null, isOfChain: true });
  return tries.map(({ made }) => normalIsf(made.tail));
}

/** Half of alpha at the first look, as a question that stays the only one has it. */
const halfThen = (shareAt: (rows: number) => number) =>
  spending((count) => (alpha / 2) * (1 + shareAt(count)));
const powerOf = (power: number) => halfThen((count) => 1 - (firstRows / count) ** power);
/** Time-uniform, one-sided normal mixture, in closed form: Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon 2021. */
const mixture = (tunedTo: number) =>
  rows.map((count) =>
    Math.sqrt(2 * (1 + tunedTo / count) * Math.log(Math.sqrt((count + tunedTo) / tunedTo) / (2 * alpha) + 1)),
  );

const rules: readonly (readonly [name: string, boundaries: readonly number[]])[] = [
  ["ours", ours()],
  [
    "union bound, alpha / 2 k (k - 1)",
    rows.map((_, k) => normalIsf(k === 0 ? alpha / 2 : alpha / (2 * (k + 1) * k))),
  ],
  ["half, the rest by rows^-1/4", powerOf(0.25)],
  ["half, the rest by rows^-1", powerOf(1)],
  [
    `half, the rest by log(rows) up to ${rowsLast}`,
    halfThen((count) => Math.log(count / firstRows) / Math.log(rowsLast / firstRows)),
  ],
  [
    `like Pocock, up to ${rowsLast}`,
    spending((count) => alpha * Math.log(1 + ((Math.E - 1) * count) / rowsLast)),
  ],
  [
    `like O'Brien and Fleming, up to ${rowsLast}`,
    spending((count) => 2 * normalSf(normalIsf(alpha / 2) / Math.sqrt(count / rowsLast))),
  ],
  ["any time: normal mixture tuned to 5 rows", mixture(5)],
  ["any time: normal mixture tuned to 20 rows", mixture(20)],
];

await runSuite("What do ways of looking again cost in labels?", async (bench) => {
  const loops = bench.size(20_000, 100);
  const sums = Array.from({ length: loops }, (_, seed) => sumsOf(new Random(seed, 23)));
  const results = rules.map(([name, boundaries]) => ({
    name,
    boundaries,
    ends: means.map((mean) => endsOf(sums, mean, boundaries)),
  }));
  bench.table({
    name: `labels until a difference is shown, at most ${batch * batchesMax}, by its mean in standard deviations; ${loops} loops`,
    heads: ["rule", "shown of none", ...means.slice(1).map(String)],
    rows: results.map(({ name, ends: [none, ...others] }) => [
      name,
      `${(100 * none!.shown).toFixed(1)} %`,
      ...others.map(({ labels, shown }) => `${labels.toFixed(0)}, ${(100 * shown).toFixed(0)} %`),
    ]),
    data: results,
  });
});

/** Of the differences without their mean, at each look. */
function sumsOf(random: Random): Float64Array {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  const sums = new Float64Array(rows.length);
  let sum = 0;
  for (const [look, count] of rows.entries()) {
    sum += Math.sqrt(count - (rows[look - 1] ?? 0)) * normal();
    sums[look] = sum;
  }
  return sums;
}

/** How many labels a loop asks for, and how often it shows the difference. */
function endsOf(sums: readonly Float64Array[], mean: number, boundaries: readonly number[]) {
  let labels = 0;
  let shown = 0;
  for (const loop of sums) {
    const at = loop.findIndex(
      (sum, look) => (sum + mean * rows[look]!) / Math.sqrt(rows[look]!) > boundaries[look]!,
    );
    if (at >= 0) shown += 1;
    labels += batch * (at < 0 ? batchesMax : at);
  }
  return { labels: labels / sums.length, shown: shown / sums.length };
}
