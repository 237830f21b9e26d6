/** Labels a request's points one by one and says each that is acknowledged: `node crash-child.js STORE REQUEST`. Killed by crash.test.ts. */
import { addAnswers, loadRequest } from "../../../src/host/labels/requests.js";
import { LineageStore } from "../../../src/lineage-store/store.js";

const [, , dir, id] = process.argv as [string, string, string, string];
const store = await LineageStore.open(dir);
let request = await loadRequest(store, id);
const source = { kind: "terminal", name: null, sha256: null } as const;
for (const { pointId } of request.question.points) {
  if (request.answers.get(pointId)!.standing.length > 0) continue;
  const answer = { pointId, annotator: "ada", label: 1, annotation: null };
  ({ request } = await addAnswers(store, request, source, [answer]));
  process.stdout.write(`${pointId}\n`);
}
await store.close();
