/**
 * HTML that cannot forget to escape: whatever is put into an `html` template is escaped unless it is Markup itself.
 *
 * Names come from data, so they may hold tags, control characters and marks that turn the direction of the text round. The
 * invisible ones are written out (`[U+202E]`): nobody can pass one name off as another, or as part of the page.
 */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Lists are joined; null, undefined and false are nothing, so that `condition && html...` reads well. */
export type Part = Markup | string | number | null | undefined | false | readonly Part[];

/** The template's own text is trusted; values are escaped, for text and for quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  let text = strings[0]!;
  parts.forEach((part, index) => {
    text += rendered(part) + strings[index + 1]!;
  });
  return new Markup(text);
}

/** For constants of this folder (styles, scripts, path data) only, never for data. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function rendered(part: Part): string {
  if (part instanceof Markup) return part.toString();
  if (Array.isArray(part)) return part.map(rendered).join("");
  if (part === null || part === undefined || part === false) return "";
  return escapeText(String(part));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeText(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => entities[character]!);
}

/**
 * Control and format characters (Cc, Cf: direction marks, zero-width ones, escapes of terminals), line separators and lone
 * surrogates as `[U+XXXX]`. The two joiners stay: Persian, Indic scripts and emoji need them.
 */
export function visibleText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    character === "\u200c" || character === "\u200d" ? character : `[${codePointName(character)}]`,
  );
}

function codePointName(character: string): string {
  return "U+" + character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
}

/** A name of the data within text: its own direction, cut to a readable length, the whole of it on hovering. */
export function nameMarkup(name: string, lengthMax = 80): Markup {
  const short = clipText(visibleText(name), lengthMax);
  if (short === visibleText(name)) return html`<bdi>${name}</bdi>`;
  return html`<bdi title="${clipText(visibleText(name), 400)}">${short}</bdi>`;
}

/** At most `lengthMax` code points, the last of them an ellipsis where something was cut. */
export function clipText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  // Two units a code point at most: a prefix of twice the length holds all that can be shown.
  const points = [...text.slice(0, 2 * lengthMax + 2)];
  return points.length <= lengthMax ? text : points.slice(0, lengthMax - 1).join("") + "…";
}
