// 50,000 mutations of Arrow data: read or refused, no crash, no hang.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mutationOutcomes, tryMutations } from "./arrow-mutations.js";
import { forms } from "./reading.js";

for (const form of forms) {
  for (const seed of [101, 103, 107, 109, 113]) {
    test(`${form}: 5,000 mutations of seed ${seed}`, async () => {
      const { codes, tried, workMsMax, slow } = await tryMutations({ form, rounds: 5_000, seed });
      assert.is(tried, 5_000);
      const wrong = Object.keys(codes).filter((code) => !mutationOutcomes.has(code));
      assert.equal(wrong.slice(0, 5), []);
      console.log(`${form}, seed ${seed}: at most ${workMsMax.toFixed(0)} ms of work, ${slow} above 250 ms`);
    });
  }
}

test.run();
