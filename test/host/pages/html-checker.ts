/** A strict reader of the pages' HTML: what it accepts is balanced, quoted, escaped, and fetches or runs nothing of its own. */

const voidTags = new Set(["meta", "br", "hr", "input", "link", "img"]);
const rawTags = new Set(["style", "script"]);

export interface Element {
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Unescaped; of raw elements as it stands. */
  text: string;
}

/** @throws Error on the first fault, with what stands there */
export function readHtml(html: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  let at = html.startsWith("<!doctype html>\n") ? 16 : 0;
  while (at < html.length) {
    if (html[at] !== "<") {
      const end = nextTag(html, at);
      const text = decodeText(html.slice(at, end));
      for (const element of open) element.text += text;
      at = end;
      continue;
    }
    const close = /^<\/([a-z0-9]+)>/.exec(html.slice(at, at + 40));
    if (close !== null) {
      const element = open.pop();
      if (element?.tag !== close[1]) fail(`</${close[1]}> closes <${element?.tag ?? "nothing"}>`, html, at);
      at += close[0].length;
      continue;
    }
    const tag = readTag(html, at);
    elements.push(tag.element);
    at = tag.end;
    if (rawTags.has(tag.element.tag)) {
      const end = html.indexOf(`</${tag.element.tag}>`, at);
      if (end < 0) fail("a raw element never ends", html, at);
      tag.element.text = html.slice(at, end);
      at = end + tag.element.tag.length + 3;
    } else if (!tag.isClosed && !voidTags.has(tag.element.tag)) open.push(tag.element);
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)!.tag}> is never closed`);
  checkAttributes(elements);
  return elements;
}

function nextTag(html: string, from: number): number {
  const end = html.indexOf("<", from);
  return end < 0 ? html.length : end;
}

function readTag(html: string, start: number): { element: Element; end: number; isClosed: boolean } {
  const name = /^<([a-z][a-z0-9]*)/.exec(html.slice(start, start + 30));
  if (name === null) fail("no tag begins like this", html, start);
  const attributes = new Map<string, string>();
  let at = start + name![0].length;
  const pattern = / ([A-Za-z:-]+)(?:="([^"<>]*)")?/y;
  for (;;) {
    pattern.lastIndex = at;
    const found = pattern.exec(html);
    if (found === null) break;
    if (attributes.has(found[1]!)) fail(`attribute ${found[1]} twice`, html, start);
    attributes.set(found[1]!, decodeText(found[2] ?? ""));
    at = pattern.lastIndex;
  }
  const end = /^\/?>/.exec(html.slice(at, at + 2));
  if (end === null) fail("a tag does not end after its attributes", html, at);
  const element = { tag: name![1]!, attributes, text: "" };
  return { element, end: at + end![0].length, isClosed: end![0] === "/>" };
}

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

function decodeText(text: string): string {
  if (/[\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(text))
    throw new Error(`raw control in ${JSON.stringify(text)}`);
  return text.replace(/&[^;]{0,8};?/g, (entity) => {
    const character = entities[entity];
    if (character === undefined) throw new Error(`unknown entity ${entity}`);
    return character;
  });
}

function checkAttributes(elements: readonly Element[]): void {
  const ids = new Set<string>();
  for (const { tag, attributes } of elements) {
    const id = attributes.get("id");
    if (id !== undefined && ids.has(id)) throw new Error(`id ${id} twice`);
    if (id !== undefined) ids.add(id);
    for (const [name, value] of attributes) {
      if (/^on|^style$|^src$|^xlink/.test(name)) throw new Error(`<${tag}> has ${name}`);
      if (/NaN|undefined|Infinity/.test(value) && !/title|label/.test(name)) {
        throw new Error(`<${tag} ${name}="${value}">`);
      }
    }
  }
  for (const { attributes } of elements) {
    const href = attributes.get("href");
    if (href !== undefined && !(href.startsWith("#") && ids.has(href.slice(1)))) {
      throw new Error(`href ${href} leads nowhere`);
    }
  }
}

function fail(what: string, html: string, at: number): never {
  throw new Error(`${what}: …${html.slice(Math.max(0, at - 60), at + 80)}…`);
}

/** Every number of an attribute's value, for drawings. */
export function numbersOf(text: string): number[] {
  return (text.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
}
