import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventClock, startRows } from "../../../src/host/drift/event-clock.js";

const settings = { allowedLatenessMs: 10, aheadMs: 100, aheadRows: 5 };

/** A clock that has started at `ms`. */
function clockAt(ms: number): EventClock {
  const clock = new EventClock(settings);
  for (let i = 0; i < startRows; i++) clock.take(ms);
  return clock;
}

function takeAll(clock: EventClock, times: readonly number[]): number {
  for (const ms of times) clock.take(ms);
  return clock.newestMs;
}

test("the newest time is the greatest, and older rows do not move it back", () => {
  const clock = clockAt(1_000);
  assert.equal([clock.newestMs, clock.horizonMs], [1_000, 990]);
  assert.is(takeAll(clock, [1_001, 995, 1_050, 20, 1_049, -1e12]), 1_050);
  assert.is(clock.horizonMs, 1_040);
  assert.is(takeAll(clock, [1_150]), 1_150, "as far ahead as may be");
});

test("it starts at the smallest of the first times, as far as steps lead: wrong clocks among them count for nothing", () => {
  const clock = new EventClock(settings);
  const far = 8e15;
  const times = [far, 1_000, 1_090, 1_020, 1_180, ...new Array<number>(startRows - 6).fill(1_001)];
  takeAll(clock, times);
  assert.equal([clock.isStarted, clock.newestMs, clock.horizonMs], [false, -Infinity, -Infinity]);
  clock.take(1_300);
  // 1,300 is 120 beyond 1,180.
  assert.equal([clock.isStarted, clock.newestMs], [true, 1_180]);
});

test("one wrong clock moves nothing, however often it speaks between others", () => {
  const clock = clockAt(0);
  for (let ms = 0; ms < 1_000; ms += 10) {
    takeAll(clock, [9e12, 9e12 + ms, ms]);
    assert.is(clock.newestMs, ms);
  }
  takeAll(clock, [9e12, 9e12, 9e12, 9e12]);
  assert.is(clock.newestMs, 990, "four behind each other are not five");
});

test("where all rows have moved on, the newest of them is believed; late rows between them change nothing", () => {
  const clock = clockAt(0);
  assert.is(takeAll(clock, [5_000, 5_050, -500, 5_010, 5_020]), 0);
  assert.is(takeAll(clock, [5_000]), 5_050);
  const apart = clockAt(0);
  assert.is(takeAll(apart, [5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 11_000]), 0, "they do not agree");
  assert.is(takeAll(apart, [11_050, 11_020, 11_000, 11_090]), 11_090);
  const broken = clockAt(0);
  assert.is(
    takeAll(broken, [5_000, 5_000, 5_000, 5_000, 3, 5_000, 5_000, 5_000, 5_000]),
    3,
    "one is on time",
  );
  assert.is(takeAll(broken, [5_001]), 5_001);
});

test("an application may say what time it is; never back", () => {
  const clock = clockAt(1_000);
  clock.advanceTo(1_500);
  assert.equal([clock.newestMs, clock.horizonMs], [1_510, 1_500]);
  clock.advanceTo(0);
  assert.is(clock.horizonMs, 1_500);
  const fresh = new EventClock(settings);
  fresh.take(7);
  fresh.advanceTo(100);
  assert.equal([fresh.isStarted, fresh.horizonMs], [true, 100]);
});

test("its state, as JSON keeps it, is all that it needs to go on", () => {
  const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: -1e15, max: 1e15 })), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(times, times, (before, after) => {
      const clock = new EventClock(settings);
      takeAll(clock, before);
      const again = new EventClock(settings);
      again.restore(JSON.parse(JSON.stringify(clock.state)));
      assert.equal(again.state, clock.state);
      for (const ms of after) {
        clock.take(ms);
        again.take(ms);
        assert.is(again.newestMs, clock.newestMs);
      }
      assert.equal(again.state, clock.state);
    }),
    { numRuns: 300 },
  );
});

test.run();
