import { test } from "uvu";
import * as assert from "uvu/assert";
import { type NextModel, type ServeOptions, Serving } from "../../../src/host/deployment/serving.js";

interface Fake {
  readonly name: string;
  isDisposed: boolean;
}

function gate(): { promise: Promise<void>; open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

function next(name: string): () => Promise<NextModel<Fake>> {
  return () =>
    Promise.resolve({ version: { id: name, name: "rain", version: name }, withFile: (use) => use(name) });
}

function serving(over: Partial<ServeOptions<Fake>> = {}): {
  served: Serving<Fake>;
  drained: [string, number][];
} {
  const drained: [string, number][] = [];
  const served = new Serving<Fake>("prod", {
    load: (path) => ({ name: path, isDisposed: false }),
    dispose: (model) => {
      model.isDisposed = true;
    },
    onDrained: ({ version }, cutOff) => drained.push([version, cutOff]),
    ...over,
  });
  return { served, drained };
}

test("calls that began keep the old model until they end; later ones get the new one", async () => {
  const { served, drained } = serving();
  await served.swap(next("1"));
  const hold = gate();
  const slow = served.use(async (model) => {
    await hold.promise;
    assert.not(model.isDisposed);
    return model.name;
  });
  await served.swap(next("2"));
  assert.is(await served.use(({ name }) => name), "2");
  assert.equal(drained, []);
  hold.open();
  assert.is(await slow, "1");
  await served.close();
  assert.equal(drained, [
    ["1", 0],
    ["2", 0],
  ]);
});

test("of calls under way throughout many changes none meets a disposed model", async () => {
  const { served, drained } = serving();
  await served.swap(next("0"));
  let isOver = false;
  let calls = 0;
  const callers = Array.from({ length: 5 }, async (_, caller) => {
    while (!isOver) {
      await served.use(async (model) => {
        for (let turn = 0; turn <= caller; turn++) await new Promise(setImmediate);
        assert.not(model.isDisposed);
        calls++;
      });
    }
  });
  for (let version = 1; version <= 200; version++) {
    await served.swap(next(String(version)));
    if (version % 10 === 0) await new Promise(setImmediate);
  }
  isOver = true;
  await Promise.all(callers);
  await served.close();
  assert.is(drained.length, 201);
  assert.ok(drained.every(([, cutOff]) => cutOff === 0));
  assert.ok(calls > 0);
});

test("calls that do not end are cut off after drainMs, and counted", async () => {
  const { served, drained } = serving({ drainMs: 5 });
  await served.swap(next("1"));
  const hold = gate();
  const stuck = served.use(() => hold.promise);
  await served.swap(next("2"));
  await served.close();
  assert.equal(drained.sort(), [
    ["1", 1],
    ["2", 0],
  ]);
  hold.open();
  await stuck;
});

test("what does not load or warm up leaves the old one, and is disposed", async () => {
  const made: Fake[] = [];
  const { served } = serving({
    load: (path) => {
      if (path === "bad") throw new Error("no such operator");
      const model = { name: path, isDisposed: false };
      made.push(model);
      return model;
    },
    warmUp: ({ name }) => {
      if (name === "cold") throw new Error("no memory");
    },
  });
  await served.swap(next("1"));
  for (const [name, message] of [
    ["bad", /loaded.*no such operator/],
    ["cold", /warmed up.*no memory/],
  ] as const) {
    await served.swap(next(name)).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    );
    assert.is(await served.use((model) => model.name), "1");
  }
  assert.equal(
    made.map(({ name, isDisposed }) => [name, isDisposed]),
    [
      ["1", false],
      ["cold", true],
    ],
  );
  assert.is(await served.swap(next("1")), null);
  await served.close();
  await served
    .use(() => 0)
    .then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /closed/),
    );
});

test("a call that throws is over, too", async () => {
  const { served, drained } = serving();
  await served.swap(next("1"));
  await served.use(() => Promise.reject(new Error("bad row"))).catch(() => undefined);
  assert.is(served.calls, 0);
  await served.close();
  assert.equal(drained, [["1", 0]]);
});

test.run();
