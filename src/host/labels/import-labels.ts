/** Files of labels: CSV with pointId,label, NDJSON, or Label Studio's JSON export, told by their content. Checked whole before any counts. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";
import { labelFileBytesMax } from "../../limits.js";
import { csvRecords } from "../columns/csv-records.js";
import { ndjsonRows } from "../columns/ndjson-rows.js";
import type { Answer } from "./answers.js";
import type { AnswerSource, LabelRequest } from "./label-request.js";
import { answersOfExport } from "./label-studio.js";
import { bad, labelFrom, shown } from "./label-values.js";

export interface ReadLabels {
  readonly source: AnswerSource;
  readonly answers: readonly Answer[];
}

/** Who answered, where a file does not say. */
const annotatorDefault = "import";

/**
 * @throws MendlineError MENDLINE_REPAIR_LABELS  a point or a class that the request does not know: names the line
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND, MENDLINE_DATA_LIMIT, MENDLINE_DATA_MALFORMED, MENDLINE_DATA_SCHEMA
 */
export async function readLabels(
  path: string,
  request: LabelRequest,
  annotator: string = annotatorDefault,
): Promise<ReadLabels> {
  const bytes = await bytesIn(path);
  const head = bytes
    .toString("utf8", 0, 4096)
    .replace(/^\ufeff/, "")
    .trimStart();
  const kind = head.startsWith("[") ? "label-studio" : head.startsWith("{") ? "ndjson" : "csv";
  const source = { kind, name: path, sha256: createHash("sha256").update(bytes).digest("hex") } as const;
  const answers =
    kind === "label-studio"
      ? answersOfExport(parsed(bytes, path), request.question, path)
      : kind === "ndjson"
        ? await answersOfNdjson(path, request, annotator)
        : await answersOfCsv(path, request, annotator);
  checkPoints(answers, request, path);
  return { source, answers };
}

/** @throws MendlineError MENDLINE_REPAIR_LABELS  a point that is not the request's */
export function checkPoints(
  answers: readonly Answer[],
  { id, answers: known }: LabelRequest,
  label: string,
): void {
  const unknown = answers.find(({ pointId }) => !known.has(pointId));
  if (unknown === undefined) return;
  throw new MendlineError(
    "MENDLINE_REPAIR_LABELS",
    `${label}: point ${shown(unknown.pointId)} is none of ${id}: import it into the request that it came from`,
    { details: { pointId: unknown.pointId, request: id } },
  );
}

async function bytesIn(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size <= labelFileBytesMax) return await readFile(path);
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${path} has ${size} bytes, a file of labels ${labelFileBytesMax} at most: import it in parts`,
    );
  } catch (cause) {
    if (cause instanceof MendlineError) throw cause;
    throw new MendlineError("MENDLINE_DATA_NOT_FOUND", `${path}: ${messageOf(cause)}`, { cause });
  }
}

function parsed(bytes: Buffer, path: string): unknown[] {
  try {
    return JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, "")) as unknown[];
  } catch (cause) {
    throw new MendlineError("MENDLINE_DATA_MALFORMED", `${path}: no JSON list: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function answersOfCsv(path: string, { question }: LabelRequest, annotator: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  let header: string[] | null = null;
  let row = 0;
  for await (const records of csvRecords({ path, label: path, delimiter: "," })) {
    for (const record of records) {
      if (header === null) {
        header = checkedHeader(record, path);
        continue;
      }
      row += 1;
      const cell = (name: string) => record[header!.indexOf(name)]?.trim() ?? "";
      // A line of the exported file that nobody filled in.
      if (cell("label") === "") continue;
      answers.push({
        pointId: cell("pointId"),
        annotator: cell("annotator") || annotator,
        label: labelFrom(cell("label"), question, `${path}: row ${row}`),
        annotation: null,
      });
    }
  }
  if (header === null) throw new MendlineError("MENDLINE_DATA_EMPTY", `${path}: there are no labels in it`);
  return answers;
}

function checkedHeader(header: string[], path: string): string[] {
  const names = header.map((name) => name.trim());
  const missing = ["pointId", "label"].filter((name) => !names.includes(name));
  if (missing.length === 0) return names;
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${path}: column ${missing.join(" and ")} is missing: a CSV of labels needs pointId,label`,
    { details: { file: path, missing } },
  );
}

async function answersOfNdjson(
  path: string,
  { question }: LabelRequest,
  annotator: string,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let row = 0;
  for await (const rows of ndjsonRows({ path, label: path })) {
    for (const cells of rows) {
      row += 1;
      const where = `${path}: row ${row}`;
      const [pointId, label, by] = ["pointId", "label", "annotator"].map((name) => cells.get(name) ?? null);
      if (typeof pointId !== "string") throw bad(`${where}: pointId is missing, or no text`);
      const isSkipped = cells.get("skipped") === true;
      if (label === null && !isSkipped) continue;
      const base = {
        pointId,
        annotator: typeof by === "string" && by !== "" ? by : annotator,
        annotation: null,
      };
      answers.push({
        ...base,
        label: isSkipped ? null : labelFrom(String(label), question, where),
      });
    }
  }
  return answers;
}
