/** Label requests for people. */
import type { LabelPointDetails, LabelRequestDetails, LabelRequestSummary } from "../../index.js";
import { timeText } from "./figures.js";
import { type Cell, factsText, nameText, tableText } from "./table.js";

export const requestHelp = "id of a label request";

/** The command that asks for labels at the gate; without a pool it is what the model's monitors keep. */
export function requestLine(model: string, run: string, missing: number): string {
  return `mendline labels request ${model} --run ${run} --pool DATA --count ${missing} --random ${missing}`;
}

export function requestsText(requests: readonly LabelRequestSummary[]): string {
  return tableText(
    [
      { title: "request" },
      { title: "state" },
      { title: "model" },
      { title: "points", isNumber: true },
      { title: "labelled", isNumber: true },
      { title: "skipped", isNumber: true },
      { title: "conflicts", isNumber: true },
      { title: "made" },
    ],
    requests.map(({ id, state, modelName, pointCount, labelled, skipped, conflicts, createdMs }) => [
      id,
      state,
      modelName,
      String(pointCount),
      String(labelled),
      String(skipped),
      conflicts === 0 ? "0" : { text: String(conflicts), style: "yellow" },
      timeText(createdMs),
    ]),
  );
}

export function detailsText(request: LabelRequestDetails): string {
  const { agreement, budget, committee, pool, points } = request;
  const facts: [string, string][] = [
    ["request", request.id],
    ["state", request.state],
    ["model", nameText(request.modelName)],
    ["run", request.run ?? "none"],
    ["strategy", `${request.strategy}, seed ${request.seed}`],
    ["pool", `${nameText(pool.label)}, ${pool.rows} rows`],
    ["points", `${points.length}, of them ${points.filter(({ random }) => random).length} at random`],
    ["labels", `${request.labelled}, ${request.skipped} skipped, ${request.conflicts} in conflict`],
  ];
  if (committee.length > 0) facts.push(["committee", committee.map(nameText).join(", ")]);
  if (budget !== null) facts.push(["budget", budget.reason]);
  if (agreement.share !== null) {
    facts.push([
      "agreement",
      `${Math.round(100 * agreement.share)} % of pairs, on ${agreement.points} points with labels of several people`,
    ]);
  }
  for (const { run, outcome, chosen, random, stop } of request.rounds) {
    const end = stop == null ? "" : `; ${stopWords[stop]}`;
    facts.push(["round", `${run}: ${outcome}, with ${chosen} chosen and ${random} random points${end}`]);
  }
  return `${factsText(facts)}\n\n${pointsText(points)}`;
}

const stopWords = {
  decided: "decided",
  "budget-spent": "the labels that were to decide it are spent",
  "no-disagreement": "the models do not differ on what was labelled",
} as const;

function pointsText(points: readonly LabelPointDetails[]): string {
  const features = Object.keys(points[0]?.features ?? {});
  return tableText(
    [
      { title: "point" },
      { title: "drawn" },
      { title: "score", isNumber: true },
      { title: "label" },
      ...features.map((title) => ({ title })),
    ],
    points.map((point) => [
      point.pointId,
      point.random ? "random" : "chosen",
      point.score.toFixed(3),
      labelCell(point),
      ...features.map((name) => String(point.features[name] ?? "missing")),
    ]),
  );
}

function labelCell({ label, conflict, answers }: LabelPointDetails): Cell {
  if (conflict) {
    const told = answers.flatMap(({ label: given, annotator }) =>
      given === null ? [] : [`${given} (${annotator})`],
    );
    return { text: told.join(" / "), style: "yellow" };
  }
  if (label !== null) return String(label);
  return answers.length > 0 ? "skipped" : "-";
}
