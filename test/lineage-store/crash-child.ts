/** Commits without end, and says after each what it was told is durable. Its parent, crash.test.ts, kills it. */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { MendlineError, messageOf } from "../../src/errors.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { emptyModel, idOf } from "./support.js";

async function commitOne(store: LineageStore, index: number): Promise<void> {
  const object = await store.putObject(randomBytes(1_500_000));
  await store.commit((tx) => {
    const { id } = tx.addModel(
      emptyModel(`m${index}`, "1", {
        layout: [{ object: object.hash, byteLength: object.byteLength }],
        byteLength: object.byteLength,
      }),
    );
    if (index > 0)
      tx.addDerivation({ parent: idOf(`m${index - 1}@1`), child: id, transformation: "fine-tuning" });
    tx.setAlias({ alias: "prod", id, reason: `commit ${index}` });
    tx.appendRun(`run ${index}`, "started", { index });
    tx.appendReport("prod", { index });
    tx.putMonitor("prod", { index });
  });
}

try {
  const store = await LineageStore.open(process.argv[2]!);
  let index = 0;
  for await (const _ of store.models()) index++;
  writeSync(1, "ready\n");
  for (; ; index++) {
    await commitOne(store, index);
    writeSync(1, `${index}\n`);
  }
} catch (error) {
  writeSync(1, `${error instanceof MendlineError ? error.code : messageOf(error)}\n`);
  process.exitCode = 1;
}
