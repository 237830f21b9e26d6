/** Standard output and standard error: whole texts, one JSON document, one line a failure. */
import { errorTable, MendlineError, messageOf } from "../../errors.js";
import { visibleText } from "../pages/markup.js";

/** A reader that went away (`| head`) is no failure: what is left is not written, and the command ends as it would have. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/** Returns once the system has taken the text: the process may end right after it. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}

export function printText(text: string): Promise<void> {
  return write(process.stdout, text.endsWith("\n") ? text : `${text}\n`);
}

/** Whole numbers beyond 2^53 become text, as in profiles. */
export function jsonText(value: unknown): string {
  const plain = (_key: string, member: unknown) => (typeof member === "bigint" ? String(member) : member);
  return JSON.stringify(value, plain, 2);
}

/** The one document of `--json`, or the text for people. */
export function print(
  result: { json: unknown; text: () => string },
  options: { json?: boolean },
): Promise<void> {
  return printText(options.json === true ? jsonText(result.json) : result.text());
}

/**
 * What stands on standard error when a command fails: one line, whatever names of files and columns hold. The stack is for
 * MENDLINE_DEBUG=1.
 */
export function failureText(thrown: unknown): string {
  const isDebug = (process.env.MENDLINE_DEBUG ?? "") !== "";
  const line = `mendline: error: ${failureMessage(thrown, isDebug)}\n`;
  return isDebug && thrown instanceof Error ? `${line}${thrown.stack}\n` : line;
}

function failureMessage(thrown: unknown, isDebug: boolean): string {
  const message = oneLine(messageOf(thrown));
  if (isMendlineError(thrown)) return `${message} [${thrown.code}]`;
  return `unexpected: ${message}${isDebug ? "" : " (MENDLINE_DEBUG=1 shows where)"}`;
}

export function isMendlineError(thrown: unknown): thrown is MendlineError {
  return thrown instanceof MendlineError && Object.hasOwn(errorTable, thrown.code);
}

function oneLine(text: string): string {
  return visibleText(text.replace(/\s*[\r\n]+\s*/g, " ").trim());
}
