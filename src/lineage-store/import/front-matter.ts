/**
 * The YAML metadata at the head of a model card.
 * Source: huggingface_hub, repocard.py: it begins with a line `---` and ends with the next one.
 */
import { MendlineError, messageOf } from "../../errors.js";
import { cardMetadataBytesMax } from "../../limits.js";
import { Foreign, malformed } from "./foreign.js";

/** Aliases may make a document this many times larger: what the YAML library has by default against "billion laughs". */
const aliasCountMax = 100;

/** @throws MendlineError MENDLINE_DATA_FORMAT, MENDLINE_DATA_LIMIT, MENDLINE_DATA_MALFORMED */
export async function frontMatter(path: string, text: string): Promise<Foreign> {
  const yaml = yamlBlock(path, text);
  if (Buffer.byteLength(yaml) > cardMetadataBytesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${path}: the metadata has ${Buffer.byteLength(yaml)} bytes, a card's may have ${cardMetadataBytesMax}`,
    );
  }
  // Loaded here: no other command needs it.
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(yaml, {
      schema: "core",
      maxAliasCount: aliasCountMax,
      logLevel: "error",
      prettyErrors: true,
    });
  } catch (error) {
    throw malformed(`${path}:`, `the metadata is no YAML: ${firstLine(messageOf(error))}`, error);
  }
  return new Foreign(`${path}:`, value ?? {});
}

function yamlBlock(path: string, text: string): string {
  const begin = /^\ufeff?\s*---[ \t]*\r?\n/.exec(text);
  const rest = begin === null ? "" : text.slice(begin[0].length);
  const end = /^---[ \t]*\r?$/m.exec(rest);
  if (end !== null) return rest.slice(0, end.index);
  throw new MendlineError(
    "MENDLINE_DATA_FORMAT",
    `${path} is no model card: one begins with YAML metadata between two lines of ---`,
    { details: { path } },
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.replace(/:$/, "");
}
