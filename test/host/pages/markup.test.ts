import { test } from "uvu";
import * as assert from "uvu/assert";
import { clipText, escapeText, html, nameMarkup, visibleText } from "../../../src/host/pages/markup.js";
import { readHtml } from "./html-checker.js";
import { hostileNames } from "./samples.js";

test("what is put into a template is escaped, markup is not", () => {
  const name = `<i title="it's">&`;
  assert.is(
    html`<p title="${name}">${html`<b>${name}</b>`}</p>`.toString(),
    '<p title="&lt;i title=&quot;it&#39;s&quot;&gt;&amp;"><b>&lt;i title=&quot;it&#39;s&quot;&gt;&amp;</b></p>',
  );
});

test("lists are joined, nothing is nothing, 0 is a number", () => {
  assert.is(html`${[1, ["a", [html`<br>`]]]}|${null}${undefined}${false}|${0}`.toString(), "1a<br>||0");
});

test("hostile names come back as they were, but for the characters that are written out", () => {
  for (const name of hostileNames) {
    const elements = readHtml(html`<p title="${name}">${name}</p>`.toString());
    assert.is(elements.length, 1);
    assert.is(elements[0]!.text, visibleText(name));
    assert.is(elements[0]!.attributes.get("title"), visibleText(name));
  }
});

test("marks that turn text round, control characters and lone surrogates are written out", () => {
  assert.is(visibleText("\u202eabc\u200f"), "[U+202E]abc[U+200F]");
  assert.is(
    visibleText("\u001b[2J\n\u0000\u0085\ufeff\u2028"),
    "[U+001B][2J[U+000A][U+0000][U+0085][U+FEFF][U+2028]",
  );
  assert.is(visibleText("\ud800x\udfff"), "[U+D800]x[U+DFFF]");
  assert.is(visibleText("\u{e0041}"), "[U+E0041]");
  const plain = "عربي עברית 漢字 👨‍👩‍👧 ñ e\u0301 \u200c";
  assert.is(visibleText(plain), plain);
  assert.is(visibleText(visibleText("\u202e")), "[U+202E]");
});

test("long names are cut by code points and told in full", () => {
  assert.is(clipText("abc", 3), "abc");
  assert.is(clipText("abcd", 3), "ab…");
  assert.is(clipText("👍👍👍", 3), "👍👍👍");
  assert.is(clipText("👍👍👍👍", 3), "👍👍…");
  assert.is(nameMarkup("wind").toString(), "<bdi>wind</bdi>");
  const [bdi] = readHtml(nameMarkup("<x>".repeat(40), 10).toString());
  assert.is(bdi!.text, "<x><x><x>…");
  assert.is(bdi!.attributes.get("title"), "<x>".repeat(40));
});

test("a megabyte of name costs little of the page", () => {
  assert.ok(nameMarkup("&".repeat(1_000_000)).toString().length < 3000);
});

test("escapeText covers text and quoted attributes", () => {
  assert.is(escapeText(`<>&"'`), "&lt;&gt;&amp;&quot;&#39;");
});

test.run();
