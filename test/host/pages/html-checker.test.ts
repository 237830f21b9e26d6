// The checker of the other tests must refuse what it is there to refuse.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readHtml } from "./html-checker.js";

test("reads elements, attributes and text", () => {
  const [p, b] = readHtml('<p class="a &amp; b">1 &lt; 2<br><b hidden>x</b></p>');
  assert.is(p!.attributes.get("class"), "a & b");
  assert.is(p!.text, "1 < 2x");
  assert.is(b!.tag, "br");
});

const faults: Record<string, string> = {
  "an element that stays open": "<p><b>x</b>",
  "a wrong end": "<p><b>x</p></b>",
  "an end without a begin": "</p>",
  "a bare ampersand": "<p>a & b</p>",
  "a bare bracket": "<p>1 < 2</p>",
  "an unquoted attribute": "<p class=a>x</p>",
  "an attribute twice": '<p class="a" class="b">x</p>',
  "a handler": '<p onclick="x">y</p>',
  "a style attribute": '<p style="x">y</p>',
  "an outside link": '<a href="https://example.org/">x</a>',
  "a link to nothing": '<a href="#x">x</a>',
  "an id twice": '<p id="x">x</p><p id="x">x</p>',
  "a coordinate that is no number": '<path d="M0 NaN"/>',
  "a mark that turns the text round": "<p>\u202ex</p>",
};
for (const [what, html] of Object.entries(faults)) {
  test(`refuses ${what}`, () => {
    assert.throws(() => readHtml(html));
  });
}

test.run();
