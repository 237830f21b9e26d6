/**
 * Cuts vega-datasets' three million flights (U.S. Bureau of Transportation Statistics, first half of 2001) into one Arrow file a month:
 * real data for volume.
 *
 *     node dist/examples/flights/months.js [DIR]      writes DIR/january.arrow … DIR/june.arrow, DIR = flights
 *
 * Columns: hour (u8), delay and distance (i32, minutes and miles), origin and destination (dictionaries of airport codes).
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Dictionary, Int32, Table, tableToIPC, Uint8, Utf8, vectorFromArray } from "apache-arrow";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

interface Flight {
  readonly date: Date;
  readonly delay: bigint;
  readonly distance: bigint;
  readonly origin: string;
  readonly destination: string;
}

const monthNames = ["january", "february", "march", "april", "may", "june"];
const chunkRows = 250_000;

class Month {
  readonly hour: number[] = [];
  readonly delay: number[] = [];
  readonly distance: number[] = [];
  readonly origin: string[] = [];
  readonly destination: string[] = [];

  add({ date, delay, distance, origin, destination }: Flight): void {
    this.hour.push(date.getUTCHours());
    this.delay.push(Number(delay));
    this.distance.push(Number(distance));
    this.origin.push(origin);
    this.destination.push(destination);
  }

  toArrow(): Uint8Array {
    const airports = () => new Dictionary(new Utf8(), new Int32());
    return tableToIPC(
      new Table({
        hour: vectorFromArray(this.hour, new Uint8()),
        delay: vectorFromArray(this.delay, new Int32()),
        distance: vectorFromArray(this.distance, new Int32()),
        origin: vectorFromArray(this.origin, airports()),
        destination: vectorFromArray(this.destination, airports()),
      }),
      "file",
    );
  }
}

const dir = process.argv[2] ?? "flights";
const entry = createRequire(import.meta.url).resolve("vega-datasets");
const file = await asyncBufferFromFile(join(dirname(entry), "..", "data", "flights-3m.parquet"));
const months = monthNames.map(() => new Month());
for (let rowStart = 0; ; rowStart += chunkRows) {
  const flights = (await parquetReadObjects({
    file,
    compressors,
    rowStart,
    rowEnd: rowStart + chunkRows,
  })) as unknown as Flight[];
  // Six flights are of the first of July: too few for a month.
  for (const flight of flights) months[flight.date.getUTCMonth()]?.add(flight);
  if (flights.length < chunkRows) break;
}
mkdirSync(dir, { recursive: true });
for (const [index, month] of months.entries()) {
  const path = join(dir, `${monthNames[index]}.arrow`);
  writeFileSync(path, month.toArrow());
  process.stdout.write(`${path}: ${month.hour.length} flights\n`);
}
