/** A request as a file for the tools that people label with. What is written can be filled in, and imported again. */
import type { LabelRequest } from "./label-request.js";
import { labelStudioConfig, labelStudioTasks } from "./label-studio.js";
import { labelText } from "./label-values.js";

export const labelFormats = ["csv", "ndjson", "label-studio", "label-studio-config"] as const;
/** `label-studio-config` is the labelling interface of a project that imports the tasks. */
export type LabelFormat = (typeof labelFormats)[number];

export function exportText(request: LabelRequest, format: LabelFormat): string {
  if (format === "label-studio") return `${JSON.stringify(labelStudioTasks(request), null, 2)}\n`;
  if (format === "label-studio-config") return labelStudioConfig(request);
  return format === "csv" ? csvText(request) : ndjsonText(request);
}

/** Columns of our own come first; a feature of the same name would be taken for them, and is written with its name in brackets. */
function csvText({ question, answers }: LabelRequest): string {
  const own = ["pointId", "label", "annotator"];
  const names = question.features.map((name) => (own.includes(name) ? `(${name})` : name));
  const lines = question.points.map(({ pointId, values }) => {
    const { label } = answers.get(pointId)!;
    return [pointId, label === null ? "" : labelText(label, question), ...values.map((value) => value ?? "")];
  });
  return [["pointId", "label", ...names], ...lines]
    .map((line) => `${line.map(csvCell).join(",")}\n`)
    .join("");
}

function ndjsonText({ question, answers }: LabelRequest): string {
  const { points, features } = question;
  return points
    .map(({ pointId, values }) => {
      const { label } = answers.get(pointId)!;
      const row = {
        ...Object.fromEntries(features.map((name, index) => [name, values[index]!])),
        pointId,
        label: label === null ? null : labelText(label, question),
      };
      return `${JSON.stringify(row)}\n`;
    })
    .join("");
}

function csvCell(cell: string | number): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
