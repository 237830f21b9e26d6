import { createHmac } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { Outbox } from "../../../src/host/deployment/outbox.js";
import { signatureOf, Webhook } from "../../../src/host/deployment/webhook.js";
import type { Delivery } from "../../../src/lineage-store/deliveries.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { emptyModel, freshDir, withStore } from "../../lineage-store/support.js";
import { receive } from "./receiver.js";

const key = Buffer.alloc(32, 7);
const secret = `whsec_${key.toString("base64")}`;

async function deployEmpty(store: LineageStore, version: string, alias = "prod"): Promise<void> {
  const model = emptyModel("rain", version);
  await store.commit((tx) => tx.addModel(model));
  await deploy(store, { alias, id: model.id, reason: "deploy" });
}

test("the signature of the specification's example", () => {
  const known = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  assert.is(
    signatureOf(known, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}'),
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

test("a deployment is told once, signed, and again after another", () =>
  withStore(async (store) => {
    const receiver = await receive(() => ({ status: 204 }));
    const old = Buffer.alloc(24, 9);
    const webhook = new Webhook({
      name: "ci",
      url: `${receiver.url}/hook?a=1`,
      secret: [secret, `whsec_${old.toString("base64")}`],
      allowPrivate: true,
    });
    const told: Delivery[] = [];
    const nowMs = () => 1_700_000_000_500;
    const outbox = new Outbox(store, [webhook], { nowMs, onDelivery: (one) => told.push(one) });
    // What was served before the webhook was known is history.
    await deployEmpty(store, "1");
    await deployEmpty(store, "2");
    outbox.wake();
    await outbox.settled();
    await deployEmpty(store, "3");
    outbox.wake();
    outbox.wake();
    await outbox.settled();
    assert.equal(
      told.map(({ sequence, attempts, problem }) => [sequence, attempts, problem]),
      [
        [1, 1, null],
        [2, 1, null],
      ],
    );
    assert.equal(
      receiver.received.map(({ body }) => (JSON.parse(body) as { data: { version: string } }).data.version),
      ["2", "3"],
    );
    const { url, headers, body } = receiver.received[0]!;
    assert.is(url, "/hook?a=1");
    assert.is(headers["webhook-timestamp"], "1700000000");
    const signed = `${headers["webhook-id"] as string}.1700000000.${body}`;
    const expected = [key, old].map(
      (one) => `v1,${createHmac("sha256", one).update(signed).digest("base64")}`,
    );
    assert.is(headers["webhook-signature"], expected.join(" "));
    const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
    assert.equal([type, data.alias, data.name, data.reason], ["model.deployed", "prod", "rain", "deploy"]);
    await outbox.close();
    await receiver.close();
  }));

test("what fails is tried again with the same message, a bounded number of times", () =>
  withStore(async (store) => {
    const receiver = await receive((index) => ({ status: index < 2 ? 500 : index === 2 ? 200 : 503 }));
    const webhook = new Webhook({ name: "ci", url: receiver.url, secret, allowPrivate: true });
    const told: Delivery[] = [];
    const options = { retriesMs: [1, 1, 1], onDelivery: (one: Delivery) => told.push(one) };
    const outbox = new Outbox(store, [webhook], options);
    await deployEmpty(store, "1");
    outbox.wake();
    await outbox.settled();
    assert.equal(told, [{ webhook: "ci", alias: "prod", sequence: 0, attempts: 3, problem: null }]);
    const [first, ...others] = receiver.received;
    for (const { headers, body } of others)
      assert.equal([headers["webhook-id"], body], [first!.headers["webhook-id"], first!.body]);
    await deployEmpty(store, "2");
    outbox.wake();
    await outbox.settled();
    assert.equal(told[1], { webhook: "ci", alias: "prod", sequence: 1, attempts: 4, problem: "status 503" });
    assert.is(receiver.received.length, 7);
    // Abandoned is abandoned.
    outbox.wake();
    await outbox.settled();
    assert.is(receiver.received.length, 7);
    await receiver.close();
  }));

test("redirects are not followed, and 410 ends it", () =>
  withStore(async (store) => {
    const inner = await receive(() => ({ status: 200 }));
    const receiver = await receive((index) =>
      index === 0 ? { status: 307, headers: { location: inner.url } } : { status: 410 },
    );
    const webhook = new Webhook({ name: "ci", url: receiver.url, secret, allowPrivate: true });
    const told: Delivery[] = [];
    const outbox = new Outbox(store, [webhook], { retriesMs: [1], onDelivery: (one) => told.push(one) });
    for (const version of ["1", "2"]) {
      await deployEmpty(store, version);
      outbox.wake();
      await outbox.settled();
    }
    assert.match(told[0]!.problem ?? "", /status 307, and redirects are not followed/);
    assert.equal([told[1]!.problem, told[1]!.attempts], ["status 410", 1]);
    assert.is(inner.received.length, 0);
    await receiver.close();
    await inner.close();
  }));

test("what a process could not tell is told by the next one, and what it told is not told again", async () => {
  const dir = freshDir();
  const receiver = await receive((index) => ({ status: index === 1 ? 500 : 200 }));
  const webhook = new Webhook({ name: "ci", url: receiver.url, secret, allowPrivate: true });
  let store = await LineageStore.open(dir);
  let outbox = new Outbox(store, [webhook]);
  await deployEmpty(store, "1");
  outbox.wake();
  await outbox.settled();
  await deployEmpty(store, "2");
  await deployEmpty(store, "3");
  outbox.wake();
  while (receiver.received.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  // It waits for its second attempt now, and the process ends.
  await outbox.close();
  await store.close();

  store = await LineageStore.open(dir);
  const told: Delivery[] = [];
  outbox = new Outbox(store, [webhook], { onDelivery: (one) => told.push(one) });
  outbox.wake();
  await outbox.settled();
  assert.equal(
    told.map(({ sequence }) => sequence),
    [1, 2],
  );
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  assert.equal([ids.length, ids[1] === ids[2], new Set(ids).size], [4, true, 3]);
  await outbox.close();
  await store.close();
  await receiver.close();
});

test("private addresses are refused, by name and by number", () =>
  withStore(async (store) => {
    const receiver = await receive(() => ({ status: 200 }));
    const { port } = new URL(receiver.url);
    const told: Delivery[] = [];
    for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
      const webhook = new Webhook({ name: host, url: `https://${host}:${port}/`, secret });
      const outbox = new Outbox(store, [webhook], { retriesMs: [], onDelivery: (one) => told.push(one) });
      if (told.length === 0) await deployEmpty(store, "1");
      outbox.wake();
      await outbox.settled();
    }
    assert.is(told.length, 3);
    for (const { problem } of told) assert.match(problem ?? "", /no public address/);
    assert.is(receiver.received.length, 0);
    await receiver.close();
  }));

test("what is no webhook", () => {
  const good = { name: "ci", url: "https://example.com/", secret };
  const cases: [object, RegExp][] = [
    [{ name: "" }, /needs a name/],
    [{ url: "ftp://example.com" }, /needs an https URL/],
    [{ url: "example.com" }, /needs an https URL/],
    [{ url: "http://example.com" }, /http is for private addresses only/],
    [{ url: "https://u:p@example.com" }, /user or a password/],
    [{ secret: "hunter2" }, /must be "whsec_"/],
    [{ secret: `whsec_${Buffer.alloc(23).toString("base64")}` }, /24 to 64 bytes/],
    [{ secret: [] }, /no secret/],
  ];
  for (const [over, message] of cases) {
    try {
      new Webhook({ ...good, ...over });
      assert.unreachable(String(message));
    } catch (error) {
      assert.match((error as Error).message, message);
      assert.not.match((error as Error).message, /hunter2/);
    }
  }
});

test.run();
