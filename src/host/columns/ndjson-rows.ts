/** NDJSON text to one flat object a line. */
import { MendlineError, messageOf } from "../../errors.js";
import { lineAt, type TextFile, textBlocks } from "./text-blocks.js";

export type JsonCell = null | boolean | number | string;

/** A row's cells by key, in the line's order (keys that look like indexes first, as JavaScript has it). A Map: `__proto__` is a key. */
export type JsonRow = ReadonlyMap<string, JsonCell>;

const byteOrderMark = "\ufeff";
const blankPattern = /^[ \t\r]*$/;
// Python's json.dumps writes these bare, though JSON has no such numbers. Strings are matched first, so as to be passed over; one that
// never ends is matched to the line's end, so that hostile lines take linear time.
const bareNumbersPattern = /"(?:[^"\\]+|\\[\s\S])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;

/**
 * Rows in the portions that one block of text holds; blank lines are skipped.
 *
 * @throws MendlineError MENDLINE_DATA_MALFORMED  a line that is no JSON object, or a cell that is an object or a list
 * @throws MendlineError MENDLINE_DATA_LIMIT, MENDLINE_TASK_ABORTED
 */
export async function* ndjsonRows(file: TextFile, signal?: AbortSignal): AsyncGenerator<JsonRow[]> {
  let blockOffset = 0;
  for await (const block of textBlocks(file, signal)) {
    const text = block.toString("utf8");
    const lines = (blockOffset === 0 && text.startsWith(byteOrderMark) ? text.slice(1) : text).split("\n");
    const rows: JsonRow[] = [];
    for (const [index, line] of lines.entries()) {
      if (blankPattern.test(line)) continue;
      try {
        rows.push(rowOf(line));
      } catch (thrown) {
        const number = (await lineAt(file, blockOffset)) + index;
        throw new MendlineError(
          "MENDLINE_DATA_MALFORMED",
          `${file.label}: line ${number}: ${messageOf(thrown)}`,
          {
            details: { line: number },
          },
        );
      }
    }
    if (rows.length > 0) yield rows;
    blockOffset += block.length;
  }
}

function rowOf(line: string): JsonRow {
  const parsed = parseLine(line);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("not a JSON object; write one object a line");
  }
  const row = new Map<string, JsonCell>();
  for (const [key, cell] of Object.entries(parsed as Record<string, unknown>)) {
    if (typeof cell === "object" && cell !== null) {
      const what = Array.isArray(cell) ? "a list" : "an object";
      throw new TypeError(
        `"${key}" holds ${what}; a cell is a number, a text, true, false or null: flatten it`,
      );
    }
    row.set(key, cell as JsonCell);
  }
  return row;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (thrown) {
    const plain = line.replace(bareNumbersPattern, plainNumber);
    try {
      if (plain !== line) return JSON.parse(plain);
    } catch {
      // The first message is about the line as it is written.
    }
    throw new SyntaxError(`no JSON object (${messageOf(thrown)}); write one object a line`);
  }
}

function plainNumber(token: string): string {
  if (token.startsWith('"')) return token;
  if (token === "NaN") return "null";
  return token === "Infinity" ? "1e999" : "-1e999";
}
