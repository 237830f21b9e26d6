/** Random histories, with reopening and with failing disks, against the store in memory. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { addNodes, assertSame, outcome } from "./histories.js";
import { MemoryStore } from "./memory-store.js";
import { failNext, tickingClock, withStore } from "./support.js";

// Without a bias toward small numbers, most of which would be the same few operations.
const operation = fc.noBias(fc.nat({ max: 2 ** 32 - 1 }));
const batch = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 12 }),
  /** What befalls its write, or comes after it. */
  fate: fc.constantFrom("none", "none", "none", "reopened", "failed", "failed after writing"),
});

test("random histories, in commits of one and of many, with reopening and failing writes", () =>
  fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(batch, { maxLength: 14, size: "max" }), (isFull, batches) =>
      withStore(async (first, reopen) => {
        let store = first;
        const model = new MemoryStore(tickingClock());
        if (isFull) for (const one of [store, model]) await one.commit(addNodes);
        for (const { operations, fate } of batches) {
          const work = (one: Pick<MemoryStore, "commit">) =>
            one.commit((tx) => operations.map((operation) => outcome(tx, operation)));
          const expected = await (fate === "failed" ? model.rehearse : model.commit).call(model, (tx) =>
            operations.map((operation) => outcome(tx, operation)),
          );
          const restore = fate.startsWith("failed") ? failNext("batch", fate !== "failed") : () => undefined;
          const found = await work(store).catch((error: unknown) => {
            assert.ok(
              fate === "failed" && error instanceof MendlineError && error.code === "MENDLINE_STORE_IO",
            );
            return expected;
          });
          restore();
          assert.equal(found, expected);
          if (fate === "reopened") store = await reopen();
        }
        await assertSame(store, model);
        await assertSame(await reopen(), model);
        await (await reopen()).verifyJournal();
      }),
    ),
    { numRuns: 25 },
  ));

test.run();
