/**
 * Plain data as YAML that readers of YAML 1.1 (PyYAML, which the Hub's tools use) and of 1.2 take alike: block style, and text in
 * double quotes unless it can be nothing but text.
 * Source: https://yaml.org/spec/1.2.2, chapter 5.7 for the escapes; https://yaml.org/type for the words of 1.1.
 */
export type YamlValue =
  | null
  | boolean
  | number
  | string
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/** Longer keys need the form with a question mark (7.4.2: 1024 characters). */
const simpleKeyMax = 1_000;

/** One document's lines, each ending with a line end. Members that are undefined are left out. */
export function yamlText(value: { readonly [key: string]: YamlValue | undefined }): string {
  return mapLines(value)
    .map((line) => `${line}\n`)
    .join("");
}

function mapLines(map: { readonly [key: string]: YamlValue | undefined }): string[] {
  return Object.entries(map).flatMap(([key, value]) => (value === undefined ? [] : member(key, value)));
}

function member(key: string, value: YamlValue): string[] {
  const name = scalarText(key);
  const lead = name.length > simpleKeyMax ? [`? ${name}`, ":"] : [`${name}:`];
  if (isCollection(value) && !isEmpty(value)) return [...lead, ...indented(collectionLines(value), "  ")];
  return [...lead.slice(0, -1), `${lead.at(-1)} ${flatText(value)}`];
}

function collectionLines(value: object): string[] {
  if (!Array.isArray(value)) return mapLines(value as { readonly [key: string]: YamlValue });
  return value.flatMap((item: YamlValue) => {
    if (isEmpty(item) || !isCollection(item)) return [`- ${flatText(item)}`];
    const [first, ...rest] = collectionLines(item);
    return [`- ${first}`, ...indented(rest, "  ")];
  });
}

function indented(lines: readonly string[], by: string): string[] {
  return lines.map((line) => by + line);
}

function isCollection(
  value: YamlValue,
): value is readonly YamlValue[] | { readonly [key: string]: YamlValue } {
  return typeof value === "object" && value !== null;
}

function isEmpty(value: YamlValue): boolean {
  return isCollection(value) && Object.keys(value).length === 0;
}

function flatText(value: YamlValue): string {
  if (typeof value === "string") return scalarText(value);
  if (typeof value === "number") return numberText(value);
  if (Array.isArray(value)) return "[]";
  return isCollection(value) ? "{}" : String(value);
}

/** 1e-7 is text to YAML 1.1, which wants a point. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  return String(value).replace(/^(-?\d+)e/, "$1.0e");
}

/** Begins with a letter and holds nothing that YAML gives a meaning. */
const plain = /^[a-z][\w./-]*$/i;
const words = new Set(["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"]);

function scalarText(text: string): string {
  return plain.test(text) && !words.has(text.toLowerCase()) ? text : quoted(text);
}

/** JSON's escapes are YAML's; what JSON leaves as it is, and readers refuse, fold or cannot show, is escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, (character) => {
    const point = character.codePointAt(0)!.toString(16).toUpperCase();
    return point.length > 4 ? `\\U${point.padStart(8, "0")}` : `\\u${point.padStart(4, "0")}`;
  });
}
