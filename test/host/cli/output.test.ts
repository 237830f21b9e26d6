import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { failureText, jsonText } from "../../../src/host/cli/output.js";
import { progressText } from "../../../src/host/cli/progress.js";

test("whole numbers beyond 2^53 become text in JSON", () => {
  assert.equal(JSON.parse(jsonText({ edges: [1n << 60n, 1.5] })), { edges: ["1152921504606846976", 1.5] });
});

test("a failure is one line with its code, whatever names it holds", () => {
  const thrown = new MendlineError("MENDLINE_DATA_SCHEMA", 'no column "a\nb\x1b[31m"\n  here');
  assert.is(
    failureText(thrown),
    'mendline: error: no column "a b[U+001B][31m" here [MENDLINE_DATA_SCHEMA]\n',
  );
});

test("a failure that nobody foresaw is one line too, and MENDLINE_DEBUG shows its stack", () => {
  const thrown = new TypeError("x is not a function");
  const line = failureText(thrown);
  assert.is(line, "mendline: error: unexpected: x is not a function (MENDLINE_DEBUG=1 shows where)\n");
  assert.match(failureText("just text"), /^mendline: error: unexpected: just text .*\n$/);
  const before = process.env.MENDLINE_DEBUG;
  process.env.MENDLINE_DEBUG = "1";
  try {
    assert.match(failureText(thrown), /\n {4}at .*output\.test/);
  } finally {
    if (before === undefined) delete process.env.MENDLINE_DEBUG;
    else process.env.MENDLINE_DEBUG = before;
  }
});

test("progress: a bar where the end is known, the label alone elsewhere", () => {
  assert.is(progressText("reading a.csv"), "reading a.csv");
  assert.is(progressText("reading", 0, 0), "reading");
  assert.is(progressText("reading", 6, 12), `[${"#".repeat(12)}${"-".repeat(12)}] 50 %  reading`);
  assert.is(progressText("reading", 20, 12), `[${"#".repeat(24)}] 100 %  reading`);
});

test.run();
