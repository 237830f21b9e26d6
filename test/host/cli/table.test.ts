import { test } from "uvu";
import * as assert from "uvu/assert";
import { factsText, nameText, tableText } from "../../../src/host/cli/table.js";

test("columns are aligned, numbers to the right, and no line ends in blanks", () => {
  const text = tableText(
    [{ title: "name" }, { title: "PSI", isNumber: true }, { title: "aliases" }],
    [
      ["wind", "0.310", ""],
      ["temperature", "10.000", { text: "live", style: "red" }],
    ],
  );
  assert.is(
    text,
    ["name            PSI  aliases", "wind          0.310", "temperature  10.000  live"].join("\n"),
  );
});

test("letters beyond the basic plane take one place", () => {
  assert.is(tableText([{ title: "a" }, { title: "b" }], [["𝒙𝒙", "1"]]), "a   b\n𝒙𝒙  1");
});

test("a name cannot move the cursor, begin a line or fill the screen", () => {
  assert.is(nameText("a\x1b[2J\nb"), "a[U+001B][2J[U+000A]b");
  assert.is([...nameText("x".repeat(500))].length, 80);
  const text = tableText([{ title: "name" }], [["evil\r\nname"]]);
  assert.is(text.split("\n").length, 2);
  assert.not.match(text, /\r/);
});

test("facts stand below each other, further lines indented alike", () => {
  assert.is(
    factsText([
      ["id", "1"],
      ["parents", "first\nsecond"],
    ]),
    "id       1\nparents  first\n         second",
  );
});

test.run();
