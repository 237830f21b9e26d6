/** Reports, lineages and stories for the pages' tests, with names that try to break out. */
import type { DriftReport, FeatureReport, Verdict } from "../../../src/host/drift/report.js";
import type { LineageGraph } from "../../../src/host/pages/lineage-graph.js";
import type { RepairStory, StoryWindow } from "../../../src/host/pages/repair-page.js";

export const hostileNames = [
  "<script>alert(1)</script>",
  "</title></style></script><img src=x onerror=alert(1)>",
  '" onmouseover="alert(1)',
  "' autofocus onfocus='alert(1)",
  "&lt;b&gt; &amp &#x3c;",
  "\u202eexe.txt\u202c \u200f\u2066x",
  "\ud800 lone \udfff",
  "a\u0000b\u001b[2J\r\n\tc\u2028d",
  "__proto__",
  "constructor",
  "toString",
  "",
  " ",
  "-->",
  "]]>",
  '"+{1+1}+"',
  "عربي עברית 漢字 👨‍👩‍👧",
  "x".repeat(5000),
  "<b>".repeat(2000),
];

export function numericFeature(changes: Partial<FeatureReport> = {}): FeatureReport {
  return {
    kind: "numeric",
    logical: "float",
    verdict: "stable",
    rule: { kind: "calibrated" },
    votes: true,
    psi: {
      value: 0.05,
      debiased: 0.04,
      pValue: 0.2,
      pValueAtThreshold: 0.9,
      pValueAdjusted: 0.95,
      threshold: 0.2,
      detectable: 0.03,
      bins: 5,
    },
    ks: { statistic: 0.1, lower: 0.1, upper: 0.12, pValue: 0.3, pValueAtUpper: 0.2, method: "binned" },
    kl: { value: 0.02, pValue: 0.3 },
    js: { distance: 0.1 },
    tv: { distance: 0.1 },
    shift: {
      method: "binned",
      wasserstein: { distance: 0.4, lower: 0.3, upper: 0.5, scaled: 0.2 },
      mean: { reference: 3, current: 3.4, shift: 0.4, scaled: 0.2 },
      standardDeviation: { reference: 2, current: 1.8, shift: -0.2, scaled: -0.1 },
    },
    explanation: {
      sentence: "31 % of the rows are now 4 or above, 20 % in the reference; the values moved up.",
      contributions: [],
    },
    missing: { reference: 0.02, current: 0.02 },
    nonFinite: { reference: 0, current: 0 },
    edges: [1.5, 2.25, 4, 9],
    counts: { reference: [100, 100, 100, 100, 90, 10], current: [100, 110, 90, 100, 90, 10] },
    ...changes,
  };
}

export function categoricalFeature(
  categories: readonly string[],
  changes: Partial<FeatureReport> = {},
): FeatureReport {
  const { edges: _, ...rest } = numericFeature();
  return {
    ...rest,
    kind: "categorical",
    logical: "text",
    ks: null,
    shift: null,
    unseen: 0,
    categories,
    counts: {
      reference: [...categories.map((_name, index) => index + 1), 0, 0],
      current: [...categories.map(() => 2), 3, 1],
    },
    ...changes,
  };
}

/** Own keys whatever the names are. */
export function reportOf(
  features: readonly (readonly [string, FeatureReport])[],
  verdict: Verdict = "drift",
): DriftReport {
  const record = Object.create(null) as Record<string, FeatureReport>;
  for (const [name, feature] of features) record[name] = feature;
  return { verdict, rows: { reference: 500, current: 500 }, features: record };
}

export const driftMeta = {
  title: "June against January",
  reference: "january.csv",
  current: "june.csv",
  createdMs: 1_751_551_500_000,
};

const day = 86_400_000;

export function rainLineage(): LineageGraph {
  const node = (id: string, name: string, version: string, marks: string[], age: number) => ({
    id,
    name,
    version,
    marks,
    createdMs: 1_700_000_000_000 + age * day,
  });
  return {
    nodes: [
      node("a1", "rain", "1", ["healthy", "chosen"], 0),
      node("a2", "rain", "2", ["drifted"], 1),
      node("a3", "rain", "3", ["deployed", "drifted"], 2),
      node("p1", "rain-pruned", "1", [], 3),
      node("d1", "rain-distilled", "1", [], 4),
      node("r1", "rain", "3-repair.1", ["repaired"], 5),
    ],
    edges: [
      { parent: "a1", child: "a2", transformation: "fine-tuning" },
      { parent: "a2", child: "a3", transformation: "fine-tuning" },
      { parent: "a2", child: "p1", transformation: "pruning" },
      { parent: "a1", child: "d1", transformation: "distillation" },
      { parent: "a3", child: "r1", transformation: "repair", note: "scale 1.18" },
      { parent: "a1", child: "r1", transformation: "repair", note: "ancestor" },
    ],
  };
}

/** Same numbers every time: a linear congruential generator (Numerical Recipes). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function randomLineage(seed: number, nodeCount: number): LineageGraph {
  const random = randomOf(seed);
  const nodes = Array.from({ length: nodeCount }, (_, index) => ({
    id: `id-${index}`,
    name: ["m", "a-rather-long-model-name"][index % 2]!,
    version: `${index}`,
    createdMs: Math.floor(random() * 1000) * day,
    marks: random() < 0.2 ? ["drifted"] : [],
  }));
  const edges: LineageGraph["edges"][number][] = [];
  for (let child = 1; child < nodeCount; child++) {
    const parents = new Set<number>();
    for (let i = 0; i < Math.floor(random() * 4); i++) parents.add(Math.floor(random() * child));
    for (const parent of parents) {
      edges.push({
        parent: `id-${parent}`,
        child: `id-${child}`,
        transformation: random() < 0.5 ? "fine-tuning" : "merge",
      });
    }
  }
  return { nodes, edges };
}

export function storyWindow(changes: Partial<StoryWindow> = {}): StoryWindow {
  return {
    label: "window",
    atRow: 364,
    verdict: "stable",
    phase: "before",
    features: { wind: { psi: 0.1, pValueAtThreshold: 1, verdict: "stable" } },
    ancestors: [{ name: "rain@1", verdict: "stable" }],
    ...changes,
  };
}

export function rainStory(changes: Partial<RepairStory> = {}): RepairStory {
  const drifted = { wind: { psi: 0.6, pValueAtThreshold: 1e-9, verdict: "drift" } };
  return {
    title: "Rain in New York",
    intro: "A model that knows Seattle\nis sent New York.\n\nThis is what happened.",
    createdMs: 1_751_551_500_000,
    lineage: rainLineage(),
    windows: [
      storyWindow({ label: "1", atRow: 364 }),
      storyWindow({ label: "2", atRow: 392 }),
      storyWindow({ label: "3", atRow: 420, verdict: "drift", features: drifted }),
      storyWindow({ label: "4", atRow: 448, verdict: "drift", features: drifted }),
      storyWindow({ label: "5", atRow: 476, phase: "after" }),
    ],
    threshold: 0.2,
    triggerWindow: 3,
    choice: {
      chosen: { name: "rain@1", distance: 2 },
      passedOver: [{ name: "rain@2", reason: "drifted too" }],
    },
    curve: [0, 0.5, 1, 1.18, 1.3].map((scale) => ({ scale, loss: 0.558 + 0.094 * (scale - 1.18) ** 2 })),
    scale: 1.18,
    barrier: -0.01,
    metric: "log-loss",
    gate: {
      keep: 0.726,
      rollback: 0.643,
      repaired: 0.62,
      difference: -0.106,
      interval: [-0.186, -0.027],
      rows: 117,
    },
    control: { keep: 0.44, repaired: 0.448, rows: 365 },
    outcome: "published",
    published: { name: "rain@3-repair.1", id: "f1b2".repeat(16), path: "/srv/models/rain/model.onnx" },
    table: {
      metric: "log-loss",
      rows: [
        { data: "New York after the trigger", before: 0.612, rollback: 0.468, after: 0.469, count: 130 },
      ],
    },
    ...changes,
  };
}
