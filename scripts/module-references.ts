/** Finds what a source file refers to: imports of every kind, re-exports, and files named for a worker. */
import { type SourceToken, sourceTokens } from "./source-tokens.js";

export interface ModuleReference {
  /** `type` is erased at run time; `worker` is `new URL("./x.js", import.meta.url)`. */
  readonly kind: "static" | "export" | "type" | "dynamic" | "worker";
  /** What stands in the quotes; undefined where it is computed, so that no rule can be checked. */
  readonly specifier: string | undefined;
  readonly line: number;
}

/** Texts of the tokens from `index` on, with `*` standing for any text. */
function matches(tokens: readonly SourceToken[], index: number, pattern: string): boolean {
  return pattern.split(" ").every((text, offset) => {
    const token = tokens[index + offset];
    if (token === undefined) return false;
    if (text === "*") return token.kind === "string" || token.kind === "opaque";
    return token.kind !== "string" && token.text === text;
  });
}

function literal(token: SourceToken | undefined): string | undefined {
  return token?.kind === "string" ? token.text : undefined;
}

/** The string after `from`, for a declaration that begins at `index`; undefined when it has none. */
function fromClause(tokens: readonly SourceToken[], index: number): string | undefined {
  for (let at = index + 1; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.kind === "word" && token.text === "from" && tokens[at + 1]?.kind === "string") {
      return tokens[at + 1]!.text;
    }
    const inClause = token.kind === "word" || (token.kind === "punctuation" && "{}*,".includes(token.text));
    // A renamed import may quote its name: import { "a-b" as x } from "y".
    if (!inClause && token.kind !== "string") return undefined;
  }
  return undefined;
}

/** `import type X from` and `export type {`, but not `import type from` (a default import of that name). */
function isTypeOnly(tokens: readonly SourceToken[], index: number): boolean {
  const next = tokens[index + 1];
  const after = tokens[index + 2];
  if (next?.kind !== "word" || next.text !== "type") return false;
  return after?.text !== "from" && after?.text !== ",";
}

function referenceAt(
  tokens: readonly SourceToken[],
  index: number,
): Omit<ModuleReference, "line"> | undefined {
  const word = tokens[index]!.text;
  if (tokens[index - 1]?.text === "." && word !== "resolve") return undefined;
  if (word === "import") {
    if (matches(tokens, index, "import *")) return { kind: "static", specifier: literal(tokens[index + 1]) };
    if (matches(tokens, index, "import (")) return { kind: "dynamic", specifier: literal(tokens[index + 2]) };
    const specifier = fromClause(tokens, index);
    if (specifier === undefined) return undefined;
    return { kind: isTypeOnly(tokens, index) ? "type" : "static", specifier };
  }
  if (word === "export") {
    const opens = isTypeOnly(tokens, index) ? index + 2 : index + 1;
    if (tokens[opens]?.text !== "{" && tokens[opens]?.text !== "*") return undefined;
    const specifier = fromClause(tokens, opens - 1);
    if (specifier === undefined) return undefined;
    return { kind: opens > index + 1 ? "type" : "export", specifier };
  }
  if (matches(tokens, index, "require ( *"))
    return { kind: "dynamic", specifier: literal(tokens[index + 2]) };
  const resolvers = ["require . resolve", "import . meta . resolve", "import . meta . url ) . resolve"];
  const resolves = resolvers.some((text) => matches(tokens, index - text.split(" ").length + 1, text));
  if (resolves && matches(tokens, index, "resolve ( *")) {
    return { kind: "dynamic", specifier: literal(tokens[index + 2]) };
  }
  return workerAt(tokens, index);
}

/** `new URL("./x.js", import.meta.url)`. A file that is no module is data and needs no rule. */
function workerAt(tokens: readonly SourceToken[], index: number): Omit<ModuleReference, "line"> | undefined {
  if (!matches(tokens, index, "new URL ( * , import . meta . url")) return undefined;
  const target = tokens[index + 3]!;
  if (target.kind === "opaque") return { kind: "worker", specifier: undefined };
  if (!/\.[cm]?[jt]s$/.test(target.text)) return undefined;
  return { kind: "worker", specifier: target.text.startsWith(".") ? target.text : `./${target.text}` };
}

/**
 * @param source  TypeScript
 * @returns every reference in the order of the source; comments, strings and regular expressions hold none
 */
export function moduleReferences(source: string): ModuleReference[] {
  const tokens = sourceTokens(source);
  const references: ModuleReference[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const reference = referenceAt(tokens, index);
    if (reference !== undefined) references.push({ ...reference, line: token.line });
  }
  return references;
}

/** Lines of the statements that are no `export … from`: a file of re-exports has none. */
export function linesBesideReexports(source: string): number[] {
  const lines: number[] = [];
  let statement: SourceToken[] = [];
  for (const token of [...sourceTokens(source), { kind: "punctuation", text: ";", line: 0 } as const]) {
    if (token.text !== ";" || token.kind !== "punctuation") {
      statement.push(token);
      continue;
    }
    const first = statement[0];
    const isReexport = first?.text === "export" && referenceAt(statement, 0) !== undefined;
    if (first !== undefined && !isReexport) lines.push(first.line);
    statement = [];
  }
  return lines;
}
