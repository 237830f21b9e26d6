/** The shell of every page: one document, nothing fetched, and a policy under which injected script could not run. */
import { createHash } from "node:crypto";
import { formatTime, isoTime } from "./format.js";
import { html, type Markup, type Part, trusted, visibleText } from "./markup.js";
import { styleSheet } from "./styles.js";

export interface PageParts {
  readonly title: string;
  readonly body: Part;
  /** A constant of this folder; it is allowed by its hash. */
  readonly script?: string;
}

export function pageDocument({ title, body, script }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `style-src ${hashSource(styleSheet)}`,
    ...(script === undefined ? [] : [`script-src ${hashSource(script)}`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="mendline">
<title>${visibleText(title)}</title>
<style>${trusted(styleSheet)}</style>
</head>
<body>
<main>
${body}
</main>
${script !== undefined && html`<script>${trusted(script)}</script>`}
</body>
</html>
`.toString();
}

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

export function timeMarkup(ms: number): Markup {
  const iso = isoTime(ms);
  return iso === null ? html`${formatTime(ms)}` : html`<time datetime="${iso}">${formatTime(ms)}</time>`;
}

const verdicts: Readonly<Record<string, { sign: string; word: string; className: string }>> = {
  drift: { sign: "▲", word: "drift", className: "drift" },
  stable: { sign: "✓", word: "stable", className: "stable" },
  "insufficient-data": { sign: "?", word: "too few rows", className: "unsure" },
};

/** The class of a verdict; one that is not known looks unsure. */
export function verdictClass(verdict: string): string {
  return own(verdicts, verdict)?.className ?? "unsure";
}

/** Sign, word and colour. */
export function verdictMarkup(verdict: string): Markup {
  const { sign, word, className } = own(verdicts, verdict) ?? {
    sign: "•",
    word: verdict,
    className: "unsure",
  };
  return html`<span class="verdict ${className}">${sign} ${word}</span>`;
}

/** A value under its own key only: keys come from data, and `__proto__` is one. */
export function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

export function factsMarkup(facts: readonly { readonly term: string; readonly value: Part }[]): Markup {
  return html`<dl class="facts">${facts.map(({ term, value }) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Text of several paragraphs, parted by empty lines. */
export function paragraphsMarkup(text: string, className: string): Markup[] {
  return text
    .split(/\r?\n\s*\r?\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => html`<p class="${className}">${paragraph}</p>`);
}

export function footerMarkup(createdMs?: number): Markup {
  const when = createdMs !== undefined && html`, ${timeMarkup(createdMs)}`;
  return html`<footer>Made by mendline${when}. This page holds everything it shows and loads nothing.</footer>`;
}

/** A box that scrolls sideways by itself, by keyboard too. */
export function scrollMarkup(label: string, content: Part, className = "scroll"): Markup {
  return html`<div class="${className}" tabindex="0" role="region" aria-label="${label}">${content}</div>`;
}
