import { test } from "uvu";
import * as assert from "uvu/assert";
import { repairText } from "../../../src/host/cli/repair-text.js";
import type { FeatureReport, RepairReport } from "../../../src/index.js";

function feature(verdict: FeatureReport["verdict"], psi: number, p: number): FeatureReport {
  return {
    kind: "numeric",
    logical: "float",
    verdict,
    rule: { kind: "calibrated" },
    votes: true,
    psi: {
      value: psi,
      debiased: psi,
      pValue: p,
      pValueAtThreshold: p,
      pValueAdjusted: p,
      threshold: 0.2,
      detectable: 0.1,
      bins: 10,
    },
    ks: null,
    kl: { value: psi / 2, pValue: p },
    js: { distance: 0.1 },
    tv: { distance: 0.1 },
    shift: null,
    explanation: { sentence: "It moved.", contributions: [] },
    missing: { reference: 0, current: 0 },
    nonFinite: { reference: 0, current: 0 },
    counts: { reference: [], current: [] },
  };
}

const published: RepairReport = {
  outcome: "published",
  reason: "log-loss changes by -0.106",
  run: "run-1",
  dryRun: false,
  drift: {
    verdict: "drift",
    rows: { reference: 1096, current: 365 },
    features: { season: feature("stable", 0.001, 1), wind: feature("drift", 0.99, 5e-18) },
  },
  ancestor: { id: "a".repeat(64), label: "rain@1", distance: 2, totalPsi: 0.7 },
  passedOver: [{ id: "b".repeat(64), label: "rain@2", distance: 1, reason: "drifted too" }],
  ancestors: [],
  compatibility: null,
  batchNorm: null,
  repaired: { kind: "ancestor", id: "a".repeat(64) },
  rungs: [],
  scale: 1,
  curve: [
    { scale: 0, loss: 0.74 },
    { scale: 0.5, loss: 0.66 },
    { scale: 1, loss: 0.58 },
  ],
  barrier: 0.012,
  gate: {
    metric: "log-loss",
    keep: 0.743,
    rollback: 0.583,
    repaired: 0.573,
    difference: -0.17,
    interval: [-0.2, -0.1],
    againstRollback: { difference: -0.01, interval: null },
    rivals: [],
    rows: 117,
    confidence: 0.95,
    tries: 1,
    detectable: 0.09,
    rowsNeeded: null,
  },
  control: {
    metric: "log-loss",
    keep: 0.466,
    repaired: 0.48,
    margin: 0.0233,
    rows: 365,
    upperBound: 0.03,
    proven: false,
    passed: true,
  },
  model: { id: "c".repeat(64), name: "rain", version: "3-repair.1" },
  path: "/srv/model/model.onnx",
  drifted: "d".repeat(64),
  knownLabels: null,
  labelRequest: null,
};

const rung = { loss: null, crossValidated: null, gain: null, standardError: null, pays: false, reason: null };

test("a published repair, from drift to file", () => {
  const bar = (length: number) => "#".repeat(length);
  assert.is(
    repairText(published),
    [
      "live data    drift: 1 of 2 features on 365 rows: wind (PSI 0.990, p 5e-18)",
      "passed over  rain@2, 1 derivation away: drifted too",
      "ancestor     rain@1, 2 derivations away; PSI of all features 0.700",
      "scale        1.000 (0 keeps, 1 rolls back); barrier 0.012",
      `             0.000  loss 0.740  ${bar(30)}`,
      `             0.500  loss 0.660  ${bar(16)}`,
      `             1.000  loss 0.580  ${bar(1)}  <- chosen`,
      "gate         log-loss on 117 rows: keep 0.743, roll back 0.583, repaired 0.573",
      "             repaired - keep -0.170 [-0.200, -0.100]",
      "             repaired - roll back -0.010 (no interval: one loss for all rows)",
      "             with 117 gate rows a difference below 0.090 cannot be told",
      "control      log-loss on 365 rows: keep 0.466, repaired 0.480, passed (margin 0.023, at most +0.030 at 95 %)",
      "outcome      published: log-loss changes by -0.106",
      `model        rain@3-repair.1 ${"c".repeat(64)}`,
      "file         /srv/model/model.onnx",
      "run          run-1",
    ].join("\n"),
  );
});

test("a repair that ended early tells only what there is", () => {
  const ended: RepairReport = {
    ...published,
    outcome: "no-drift",
    reason: "the live data has not drifted",
    drift: {
      verdict: "stable",
      rows: { reference: 10, current: 1 },
      features: { wind: feature("stable", 0.1, 1) },
    },
    ancestor: null,
    passedOver: [],
    scale: null,
    curve: [],
    barrier: null,
    gate: null,
    control: null,
    model: null,
    path: null,
  };
  assert.is(
    repairText(ended),
    [
      "live data  stable: 0 of 1 feature on 1 row",
      "outcome    no-drift: the live data has not drifted",
      "run        run-1",
    ].join("\n"),
  );
});

test("a dry run says that nothing was published; a flat or infinite curve has bars too", () => {
  const text = repairText({
    ...published,
    dryRun: true,
    curve: [
      { scale: 0, loss: 0.5 },
      { scale: 1, loss: Number.POSITIVE_INFINITY },
    ],
  });
  assert.match(text, /outcome +would be published \(dry run\): /);
  assert.match(text, /0\.000 {2}loss 0\.500 {2}#\n/);
  assert.match(text, /1\.000 {2}loss Infinity {2}#/);
});

test("more numbers than one, ancestors behind the chosen one, tensors left alone, rows asked before", () => {
  const text = repairText({
    ...published,
    ancestors: [
      {
        id: "b".repeat(64),
        label: "rain@2",
        distance: 1,
        verdict: "drift",
        totalPsi: 2,
        reason: "drifted too",
      },
      { id: "a".repeat(64), label: "rain@1", distance: 2, verdict: "stable", totalPsi: 0.7, reason: null },
      {
        id: "d".repeat(64),
        label: "rain@0",
        distance: 3,
        verdict: null,
        totalPsi: null,
        reason: "no profile",
      },
    ],
    compatibility: {
      cosine: 0.91,
      tensorCount: 7,
      renamedCount: 2,
      frozenCount: 1,
      copiedCount: 0,
      tensors: [],
    },
    scale: null,
    repaired: { kind: "ramp", ancestor: "a".repeat(64), first: 0.2, last: 1 },
    rungs: [
      { ...rung, rung: "single", numbers: 1, pays: true },
      { ...rung, rung: "ramp", numbers: 2, gain: 0.02, standardError: 0.01, pays: true },
      { ...rung, rung: "groups", numbers: 3, reason: "25 labels for 3 numbers: 30 are needed" },
    ],
    gate: {
      ...published.gate!,
      rivals: [
        { name: "the lowest-drift ancestor rain@0", value: 0.6, difference: -0.03, interval: [-0.1, 0.04] },
      ],
      confidence: 0.975,
      tries: 2,
      rowsNeeded: 230,
    },
  });
  for (const line of [
    "others       rain@0, 3 derivations away: no profile",
    "weights      7 tensors, cosine 0.910; 2 matched by their place in the graph; 1 left as they are",
    "scale        no single one (0 keeps, 1 rolls back); barrier 0.012",
    "numbers      a scale that goes with the depth (2): gains +0.020 with an error of 0.010 on rows that did not choose, which pays",
    "             a scale for each group of layers (3): not tried, 25 labels for 3 numbers: 30 are needed",
    "             from 0.200 to 1.000",
    "             repaired - the lowest-drift ancestor rain@0 -0.030 [-0.100, +0.040]",
    "             about 230 would tell this one",
    "             try 2 on these rows: intervals are at 97.5 %",
  ]) {
    assert.ok(text.split("\n").includes(line), `${line}\n\n${text}`);
  }
});

test.run();
