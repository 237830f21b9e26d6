// A gigabyte under an engine of 16 MiB.
import { test } from "uvu";
import { checkLongFile } from "./long-file.js";

test("1 GB of record batches under a 16 MiB engine, in a process that stays small", () => checkLongFile(1e9));

test.run();
