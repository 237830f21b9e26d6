/** Late departures: a model of all airports, fine-tuned on Dallas, sent to Chicago. */
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { flightsParquetPath } from "../flights.js";
import { scalingOf } from "./encoding.js";
import { type LabelScene, type RawRow, thinned } from "./scene.js";
import { trainedScene } from "./trained-scene.js";

interface Flight {
  readonly date: Date;
  readonly delay: bigint;
  readonly distance: bigint;
  readonly origin: string;
}

/** January 2001 of the file's first half year. */
const januaryRows = 500_000;
/** Models learn from the first twenty days; the live regime is the rest. */
const lastTrainingDay = 20;
/** Minutes up to which a departure is a little late. */
const lateMinutes = 15;
const rowCounts = { base: 5_000, tuned: 4_000, live: 2_000 };

/** The two airports with the most departures of the month. (Roll back does not help the other way round.) */
const [home, away] = ["DFW", "ORD"];

export async function flightsScene(epochsMax = Infinity): Promise<LabelScene> {
  const file = await asyncBufferFromFile(flightsParquetPath());
  const flights = (await parquetReadObjects({
    file,
    compressors,
    columns: ["date", "delay", "distance", "origin"],
    rowEnd: januaryRows,
  })) as unknown as Flight[];
  const early = flights.filter(({ date }) => date.getUTCDate() <= lastTrainingDay);
  const late = flights.filter(({ date }) => date.getUTCDate() > lastTrainingDay);
  const rows = (of: readonly Flight[], origin: string | null, count: number) =>
    thinned(
      of.filter((flight) => origin === null || flight.origin === origin),
      count,
    ).map(rowOf);
  const base = rows(early, null, rowCounts.base);
  return trainedScene(
    {
      name: "flights",
      story:
        "departs on time, up to 15 minutes late, or later; trained on Dallas-Fort Worth, sent to Chicago O'Hare (Bureau of Transportation Statistics, flights-3m.parquet of vega-datasets)",
      inputs: [
        { kind: "number", name: "hour", scaling: scalingOf(base, "hour") },
        { kind: "number", name: "distance", scaling: scalingOf(base, "distance") },
        { kind: "number", name: "weekend", scaling: { mean: 0, deviation: 1 } },
      ],
      features: ["hour", "distance", "weekend"],
      label: "lateness",
      classCount: 3,
      base,
      tuned: rows(early, home!, rowCounts.tuned),
      live: rows(late, away!, rowCounts.live),
    },
    epochsMax,
  );
}

function rowOf({ date, delay, distance }: Flight): RawRow {
  return {
    hour: date.getUTCHours() + date.getUTCMinutes() / 60,
    distance: Number(distance),
    weekend: date.getUTCDay() % 6 === 0 ? 1 : 0,
    lateness: delay <= 0n ? 0 : delay <= BigInt(lateMinutes) ? 1 : 2,
  };
}
