import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, reconcile, rollback } from "../../../src/host/deployment/deployments.js";
import { deployTarget } from "../../../src/host/deployment/target.js";
import { freshDir, withStore } from "../../lineage-store/support.js";
import { refusal } from "../../refusals.js";
import { type Received, type Reply, receive } from "./receiver.js";
import { addLarge, addRain, namesIn } from "./support.js";

async function withServer(
  replyTo: (index: number, received: Received) => Reply,
  work: (server: {
    readonly repository: string;
    readonly target: string;
    readonly received: readonly Received[];
  }) => Promise<void>,
): Promise<void> {
  const receiver = await receive(replyTo);
  const repository = freshDir();
  try {
    const target = `triton+${receiver.url}/rain?repository=${encodeURIComponent(repository)}`;
    await work({ repository, target, received: receiver.received });
  } finally {
    await receiver.close();
  }
}

test("deploy, deploy, roll back: a version each, the exact bytes, a load each", () =>
  withStore((store) =>
    withServer(
      () => ({ status: 200 }),
      async ({ repository, target, received }) => {
        const [first, second] = [await addRain(store, "1"), await addRain(store, "3")];
        const dir = join(repository, "rain");
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, "config.pbtxt"), "");
        const before = await deploy(store, { alias: "prod", id: first.id, dir: target, reason: "deploy" });
        assert.is(before.path, join(dir, "1", "model.onnx"));
        assert.is((await store.alias("prod"))?.target, target);
        await deploy(store, { alias: "prod", id: second.id, reason: "deploy" });
        const back = await rollback(store, "prod");
        assert.is(back.path, join(dir, "3", "model.onnx"));
        for (const [version, { bytes }] of [
          [1, first],
          [2, second],
          [3, first],
        ] as const)
          assert.equal(readFileSync(join(dir, String(version), "model.onnx")), bytes);
        assert.equal(namesIn(dir), ["1", "2", "3", "config.pbtxt"]);
        assert.equal(
          received.map(({ url, body }) => [url, body]),
          Array(3).fill(["/v2/repository/models/rain/load", "{}"]),
        );
        // In sync: nothing to do. Out of it: a new version.
        assert.not(await reconcile(store, "prod"));
        writeFileSync(join(dir, "3", "model.onnx"), "damaged");
        assert.ok(await reconcile(store, "prod"));
        assert.equal(readFileSync(join(dir, "4", "model.onnx")), first.bytes);
      },
    ),
  ));

test("a model that the server does not load is not deployed, and the server is told to take the old one", () =>
  withStore((store) =>
    withServer(
      (index) => (index === 1 ? { status: 400, body: '{"error":"no such opset"}' } : { status: 200 }),
      async ({ repository, target, received }) => {
        const [first, second] = [await addRain(store, "1"), await addRain(store, "3")];
        await deploy(store, { alias: "prod", id: first.id, dir: target, reason: "deploy" });
        const refused = deploy(store, { alias: "prod", id: second.id, reason: "deploy" });
        await refusal(refused, "MENDLINE_DEPLOY_FAILED", /does not load rain: status 400 .*no such opset/);
        assert.is((await store.alias("prod"))?.id, first.id);
        assert.equal(namesIn(join(repository, "rain")), ["1"]);
        assert.is(received.length, 3);
      },
    ),
  ));

test("an alias that moved elsewhere meanwhile takes the version back", () =>
  withStore((store) =>
    withServer(
      () => ({ status: 200 }),
      async ({ repository, target }) => {
        const [first, second] = [await addRain(store, "1"), await addRain(store, "3")];
        await deploy(store, { alias: "prod", id: first.id, dir: target, reason: "deploy" });
        const request = { alias: "prod", id: second.id, reason: "deploy", expectedId: second.id };
        await refusal(deploy(store, request), "MENDLINE_STORE_CONFLICT", /prod/);
        assert.equal(namesIn(join(repository, "rain")), ["1"]);
      },
    ),
  ));

test("a server that does not answer in time, or is not there", () =>
  withStore((store) =>
    withServer(
      () => ({ status: 0 }),
      async ({ repository, target }) => {
        const { id } = await addRain(store, "1");
        const request = { alias: "prod", id, reason: "deploy" };
        const silent = deploy(store, { ...request, dir: `${target}&timeoutMs=50` });
        await refusal(silent, "MENDLINE_DEPLOY_FAILED", /no answer within 50 ms/);
        const gone = `triton+http://127.0.0.1:9/rain?repository=${repository}`;
        await refusal(deploy(store, { ...request, dir: gone }), "MENDLINE_DEPLOY_FAILED", /ECONNREFUSED/);
        assert.is(await store.alias("prod"), null);
        assert.equal(namesIn(join(repository, "rain")), []);
        const large = await addLarge(store, "1", 10, 1);
        const wrong = deploy(store, { ...request, id: large.id, dir: target });
        await refusal(wrong, "MENDLINE_DEPLOY_FAILED", /is safetensors/);
      },
    ),
  ));

test("what is no target", () => {
  const bad = [
    "triton+http://host:8000/rain",
    "triton+http://host:8000/?repository=/models",
    "triton+http://host:8000/..%2F..?repository=/models",
    "triton+http://host:8000/rain?repository=models",
    "triton+ftp://host/rain?repository=/models",
    "triton+http://host/rain?repository=/models&timeoutMs=0",
    "triton+http://user:secret@host/rain?repository=/models",
  ];
  for (const text of bad) assert.throws(() => deployTarget(text), /target/, text);
});

test.run();
