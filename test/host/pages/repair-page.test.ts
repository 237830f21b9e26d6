import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RepairStory, repairPage } from "../../../src/host/pages/repair-page.js";
import { type Element, numbersOf, readHtml } from "./html-checker.js";
import { hostileNames, rainLineage, rainStory, randomLineage, storyWindow } from "./samples.js";

function read(changes: Partial<RepairStory> = {}): Element[] {
  return readHtml(repairPage(rainStory(changes)));
}

function textOf(elements: readonly Element[]): string {
  return elements.find(({ tag }) => tag === "main")!.text.replaceAll("\u202f", " ");
}

test("the story from top to bottom", () => {
  const elements = read();
  const heads = elements.filter(({ tag }) => tag === "h2").map(({ text }) => text);
  assert.equal(heads, [
    "1The lineage",
    "2The data drifts",
    "3An ancestor is chosen",
    "4How far to go back",
    "5The gate",
    "6Before and after",
  ]);
  const text = textOf(elements);
  const told = [
    "A model that knows Seattle is sent New York.",
    "✓ published",
    "0.726 → 0.620",
    "For 2 windows the data stayed close to what the model was trained on. At window 3, after 420 rows, the verdict turned to drift: wind no longer looks like the training data. To be sure, mendline waited for window 4 (448 rows) before it acted. Then the repaired model served 1 window; none of them drifted.",
    "rain@1 was chosen, 2 derivations away: measured against its own training data, the new data has not drifted. 1 other was passed over.",
    "drifted too",
    "The lowest loss, 0.558, lies at scale 1.18, beyond the ancestor.",
    "a difference of −0.106, with an interval from −0.186 to −0.027. All of it lies on the better side of zero.",
    "Simply rolling back would have given 0.643.",
    "On 365 control rows its log loss goes from 0.440 to 0.448: +0.008 (+1.8 %).",
    "/srv/models/rain/model.onnx",
    "New York after the trigger1300.612best 0.4680.469−0.143",
  ];
  for (const sentence of told) assert.ok(text.includes(sentence), sentence);
});

test("what went against the repair is said as plainly", () => {
  const gate = {
    keep: 0.5,
    rollback: 0.4,
    repaired: 0.45,
    difference: -0.05,
    interval: [-0.2, 0.1] as const,
    rows: 20,
  };
  const text = textOf(read({ gate, outcome: "not-proven", published: null }));
  assert.ok(text.includes("It reaches past zero, so the gain is not proven."));
  assert.ok(text.includes("Simply rolling back would have done better: 0.400."));
  assert.ok(text.includes("? not proven"));
  assert.not(text.includes("Published as"));
});

test("rungs, batch norm, rivals and tries are told", () => {
  const rung = {
    rung: "single",
    numbers: 1,
    loss: 0.5,
    gain: null,
    standardError: null,
    pays: true,
    reason: null,
  };
  const rungs = [
    rung,
    { ...rung, rung: "ramp", numbers: 2, loss: 0.4, gain: 0.08, standardError: 0.02 },
    {
      ...rung,
      rung: "groups",
      numbers: 6,
      loss: null,
      pays: false,
      reason: "58 labels for 6 numbers: 60 are needed",
    },
  ];
  const gate = {
    ...rainStory().gate!,
    rivals: [
      {
        name: "the deployed model, recalibrated",
        value: 0.7,
        difference: -0.08,
        interval: [-0.2, 0.04] as const,
      },
    ],
    tries: 3,
    confidence: 0.992,
    detectable: 0.112,
    rowsNeeded: 350,
  };
  const text = textOf(
    read({ rungs, gate, batchNorm: { layers: 2, recalibrated: 2, rows: 400, reason: null } }),
  );
  const told = [
    "A scale that goes with the depth20.400✓ gains +0.080 ± 0.020 on rows that did not choose: it pays",
    "A scale for each group of layers6–not tried: 58 labels for 6 numbers: 60 are needed",
    "The model has 2 layers of batch norm.",
    "measured anew on 400 live rows",
    "With 117 rows a difference below 0.112 cannot be told. About 350 rows would tell this one.",
    "These rows have been asked 3 times, so the interval is that of 99.2 %",
    "the deployed model, recalibrated0.700−0.080−0.200 to +0.040",
  ];
  for (const sentence of told) assert.ok(text.includes(sentence), `${sentence}: ${text}`);
  const folded = { layers: 0, recalibrated: 0, rows: 0, reason: "it was folded away" };
  assert.ok(
    textOf(read({ batchNorm: folded })).includes("Batch norm was not recalibrated: it was folded away."),
  );
  const plain = textOf(read());
  for (const word of ["One number or more?", "Batch norm", "What else could be put"])
    assert.not(plain.includes(word));
});

test("a metric of which more is better", () => {
  const gate = {
    keep: 0.6,
    rollback: 0.7,
    repaired: 0.75,
    difference: 0.15,
    interval: [0.05, 0.2] as const,
    rows: 100,
  };
  const rows = [{ data: "all", before: 0.6, rollback: 0.7, after: 0.75, count: 9 }];
  const text = textOf(read({ metric: "accuracy", gate, table: { metric: "accuracy", rows } }));
  assert.ok(text.includes("All of it lies on the better side of zero."));
  assert.ok(text.includes("accuracy, higher is better"));
  assert.ok(text.includes("all90.6000.700best 0.750+0.150"));
});

test("a run that stopped early has its page too", () => {
  const text = textOf(
    read({
      windows: [],
      triggerWindow: null,
      choice: { chosen: null, passedOver: [] },
      curve: [],
      scale: null,
      barrier: null,
      gate: null,
      control: null,
      outcome: "no-healthy-ancestor",
      published: null,
      lineage: { nodes: [], edges: [] },
      table: { metric: "log-loss", rows: [] },
    }),
  );
  assert.ok(text.includes("✕ no healthy ancestor"));
  assert.ok(text.includes("No window was closed."));
  assert.ok(text.includes("There was no ancestor to choose from."));
  assert.ok(text.includes("No scale was tried."));
  assert.ok(text.includes("The run did not get as far as the gate."));
});

test("no drift, an ancestor of unknown health, a scale that is not the lowest, an outcome of no known kind", () => {
  const calm = textOf(read({ windows: [storyWindow()], triggerWindow: null, outcome: "no-drift" }));
  assert.ok(calm.includes("In 1 window the data stayed as the model knows it."));
  assert.ok(calm.includes("rain@1 was chosen, 2 derivations away. 1 other was passed over."));
  const text = textOf(read({ scale: 1, barrier: 0.3, outcome: "postponed" }));
  assert.ok(text.includes("The choice fell on scale 1; its loss is 0.561."));
  assert.ok(text.includes("the curve rises 0.300 above the straight line"));
  assert.ok(text.includes("? postponed"));
});

test("hostile text in every place: nothing breaks out", () => {
  for (const name of hostileNames) {
    const features = Object.create(null) as RepairStory["windows"][number]["features"] &
      Record<string, unknown>;
    Object.assign(features, Object.fromEntries([[name, { psi: 0.5, pValueAtThreshold: 0, verdict: name }]]));
    const elements = read({
      title: name,
      intro: name,
      metric: name,
      outcome: name,
      windows: [storyWindow({ label: name, verdict: name, features, ancestors: [{ name, verdict: name }] })],
      triggerWindow: 0,
      choice: { chosen: { name, distance: 1 }, passedOver: [{ name, reason: name }] },
      published: { name, id: name, path: name },
      table: { metric: name, rows: [{ data: name, before: 1, rollback: null, after: 2, count: 3 }] },
      lineage: {
        nodes: [{ id: name, name, version: name, createdMs: 0, marks: [name], note: name }],
        edges: [],
      },
    });
    assert.is(elements.filter(({ tag }) => tag === "script" || tag === "img").length, 0);
  }
});

test("numbers that are none reach no coordinate", () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of bad) {
    const gate = {
      keep: value,
      rollback: value,
      repaired: value,
      difference: value,
      interval: [value, value] as const,
      rows: 0,
    };
    const elements = read({
      curve: [
        { scale: 0, loss: value },
        { scale: 1, loss: 0.5 },
      ],
      gate,
      control: { keep: value, repaired: value, rows: 0 },
      windows: [
        storyWindow({ features: { wind: { psi: value, pValueAtThreshold: value, verdict: "drift" } } }),
      ],
      triggerWindow: 9,
    });
    assert.ok(textOf(elements).includes("1 scale gave no finite loss."));
  }
});

test("every drawing lies within its frame", () => {
  const windows = Array.from({ length: 60 }, (_, index) =>
    storyWindow({
      atRow: 1000 * index,
      verdict: index % 7 === 0 ? "drift" : "stable",
      phase: index < 40 ? "before" : "after",
    }),
  );
  for (const changes of [
    {},
    { windows, triggerWindow: 35 },
    { windows: windows.slice(0, 1), triggerWindow: 0 },
  ]) {
    let frame = [0, 0];
    for (const { tag, attributes } of read(changes)) {
      if (tag === "svg") frame = numbersOf(attributes.get("viewBox")!).slice(2);
      for (const [xName, yName] of [
        ["x", "y"],
        ["cx", "cy"],
      ] as const) {
        if (!attributes.has(xName)) continue;
        const [x, y] = [Number(attributes.get(xName)), Number(attributes.get(yName))];
        assert.ok(x >= 0 && x <= frame[0]! && y >= 0 && y <= frame[1]!, `${tag} at ${x}, ${y} of ${frame}`);
      }
    }
  }
});

test("many features: six names, the rest faint", () => {
  const features = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [
      `f${index}`,
      { psi: index / 10, pValueAtThreshold: 0.1, verdict: "stable" },
    ]),
  );
  const elements = read({
    windows: [storyWindow({ features }), storyWindow({ features })],
    triggerWindow: null,
  });
  const faint = elements.filter(({ attributes }) => attributes.get("class") === "line minor");
  assert.is(faint.length, 2 * 24);
  assert.ok(textOf(elements).includes("24 more are in the table"));
});

test("wide and narrow drawings of small lineages, one of large ones", () => {
  const classes = (elements: readonly Element[]) =>
    elements.filter(({ tag }) => tag === "svg").map(({ attributes }) => attributes.get("class"));
  assert.is(classes(read()).filter((name) => name === "narrow").length, 4);
  assert.is(classes(read({ lineage: randomLineage(1, 31) })).filter((name) => name === "narrow").length, 3);
});

test("the same story gives the same bytes", () => {
  const { nodes, edges } = rainLineage();
  const shuffled = { nodes: nodes.toReversed(), edges: edges.toReversed() };
  assert.is(repairPage(rainStory({ lineage: shuffled })), repairPage(rainStory()));
});

test.run();
