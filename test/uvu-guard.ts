/**
 * Loaded before every test file. Properties are drawn from one seed, so that a run repeats; MENDLINE_SEED draws others. uvu prints a failure's `details` as text; ours are data, on which its printer would throw and take
 * the rest of the file with it. Here details also answer to the one text method that uvu calls.
 */
import * as fc from "fast-check";
import { MendlineError } from "../src/errors.js";

fc.configureGlobal({ seed: Number(process.env.MENDLINE_SEED ?? 20_261_123) });

const own = Object.getOwnPropertyDescriptor(MendlineError.prototype, "details")!;

Object.defineProperty(MendlineError.prototype, "details", {
  ...own,
  get(this: MendlineError) {
    const details = { ...(own.get!.call(this) as Record<string, unknown>) };
    return Object.defineProperty(details, "split", { value: () => [this.code, JSON.stringify(details)] });
  },
});
