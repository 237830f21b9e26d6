/** Label requests: logs of events, of which the first says what is asked. Nothing that was acknowledged is written over. */
import type { Json } from "./codec.js";
import type { Database, RecordReader } from "./database.js";
import { Fields } from "./fields.js";
import { keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { nextPlace } from "./walk.js";

export interface RequestEvent {
  readonly index: number;
  readonly event: string;
  readonly atMs: number;
  readonly data: Json;
}

export function eventCount(reader: RecordReader, requestId: string): number {
  return nextPlace(reader, (index) => keyOf("request", requestId, index));
}

/** In order; empty where there is no such request. */
export async function eventsOf(database: Database, requestId: string): Promise<RequestEvent[]> {
  const events: RequestEvent[] = [];
  for await (const { key, value } of database.entries(rangeOf(prefixOf("request", requestId)))) {
    const fields = new Fields(key, value);
    events.push({
      index: partsOf("request", key)[1],
      event: fields.text("event"),
      atMs: fields.number("atMs"),
      data: fields.json("data"),
    });
  }
  return events;
}

/** Ids, newest first. */
export async function* allRequests(database: Database): AsyncGenerator<string> {
  for await (const { key, value } of database.entries({ ...rangeOf(prefixOf("requests")), reverse: true })) {
    yield new Fields(key, value).text("requestId");
  }
}
