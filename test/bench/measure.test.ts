import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Case, type CaseResult, type Group, measureGroup } from "../../bench/measure.js";
import { groupText } from "../../bench/table.js";

const effort = { rounds: 2, samplesMin: 2, secondsMax: 0.005, cycleSeconds: 0.0005, warmSeconds: 0.001 };

function groupOf(...cases: Case[]): Group {
  return { name: "group", values: 1000, bytes: 4000, cases };
}

async function resultsOf(...cases: Case[]): Promise<readonly CaseResult[]> {
  return (await measureGroup(groupOf(...cases), effort)).cases;
}

const answer = () => [1, 2];
const ours: Case = { name: "ours", role: "ours", answer, run: () => 1 };

test("a case that throws, at once or later, is failed and not fast", async () => {
  let calls = 0;
  const later = () => {
    calls += 1;
    if (calls > 3) throw new Error("tired");
    return calls;
  };
  const [first, second, third, fourth] = await resultsOf(
    ours,
    {
      name: "throws",
      role: "incumbent",
      run: () => {
        throw new TypeError("broken");
      },
    },
    { name: "later", role: "incumbent", run: later },
    { name: "rejects", role: "incumbent", runAsync: () => Promise.reject(new Error("refused")) },
  );
  assert.is(first!.status, "completed");
  assert.is(first!.ratio, 1);
  assert.equal([second!.status, second!.note, second!.ratio], ["failed", "broken", null]);
  assert.equal([third!.status, third!.note, third!.medianMs], ["failed", "tired", null]);
  assert.equal([fourth!.status, fourth!.note], ["failed", "refused"]);
});

test("an async case is timed to its end, also when it rejects only later", async () => {
  let calls = 0;
  let running = 0;
  let runningMost = 0;
  const slow = async () => {
    running += 1;
    runningMost = Math.max(runningMost, running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    return running--;
  };
  const [first, second] = await resultsOf(
    { name: "slow", role: "ours", runAsync: slow },
    {
      name: "rejects later",
      role: "incumbent",
      runAsync: async () => {
        calls += 1;
        if (calls > 2) throw new Error("late");
        return calls;
      },
    },
  );
  assert.is(first!.status, "completed");
  assert.is(runningMost, 1, "the next run begins when the last has ended");
  assert.is(running, 0);
  assert.equal([second!.status, second!.note], ["failed", "late"]);
});

test("another answer than ours is wrong, and is not timed", async () => {
  let runs = 0;
  const [, wrong] = await resultsOf(ours, {
    name: "other",
    role: "incumbent",
    answer: () => [1, 3],
    run: () => (runs += 1),
  });
  assert.is(wrong!.status, "wrong");
  assert.match(wrong!.note!, /\[1, 3\].*\[1, 2\]/);
  assert.is(runs, 0);
});

test("programs that time themselves: median, rates and ratio from their samples", async () => {
  const timed = (name: string, role: "ours" | "incumbent", samples: number[]): Case => ({
    name,
    role,
    answer,
    time: async () => samples,
  });
  const group = groupOf(timed("ours", "ours", [1, 2, 9]), timed("theirs", "incumbent", [30, 10, 20]), {
    name: "absent",
    role: "incumbent",
    missing: "not here",
  });
  const result = await measureGroup({ ...group, effort: { rounds: 1 } }, effort);
  const theirs = result.cases[1]!;
  assert.equal([theirs.medianMs, theirs.lowerQuartileMs, theirs.upperQuartileMs], [20, 15, 25]);
  assert.is(theirs.ratio, 10);
  assert.is(theirs.nsPerValue, 20_000);
  assert.ok(Math.abs(theirs.gbPerSecond! - 0.0002) < 1e-12);
  const text = groupText(result);
  assert.match(text, /theirs +20\.0 ms +10\.0 ms +20000 +0\.000 +10\.0x +varies by 50 %/);
  assert.match(text, /absent +missing: not here/);
});

test("no samples is failed", async () => {
  const [none] = await resultsOf({ name: "none", role: "ours", time: async () => [] });
  assert.equal([none!.status, none!.note], ["failed", "no sample was taken"]);
});

test("rounds go there and back; every case is closed when all is over, also after a failure", async () => {
  const calls: string[] = [];
  let failing = 0;
  const traced = (name: string, role: "ours" | "incumbent", time: () => number[]): Case => ({
    name,
    role,
    time: async () => {
      calls.push(name);
      return time();
    },
    close: () => void calls.push(`${name} closed`),
  });
  const group = groupOf(
    traced("a", "ours", () => [1]),
    traced("b", "incumbent", () => [2]),
    traced("c", "incumbent", () => {
      if ((failing += 1) > 1) throw new Error("late");
      return [3];
    }),
  );
  const { cases } = await measureGroup({ ...group, effort: { rounds: 3 } }, effort);
  assert.is(calls.join(" "), "a b c c b a a b a closed b closed c closed");
  assert.equal(
    cases.map(({ status, ratio }) => [status, ratio]),
    [
      ["completed", 1],
      ["completed", 2],
      ["failed", null],
    ],
  );
});

test("a ratio is the median of the rounds' own; what casts doubt is said", async () => {
  const rounds = (samples: number[]) => {
    let round = 0;
    return async () => [samples[round++]!];
  };
  const group = groupOf(
    { name: "ours", role: "ours", time: rounds([1, 10, 20]) },
    { name: "theirs", role: "incumbent", time: rounds([3, 30, 60]) },
    { name: "steady", role: "incumbent", time: async () => [4, 4, 4] },
    { name: "brief", role: "incumbent", time: async () => [1e-9] },
  );
  const { cases } = await measureGroup({ ...group, effort: { rounds: 3, cycleSeconds: 0 } }, effort);
  assert.is(cases[1]!.ratio, 3);
  assert.equal(cases[1]!.warnings, ["varies by 95 %"]);
  assert.equal(cases[2]!.warnings, []);
  assert.equal(cases[3]!.warnings, ["too short for the clock"]);
});

test.run();
