/** A trial told in short lines. */
import type { TrialState, TrialVerdict } from "../../index.js";
import { formatCount, formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { differenceFigure, shareFigure } from "./figures.js";
import { factsText, nameText, paint, type Style } from "./table.js";

const styles: Readonly<Record<TrialVerdict, Style>> = {
  open: "yellow",
  better: "green",
  worse: "red",
  undecided: "yellow",
};

/** What becomes of the alias. */
const ends: Readonly<Record<TrialState["period"], Readonly<Record<TrialVerdict, string>>>> = {
  before: {
    open: "the alias moves when labels show the candidate to be better",
    better: "the alias serves the candidate",
    worse: "the alias stays where it was",
    undecided: "the alias stays where it was",
  },
  after: {
    open: "the alias goes back when labels show the candidate to be worse, or when it drifts",
    better: "the alias stays with the candidate",
    worse: "the alias serves again what it served before",
    undecided: "the alias stays with the candidate",
  },
};

/** @param labels  name@version by id */
export function trialText(alias: string, state: TrialState, labels: ReadonlyMap<string, string>): string {
  const { period, incumbent, candidate, verdict, reason, run } = state;
  const name = (id: string) => nameText(labels.get(id) ?? id);
  const facts: [string, string][] = [
    ["alias", nameText(alias)],
    ["candidate", `${name(candidate)}, ${period === "before" ? "not served yet" : "served"}`],
    ["against", `${name(incumbent)}, ${period === "before" ? "served" : "served before"}`],
    ["live rows", liveLine(state)],
    ["labelled", labelledLine(state)],
    [
      "verdict",
      `${paint(verdict, styles[verdict])}: ${reason === null ? "" : `${visibleText(reason)}; `}${ends[period][verdict]}`,
    ],
  ];
  if (run !== null) facts.push(["run", run]);
  return factsText(facts);
}

function liveLine({ rows, disagreements, nonFinite, options }: TrialState): string {
  if (rows === 0) return "none yet";
  const differ = `${formatCount(disagreements)} answered differently (${shareFigure(disagreements / rows)})`;
  const bad = nonFinite === 0 ? "" : `, ${formatCount(nonFinite)} without a finite answer of the candidate's`;
  const near =
    disagreements === rows && options.tolerance === 0 ? "; --tolerance says how near is the same" : "";
  return `${formatPlural(rows, "row")}, ${differ}${bad}${near}`;
}

function labelledLine({ labelled, meanDifference, looks, options, verdict }: TrialState): string {
  const next =
    verdict === "open" ? `; looked at when there are ${formatCount(options.rowsMin * 2 ** looks)}` : "";
  if (labelled === 0) return `none yet${next}`;
  return `${formatPlural(labelled, "row")}, candidate's loss less the other's ${differenceFigure(meanDifference)}${next}`;
}
