import { test } from "uvu";
import * as assert from "uvu/assert";
import { addAll, collect, emptyModel, failure, idOf, withStore } from "./support.js";

const deploy = (alias: string, name: string) => ({ alias, id: idOf(`${name}@1`), reason: "deploy" });

test("an alias is what its last entry says; the history stays", () =>
  withStore(async (store, reopen) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    assert.is(await store.alias("prod"), null);
    const first = await store.commit((tx) => tx.setAlias({ ...deploy("prod", "a"), target: "/srv/model" }));
    const second = await store.commit((tx) =>
      tx.setAlias({ ...deploy("prod", "b"), reason: "repair", run: "run 1", atMs: 12 }),
    );
    const third = await store.commit((tx) => tx.setAlias(deploy("prod", "a")));
    assert.is(first.previous, null);
    assert.is(second.previous, idOf("a@1"));
    const opened = await reopen();
    assert.equal(await opened.alias("prod"), third);
    assert.equal(await collect(opened.aliasHistory("prod")), [third, second, first]);
    assert.equal(
      [first, second, third].map(({ sequence, run, target, atMs }) => [sequence, run, target, atMs === 12]),
      [
        [0, null, "/srv/model", false],
        [1, "run 1", null, true],
        [2, null, null, false],
      ],
    );
    assert.equal(await collect(opened.aliasHistory("pro")), []);
  }));

test("an alias moves only from where its mover saw it", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    const set = (expectedId: string | null) =>
      store.commit((tx) => tx.setAlias({ ...deploy("prod", "b"), expectedId }));
    await failure("MENDLINE_STORE_CONFLICT", () => set(idOf("a@1")));
    await set(null);
    await failure("MENDLINE_STORE_CONFLICT", () => set(null));
    await set(idOf("b@1"));
    assert.is((await collect(store.aliasHistory("prod"))).length, 2);
  }));

test("several aliases, several in one commit, by name", () =>
  withStore(async (store, reopen) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    await store.commit((tx) => {
      for (const alias of ["prod", "__proto__", "Ärger", "edge-7"]) tx.setAlias(deploy(alias, "a"));
      assert.is(tx.setAlias(deploy("prod", "b")).sequence, 1);
    });
    const opened = await reopen();
    assert.equal(
      (await collect(opened.aliases())).map(({ alias, id }) => [alias, id]),
      [
        ["__proto__", idOf("a@1")],
        ["edge-7", idOf("a@1")],
        ["prod", idOf("b@1")],
        ["Ärger", idOf("a@1")],
      ],
    );
  }));

test("what cannot be an alias", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("a"));
    for (const alias of [
      "",
      "a@1",
      "with space",
      "tab\t",
      "\u00a0",
      "deadbeef",
      "DEADBEEF00",
      "0".repeat(64),
      "\0",
      "x".repeat(201),
    ])
      await failure("MENDLINE_ARGUMENT_INVALID", () => store.commit((tx) => tx.setAlias(deploy(alias, "a"))));
    for (const alias of ["deadbee", "deadbeefg", "0".repeat(65)])
      await store.commit((tx) => tx.setAlias(deploy(alias, "a")));
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      store.commit((tx) => tx.setAlias(deploy("prod", "nobody"))),
    );
  }));

test("resolve: id, beginning, label, alias", () =>
  withStore(async (store, reopen) => {
    const twin = (digits: string) => digits.padEnd(64, "0");
    await addAll(
      store,
      emptyModel("a"),
      emptyModel("twin", "1", { id: twin("abcdef0123") }),
      emptyModel("twin", "2", { id: twin("abcdef0124") }),
      emptyModel("twin", "3", { id: twin("abcdef0200") }),
    );
    await store.commit((tx) => tx.setAlias(deploy("prod", "a")));
    const opened = await reopen();
    const id = idOf("a@1");
    for (const ref of [id, id.toUpperCase(), id.slice(0, 8), id.slice(0, 9), id.slice(0, 63), "a@1", "prod"])
      assert.is(await opened.resolve(ref), id, ref);
    assert.is(await opened.resolve("abcdef02"), twin("abcdef0200"));
    const ambiguous = await failure("MENDLINE_STORE_AMBIGUOUS", () => opened.resolve("abcdef01"));
    assert.match(ambiguous.message, "abcdef0123");
    assert.equal(ambiguous.details.ids, [twin("abcdef0123"), twin("abcdef0124")]);
    const unknown = [
      "",
      "nobody",
      "a@2",
      "a@1@1",
      "@",
      "a@",
      "@1",
      id.slice(0, 7),
      "0".repeat(8),
      "0".repeat(64),
      "a\0@1",
      "x".repeat(5000),
    ];
    for (const ref of unknown) await failure("MENDLINE_STORE_UNKNOWN", () => opened.resolve(ref));
  }));

test("an ambiguous beginning lists some, not thousands", () =>
  withStore(async (store) => {
    const ids = Array.from({ length: 30 }, (_, index) => "00000000" + index.toString(16).padStart(56, "0"));
    await addAll(store, ...ids.map((id, index) => emptyModel("m", String(index), { id })));
    const error = await failure("MENDLINE_STORE_AMBIGUOUS", () => store.resolve("00000000"));
    assert.match(error.message, "and more");
    assert.equal(error.details.ids, ids.slice(0, 5));
  }));

test("who mistypes is helped", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("rain", "1"), emptyModel("rain", "2"), emptyModel("snow", "1"));
    await store.commit((tx) => tx.setAlias(deploy("seattle", "rain")));
    const near = async (ref: string) =>
      (await failure("MENDLINE_STORE_UNKNOWN", () => store.resolve(ref))).details.near;
    assert.equal(await near("rian@1"), ["rain@1"]);
    assert.equal(await near("rain@3"), ["rain@1", "rain@2"]);
    assert.equal(await near("rain"), ["rain@1", "rain@2"]);
    assert.equal(await near("seatle"), ["seattle"]);
    assert.equal(await near("quite different"), []);
  }));

test.run();
