/**
 * A lexer for the parts of TypeScript that hold imports: enough to know code from comments, strings, templates and regular
 * expressions. TypeScript 7 has no JavaScript compiler API to ask.
 *
 * Known limit: whether `/` divides or opens a regular expression is told by the token before it. A wrong guess ends at the end
 * of the line at the latest, because neither a string nor a regular expression goes past it.
 */

export interface SourceToken {
  /** `opaque` is a template with substitutions: a string whose value the source does not tell. */
  readonly kind: "word" | "punctuation" | "string" | "opaque" | "regex";
  /** The value without quotes for strings, the text for the rest. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const spacePattern = /\s+/y;
const commentPattern = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const wordPattern = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*|\d[\w.]*/uy;
const stringPattern = /"((?:[^"\\\n]|\\[\s\S])*)"?|'((?:[^'\\\n]|\\[\s\S])*)'?/y;
const regexPattern = /\/(?![*/])(?:[^\\/[\n]|\\[^\n]|\[(?:[^\\\]\n]|\\[^\n])*\])+\/[a-z]*/y;
/** Words after which a value must follow, so that `/` opens a regular expression. */
const operatorWords = new Set(
  "await case delete do else in instanceof of return throw typeof void yield".split(" "),
);

/** Whether a `/` after the last of `tokens` opens a regular expression. */
function regexMayFollow(tokens: readonly SourceToken[]): boolean {
  const last = tokens.at(-1);
  if (last === undefined) return true;
  if (last.kind === "word") return operatorWords.has(last.text);
  if (last.kind !== "punctuation") return false;
  if (last.text === ")" || last.text === "]") return false;
  // `x! / y` and `i++ / 2`: the mark belongs to the value before it.
  const before = tokens.at(-2);
  const afterValue = before?.kind === "word" || before?.text === ")" || before?.text === "]";
  return (
    !(afterValue && last.text === "!") && !"+-".split("").some((c) => c === last.text && before?.text === c)
  );
}

/** The tokens of `source` in order; after them, each behind a `;`, those of the templates' `${ }`. */
export function sourceTokens(source: string): SourceToken[] {
  let tokens: SourceToken[] = [];
  const substituted: SourceToken[] = [];
  let at = 0;
  let line = 1;

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(source);
  }

  function advance(text: string): void {
    at += text.length;
    for (const character of text) if (character === "\n") line++;
  }

  function push(kind: SourceToken["kind"], text: string, raw: string): void {
    tokens.push({ kind, text, line });
    advance(raw);
  }

  function readTemplate(): void {
    const startLine = line;
    let opaque = false;
    let text = "";
    advance("`");
    while (at < source.length && source[at] !== "`") {
      if (source.startsWith("${", at)) {
        opaque = true;
        readSubstitution();
        continue;
      }
      const piece = source[at] === "\\" ? source.slice(at, at + 2) : source[at]!;
      text += piece;
      advance(piece);
    }
    advance("`");
    tokens.push({ kind: opaque ? "opaque" : "string", text, line: startLine });
  }

  function readSubstitution(): void {
    const outer = tokens;
    tokens = [{ kind: "punctuation", text: ";", line }];
    advance("${");
    readCode("}");
    advance("}");
    substituted.push(...tokens);
    tokens = outer;
  }

  /** Reads up to the end, or up to an unmatched `until`, which is left unread. */
  function readCode(until: string): void {
    let depth = 0;
    while (at < source.length) {
      const skipped = take(spacePattern) ?? take(commentPattern);
      if (skipped !== null) {
        advance(skipped[0]);
        continue;
      }
      const character = source[at]!;
      if (character === until && depth === 0) return;
      if (character === "`") {
        readTemplate();
        continue;
      }
      const word = take(wordPattern);
      const text = word === null ? take(stringPattern) : null;
      const regex = character === "/" && regexMayFollow(tokens) ? take(regexPattern) : null;
      if (word !== null) push("word", word[0], word[0]);
      else if (text !== null) push("string", text[1] ?? text[2] ?? "", text[0]);
      else if (regex !== null) push("regex", regex[0], regex[0]);
      else {
        if (character === "{") depth++;
        if (character === "}") depth--;
        push("punctuation", character, character);
      }
    }
  }

  readCode("");
  return [...tokens, ...substituted];
}
