import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { detectBytes, detectFormat } from "../../../src/host/columns/detect.js";
import { packageRoot } from "../../support.js";

function detect(content: string | Uint8Array, name = ""): string {
  return detectFormat(typeof content === "string" ? Buffer.from(content) : content, "the file", name);
}

function refusal(content: string | Uint8Array, name = ""): string {
  try {
    detect(content, name);
  } catch (thrown) {
    assert.instance(thrown, MendlineError);
    assert.is((thrown as MendlineError).code, "MENDLINE_DATA_FORMAT");
    return (thrown as MendlineError).message;
  }
  throw new Error("nothing was thrown");
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

test("by content, against the name", () => {
  const arrowStream = new Uint8Array([255, 255, 255, 255, 0x90, 1, 0, 0, 16, 0, 0, 0]);
  const rows: [string, string | Uint8Array][] = [
    ["arrow", latin1("ARROW1\0\0\xff\xff\xff\xff")],
    ["arrow", arrowStream],
    ["parquet", latin1("PAR1\x15\x00\x15")],
    ["ndjson", '{"a":1}\n'],
    ["ndjson", '\ufeff \n {"a":1}\n'],
    ["ndjson", '{\n  "a": 1\n}'],
    ["ndjson", "{}\n"],
  ];
  for (const [format, content] of rows) {
    assert.is(detect(content), format);
    assert.is(detect(content, "data.csv"), format);
  }
});

test("real files", () => {
  const head = (name: string) =>
    readFileSync(join(packageRoot, "node_modules/vega-datasets/data", name)).subarray(0, detectBytes);
  assert.is(detect(head("flights-3m.parquet")), "parquet");
  assert.is(detect(head("flights-200k.arrow")), "arrow");
  assert.is(detect(head("seattle-weather.csv")), "csv");
  assert.ok(refusal(head("cars.json")).includes("JSON list"));
  assert.ok(refusal(head("7zip.png")).includes("binary data"));
});

test("by name, where the content does not tell", () => {
  const rows: [string, string][] = [
    ["csv", "a.csv"],
    ["tsv", "dir.csv/a.TSV"],
    ["ndjson", "a.jsonl"],
    ["ndjson", "a.ndjson"],
    ["arrow", "a.feather"],
    ["arrow", "a.arrow"],
    ["parquet", "a.parquet"],
    ["csv", ""],
    ["csv", "a.txt"],
    ["csv", "noending"],
  ];
  for (const [format, name] of rows) assert.is(detect("a\tb\n1\t2\n", name), format, name);
});

test("text that begins like something else", () => {
  for (const content of [
    "PAR1,PAR2\n1,2\n",
    "ARROW1\n5\n",
    "BZh,ORC\n1,2\n",
    "FEA1,FEA2\n",
    "PARENT\nx\n",
    "{id},name\n1,2\n",
    "[a],b\n1,2\n",
    "<5,>5\n1,2\n",
  ]) {
    assert.is(detect(content), "csv", content);
  }
});

test("what is not read is named", () => {
  const rows: [string, string | Uint8Array][] = [
    ["gzip", gzipSync("a,b\n1,2\n")],
    ["zip archive", latin1("PK\x03\x04\x14\0")],
    ["zstd", latin1("\x28\xb5\x2f\xfd\x04\x00")],
    ["pickle", latin1("\x80\x04\x95\x10\0\0")],
    ["pickle", latin1("\x80\x02}q\x00")],
    ["numpy", latin1("\x93NUMPY\x01\0")],
    ["HDF5", latin1("\x89HDF\r\n\x1a\n")],
    ["UTF-16", Buffer.from("\ufeffa,b\n", "utf16le")],
    ["Feather version 1", latin1("FEA1\0\0\0\0")],
    ["encrypted Parquet", latin1("PARE\x15\0")],
    ["HTML", "<!DOCTYPE html>\n<html>"],
    ["HTML or XML", "  <?xml version='1.0'?>"],
    ["JSON list", ' [\n {"a":1}]'],
    ["binary data", latin1("\x01\x02\x03")],
    ["binary data", latin1("\xff\xff\xff\xff\x05\0\0\0abc")],
  ];
  for (const [what, content] of rows) {
    for (const name of ["", "data.csv"]) {
      const message = refusal(content, name);
      assert.ok(message.startsWith("the file is ") && message.includes(what), message);
      assert.ok(message.includes("Arrow") && message.includes("Parquet") && message.includes("CSV"), message);
    }
  }
});

test.run();
