/** Arrow data of every kind of storage: what is damaged to see that it is refused. */
import { Float64, Int8, TimestampMillisecond, Utf8, type Vector, vectorFromArray } from "apache-arrow";
import { byCode, rawVector, recordBatch } from "./reading.js";

/** Two batches of every kind of storage, with nulls and a dictionary. */
export function sample() {
  const vocabulary = vectorFromArray(["a", null, "c"], new Utf8());
  const grown = vocabulary.concat(vectorFromArray(["d", "e"], new Utf8())) as Vector<Utf8>;
  const batch = (from: number, names: Vector<Utf8>) => {
    const rows = Array.from({ length: 20 }, (_, i) => from + i);
    const texts = rows.map((row) => (row % 5 === 0 ? null : `text ${row % 3}`));
    return recordBatch([
      [
        "number",
        rawVector(
          new Float64(),
          rows.map((row) => (row % 4 === 0 ? null : row / 8)),
        ),
      ],
      [
        "byte",
        rawVector(
          new Int8(),
          rows.map((row) => row % 100),
        ),
      ],
      [
        "time",
        rawVector(
          new TimestampMillisecond("UTC"),
          rows.map((row) => BigInt(row)),
        ),
      ],
      ["flag", vectorFromArray(rows.map((row) => row % 2 === 0))],
      ["text", vectorFromArray(texts, new Utf8())],
      [
        "code",
        byCode(
          names,
          rows.map((row) => (row % 6 === 0 ? null : row % names.length)),
          3,
        ),
      ],
    ]);
  };
  return [batch(0, vocabulary), batch(20, grown)];
}
