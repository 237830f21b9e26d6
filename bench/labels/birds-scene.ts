/** How large is the bird that an aircraft struck: a model of the whole country, fine-tuned on Hawaii, sent to all other states. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "csv-parse/sync";
import { scalingOf } from "./encoding.js";
import type { LabelScene, RawRow } from "./scene.js";
import { trainedScene } from "./trained-scene.js";

/** Models learn from strikes before it. */
const liveFromYear = 1998;
/** Of the fourteen states with the most strikes the only one whose model mendline finds drifted in the others. */
const home = "Hawaii";
const sizes = ["Small", "Medium", "Large"];
const phases = ["Approach", "Climb", "Take-off run", "Landing Roll", "Descent"];
const times = ["Day", "Night", "Dusk", "Dawn"];
const dayMs = 86_400_000;

interface Strike {
  readonly year: number;
  readonly state: string;
  readonly row: RawRow;
}

export function birdsScene(epochsMax = Infinity): LabelScene {
  const strikes = readStrikes();
  const early = strikes.filter(({ year }) => year < liveFromYear);
  const rows = (of: readonly Strike[]) => of.map(({ row }) => row);
  const base = rows(early);
  return trainedScene(
    {
      name: "birds",
      story:
        "size of the bird in three classes; trained on Hawaii, sent to the other states (FAA Wildlife Strike Database, birdstrikes.csv of vega-datasets)",
      inputs: [
        { kind: "season", name: "day_of_year" },
        { kind: "number", name: "speed", scaling: scalingOf(base, "speed") },
        { kind: "category", name: "phase", names: phases },
        { kind: "category", name: "time", names: times.slice(0, -1) },
      ],
      features: ["day_of_year", "speed", "phase", "time"],
      label: "size",
      classCount: sizes.length,
      base,
      tuned: rows(early.filter(({ state }) => state === home)),
      live: rows(strikes.filter(({ year, state }) => year >= liveFromYear && state !== home)),
    },
    epochsMax,
  );
}

/** Those with a speed, in flight or on the runway. */
function readStrikes(): Strike[] {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const text = readFileSync(join(dirname(entry), "..", "data", "birdstrikes.csv"));
  const records = parse(text, { columns: true }) as Record<string, string>[];
  return records.flatMap((record) => {
    const speed = record["Speed IAS in knots"]!;
    const phase = record["Phase of flight"]!;
    if (speed === "" || !phases.includes(phase)) return [];
    const date = record["Flight Date"]!;
    const year = Number(date.slice(0, 4));
    return [
      {
        year,
        state: record["Origin State"]!,
        row: {
          day_of_year: (Date.parse(date) - Date.parse(`${year}-01-01`)) / dayMs + 1,
          speed: Number(speed),
          phase,
          time: record["Time of day"]!,
          size: sizes.indexOf(record["Wildlife Size"]!),
        },
      },
    ];
  });
}
