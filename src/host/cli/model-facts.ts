/** What several commands tell about models. */
import type { Engine } from "../../index.js";

/** Names of the aliases that stand for each model, by id. */
export async function aliasesByModel(engine: Engine): Promise<Map<string, string[]>> {
  const byModel = new Map<string, string[]>();
  for await (const { alias, id } of engine.store.aliases()) {
    const names = byModel.get(id);
    if (names === undefined) byModel.set(id, [alias]);
    else names.push(alias);
  }
  return byModel;
}

/** `epochs=3, rate=0.01`; "" for nothing. */
export function pairsText(pairs: Readonly<Record<string, unknown>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
