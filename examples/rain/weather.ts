/** NOAA's daily weather of Seattle and New York, 2012 to 2015, as vega-datasets ships it: one row a day. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface Day {
  readonly location: string;
  readonly date: string;
  readonly day_of_year: number;
  readonly temp_min: number;
  readonly temp_max: number;
  readonly wind: number;
  /** 1 where any precipitation was measured. */
  readonly rains: number;
}

export const featureNames = ["day_of_year", "temp_min", "temp_max", "wind"] as const;

export interface Stretch {
  readonly locations: readonly string[];
  readonly from: string;
  readonly to: string;
}

export function readWeather(): Day[] {
  // The package exports its data as a module only; the file lies beside its build/.
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const text = readFileSync(join(dirname(entry), "..", "data", "weather.csv"), "utf8");
  const [header, ...lines] = text.trim().split(/\r?\n/);
  const names = header!.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    const cell = (name: string) => cells[names.indexOf(name)]!;
    const date = cell("date");
    return {
      location: cell("location"),
      date,
      day_of_year: dayOfYear(date),
      temp_min: Number(cell("temp_min")),
      temp_max: Number(cell("temp_max")),
      wind: Number(cell("wind")),
      rains: Number(cell("precipitation")) > 0 ? 1 : 0,
    };
  });
}

/** Days of a stretch, in the order of the file: a city after the other, each by date. */
export function daysOf(weather: readonly Day[], { locations, from, to }: Stretch): Day[] {
  return weather.filter((day) => locations.includes(day.location) && day.date >= from && day.date <= to);
}

/** What a gateway sees of a day, without the answer. */
export function inputsOf(days: readonly Day[]): Record<(typeof featureNames)[number], number>[] {
  return days.map(({ day_of_year, temp_min, temp_max, wind }) => ({ day_of_year, temp_min, temp_max, wind }));
}

export function withLabels(days: readonly Day[]) {
  return days.map(({ location: _, date: __, ...row }) => row);
}

function dayOfYear(date: string): number {
  return (Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / 86_400_000 + 1;
}
