// Counts of several processes add up to what one would have counted: the same bytes, the same report.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { compareToProfile, compareToProfiles } from "../../../src/host/drift/compare.js";
import { type Profile, profileFromBytes, profileToBytes } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import {
  countsFromBytes,
  countsToBytes,
  countWindow,
  driftFromCounts,
  mergeCounts,
  type WindowCounts,
} from "../../../src/host/drift/window-counts.js";
import { openEngine } from "../../../src/host/engine.js";
import { openRuntime, type Runtime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";

const runtime = await openRuntime();
const other = await openRuntime({ memoryBytes: 8 * 1024 * 1024 });

const special = [null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];

function draw(count: number, seed: number, shift = 0): Row[] {
  const next = random(seed);
  return Array.from({ length: count }, () => ({
    bell: next() < 0.05 ? special[Math.floor(next() * special.length)]! : next() + next() + shift,
    whole: Math.floor(next() * 20),
    flag: next() < 0.3,
    __proto__x: next() < 0.1 ? null : `kind ${Math.floor(next() ** 2 * 260)}`,
  }));
}

async function profileOf(rows: readonly Row[]): Promise<Profile> {
  return profileData(runtime, rowsSource(rows, "reference", runtime.arena));
}

const own = await profileOf(draw(3_000, 5));
const ancestor = await profileOf(draw(2_000, 7, 0.3));
const live = draw(700, 11, 0.2);

const count = (rows: readonly Row[], profiles: readonly Profile[], on: Runtime = runtime) =>
  countWindow(on, profiles, rowsSource(rows, "live", on.arena));

/** As if it came from another machine. */
const sent = (window: WindowCounts) => countsFromBytes(countsToBytes(window), "counts");

test("property: any partition over processes, added in any order, gives the same bytes and the same report", async () => {
  const profiles = [own, ancestor];
  const whole = countsToBytes(await count(live, profiles));
  const source = rowsSource(live, "live", runtime.arena);
  const expected = await compareToProfiles(runtime, profiles, source);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(live.length), { maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
      async (cuts, order) => {
        const borders = [0, ...cuts.toSorted((left, right) => left - right), live.length];
        const parts = await Promise.all(
          borders
            .slice(1)
            .map((to, index) =>
              count(live.slice(borders[index], to), profiles, index % 2 === 0 ? runtime : other),
            ),
        );
        const windows = parts
          .map((window) => ({ window: sent(window), key: order.next().value as number }))
          .sort((left, right) => left.key - right.key)
          .map(({ window }) => window);
        const merged = mergeCounts(windows[0]!, ...windows.slice(1));
        assert.equal(countsToBytes(merged), whole);
        assert.equal(driftFromCounts(other, profiles, merged), expected);
      },
    ),
    { numRuns: 25 },
  );
});

test("one profile, as it comes out of its file, through an engine", async () => {
  const engine = await openEngine();
  const kept = profileFromBytes(profileToBytes(own), "profile");
  const halves = [live.slice(0, 300), live.slice(300)].map((rows) => engine.openRows(rows));
  const [left, right] = [await engine.count(own, halves[0]!), await engine.count(kept, halves[1]!)];
  const merged = mergeCounts(sent(left), sent(right));
  assert.is(merged.rows, live.length);
  const { schema: _, ...expected } = await compareToProfile(
    runtime,
    own,
    rowsSource(live, "live", runtime.arena),
  );
  assert.equal(engine.driftFromCounts(kept, merged), expected);
  assert.equal(engine.driftFromCounts([kept], merged), [expected]);
  assert.is(engine.driftFromCounts(kept, merged, { threshold: 50 }).features.bell!.psi.threshold, 50);
  await engine.close();
});

test("no rows are counts too, and the neutral ones", async () => {
  const none = await count([], [own]);
  assert.is(none.rows, 0);
  const some = await count(live, [own]);
  assert.equal(countsToBytes(mergeCounts(none, some)), countsToBytes(some));
  assert.equal(countsToBytes(mergeCounts(some)), countsToBytes(some));
  assert.is(driftFromCounts(runtime, [own], none)[0]!.verdict, "insufficient-data");
});

function refuses(run: () => unknown, code: string, pattern = /./): void {
  assert.throws(
    run,
    (thrown: unknown) =>
      thrown instanceof MendlineError && thrown.code === code && pattern.test(thrown.message),
  );
}

test("counts over other profiles, other features or another order do not add", async () => {
  const one = await count(live, [own]);
  refuses(() => mergeCounts(one, one, { ...one, profiles: ["0".repeat(64)] }), "MENDLINE_ARGUMENT_BINS");
  refuses(() => driftFromCounts(runtime, [ancestor], one), "MENDLINE_ARGUMENT_BINS", /do not add/);
  refuses(() => driftFromCounts(runtime, [own, ancestor], one), "MENDLINE_ARGUMENT_BINS");
  refuses(() => driftFromCounts(runtime, [], one), "MENDLINE_ARGUMENT_INVALID");
  const both = await count(live, [own, ancestor]);
  refuses(() => driftFromCounts(runtime, [ancestor, own], both), "MENDLINE_ARGUMENT_BINS");
  const without = new Map(one.features);
  without.delete("flag");
  refuses(() => mergeCounts(one, { ...one, features: without }), "MENDLINE_ARGUMENT_BINS");
  const huge = { ...one, rows: Number.MAX_SAFE_INTEGER };
  refuses(() => mergeCounts(one, huge), "MENDLINE_DATA_LIMIT");
});

test("bytes: canonical, and small", async () => {
  const window = await count(live, [own]);
  const text = new TextDecoder().decode(countsToBytes(window));
  assert.match(text, /^\{"features":\[\{"counts":\[/);
  assert.match(text, /\],"mendline":"window counts","profiles":\["[0-9a-f]{64}"\],"rows":700,"version":1\}$/);
  assert.ok(text.length / window.features.size < 3_000, `${text.length} bytes`);
});

test("damaged and hostile bytes are refused", async () => {
  const window = await count(live, [own]);
  const text = new TextDecoder().decode(countsToBytes(window));
  const encode = (changed: string) => new TextEncoder().encode(changed);
  const changes: [string | RegExp, string][] = [
    ['"version":1', '"version":2'],
    ["window counts", "profile"],
    ['"rows":700', '"rows":701'],
    ['"rows":700', '"rows":-1'],
    ['"rows":700', '"rows":1e999'],
    [/"profiles":\["[0-9a-f]{64}"\]/, '"profiles":["no"]'],
    [/"profiles":\["[0-9a-f]{64}"\]/, '"profiles":[]'],
    ['"counts":[', '"counts":[5,1,'],
    ['"counts":[', '"counts":[1,'],
    ['"counts":[', '"counts":[0,0,'],
    [/"slots":\d+/, '"slots":1'],
    [/"slots":\d+/, '"slots":1e9'],
    ['"kind":"numeric"', '"kind":"rank"'],
    ['"name":"bell"', '"name":"whole"'],
    ['"name":"bell"', '"name":7'],
    ['"features":[', '"features":[7,'],
    ['"features":', '"feature":'],
  ];
  for (const [from, to] of changes) {
    const changed = text.replace(from, to);
    assert.is.not(changed, text, String(from));
    refuses(
      () => countsFromBytes(encode(changed), "the file"),
      "MENDLINE_DATA_MALFORMED",
      /^the file: damaged/,
    );
  }
  for (let end = 0; end < text.length; end += 97) {
    refuses(() => countsFromBytes(encode(text.slice(0, end)), "the file"), "MENDLINE_DATA_MALFORMED");
  }
});

test("the arenas are empty again", async () => {
  assert.is(runtime.arena.use.usedBytes, 0);
  assert.is(other.arena.use.usedBytes, 0);
});

test.run();
