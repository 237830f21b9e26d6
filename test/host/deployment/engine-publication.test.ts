/** The engine tells, serves and rolls back: all three follow one deployment. */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine } from "../../../src/index.js";
import { freshDir } from "../../lineage-store/support.js";
import { packageRoot } from "../../support.js";
import { receive } from "./receiver.js";

function rain(version: string): string {
  return join(packageRoot, "examples", "rain", "models", `rain-${version}.onnx`);
}

test("a deployment reaches folder, process and webhook, and a roll back brings the very bytes back", async () => {
  const receiver = await receive(() => ({ status: 200 }));
  const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
  const engine = await openEngine({
    store: freshDir(),
    threads: 0,
    webhooks: [{ name: "ci", url: receiver.url, secret, allowPrivate: true }],
  });
  for (const version of ["1", "3"]) await engine.addModel({ file: rain(version), name: "rain", version });
  const dir = freshDir();
  await engine.deploy("rain@1", { alias: "prod", dir });
  const paths: string[] = [];
  const served = await engine.serve("prod", {
    load: (path) => {
      paths.push(path);
      return readFileSync(path);
    },
  });
  const bytesServed = () => served.use((bytes) => bytes);
  assert.equal(await bytesServed(), readFileSync(rain("1")));
  const change = async (work: () => Promise<unknown>, version: string) => {
    const [swapped, delivered] = [once(engine, "swapped"), once(engine, "delivered")];
    await work();
    assert.equal(readFileSync(join(dir, "model.onnx")), readFileSync(rain(version)));
    assert.is(((await swapped) as [{ version: string }])[0].version, version);
    assert.equal(await bytesServed(), readFileSync(rain(version)));
    assert.is(((await delivered) as [{ problem: null }])[0].problem, null);
  };
  if (receiver.received.length === 0) await once(engine, "delivered");
  await change(() => engine.deploy("rain@3", { alias: "prod" }), "3");
  await change(() => engine.rollback("prod"), "1");
  const told = receiver.received.map(
    ({ body }) => (JSON.parse(body) as { data: { version: string } }).data.version,
  );
  assert.equal(told, ["1", "3", "1"]);
  assert.not(
    paths.some((path) => existsSync(path)),
    "restored for loading only",
  );
  await engine.close();
  await receiver.close();
});

test("what cannot be served is told at once; a webhook that is none stops the opening", async () => {
  const engine = await openEngine({ store: freshDir(), threads: 0 });
  await engine.addModel({ file: rain("1"), name: "rain", version: "1" });
  await engine.deploy("rain@1", { alias: "prod" });
  const load = () => {
    throw new Error("no runtime");
  };
  await engine.serve("prod", { load }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /could not be loaded.*no runtime/),
  );
  await engine.close();
  await openEngine({ webhooks: [{ name: "ci", url: "http://example.com", secret: "x" }] }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /webhook "ci"/),
  );
});

test.run();
