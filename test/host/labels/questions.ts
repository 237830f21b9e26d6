/** A request's question, small enough to be read. */
import type { LabelQuestion } from "../../../src/host/labels/label-request.js";

export function question(over: Partial<LabelQuestion> = {}): LabelQuestion {
  const points = ["p1", "p2", "p3"].map((pointId, index) => ({
    pointId,
    values: [index + 0.5, index === 1 ? null : `it's "${index}", really`],
    score: index / 2,
    random: index === 2,
    content: pointId,
  }));
  return {
    format: 1,
    model: "m",
    name: "rain",
    version: "3",
    run: null,
    kind: "classification",
    label: "rains",
    classes: ["dry", "rain"],
    features: ["wind", "text"],
    strategy: "mixed",
    seed: 0,
    committee: ["rain@3"],
    pool: { label: "pool", rows: 3 },
    points,
    budget: null,
    expiresMs: null,
    ...over,
  };
}
