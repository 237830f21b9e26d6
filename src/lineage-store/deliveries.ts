/** What webhooks were told of deployments, or not told for good: a record for each, written once. */
import type { Database } from "./database.js";
import type { RecordWriter } from "./declare.js";
import { Fields } from "./fields.js";
import { keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { checkAlias, checkCount, checkText, checkTextOrNull } from "./rules.js";

export interface Delivery {
  /** Its name. */
  readonly webhook: string;
  readonly alias: string;
  /** Place in the alias's history. */
  readonly sequence: number;
  readonly attempts: number;
  /** Why it was abandoned; null where it was delivered. */
  readonly problem: string | null;
}

export interface RecordedDelivery extends Delivery {
  readonly atMs: number;
}

/** The same again changes nothing: the first word counts. */
export function addDelivery(writer: RecordWriter, delivery: Delivery): void {
  const { webhook, alias, sequence, attempts, problem } = delivery;
  checkText("the webhook", webhook);
  checkAlias(alias);
  checkCount("sequence", sequence);
  checkCount("attempts", attempts);
  checkTextOrNull("the problem", problem);
  const key = keyOf("delivery", webhook, alias, sequence);
  if (writer.read(key) === undefined) writer.put(key, { attempts, problem, atMs: writer.atMs });
}

/** The one of the latest place in the alias's history; null where there is none. */
export async function lastDelivery(
  database: Database,
  webhook: string,
  alias: string,
): Promise<RecordedDelivery | null> {
  const range = rangeOf(prefixOf("delivery", webhook, alias));
  for await (const key of database.keys({ ...range, reverse: true, limit: 1 })) {
    const fields = new Fields(key, database.read(key));
    return {
      webhook,
      alias,
      sequence: partsOf("delivery", key)[2],
      attempts: fields.number("attempts"),
      problem: fields.textOrNull("problem"),
      atMs: fields.number("atMs"),
    };
  }
  return null;
}
