import { generateKeyPairSync } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { filesBelow, rainModel, runCli } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const env = { MENDLINE_STORE: store };
const path = (name: string) => join(dir, name);
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
writeFileSync(path("key.pem"), privatePem);
writeFileSync(path("pub.pem"), publicPem);

async function run(...words: string[]) {
  return runCli(words, { env });
}

test("a model and its derivation are signed, listed, handed on, and hold", async () => {
  const add = ["model", "add", "--name", "rain", "--version"];
  await run(...add, "1", rainModel("1"));
  await run(...add, "2", rainModel("2"), "--parent", "rain@1", "--transformation", "fine-tuning");
  const first = await run(
    "model",
    "sign",
    "rain@2",
    "--key",
    path("key.pem"),
    "--out",
    path("model.sig"),
    "--json",
  );
  assert.is(first.code, 0, first.stderr);
  const { signatures, keyHint } = JSON.parse(first.stdout);
  assert.equal(
    signatures.map(({ isNew }: { isNew: boolean }) => isNew),
    [true, true],
  );
  const again = await run("model", "sign", "rain@2", "--key", path("key.pem"));
  assert.match(again.stdout, /was signed already: rain@2 and 1 derivation by key [0-9a-f]{12}\n$/);
  const bundle = JSON.parse(readFileSync(path("model.sig"), "utf8"));
  assert.is(bundle.verificationMaterial.publicKey.hint, keyHint);
  const listed = await run("model", "signatures", "rain@2", "--out", path("all.jsonl"));
  assert.match(listed.stdout, /^about +key +added\nmodel +[0-9a-f]{12} .*\nderivation from rain@1 /);
  assert.match(listed.stdout, /all\.jsonl holds 2 bundles\n$/);
  assert.is(readFileSync(path("all.jsonl"), "utf8").trimEnd().split("\n").length, 2);
  const engine = await openEngine({ store, threads: 0 });
  const report = await engine.verifySignatures("rain@2", {
    key: publicPem,
    bundles: [JSON.stringify(bundle)],
  });
  await engine.close();
  assert.ok(report.isValid, JSON.stringify(report));
});

test("verify checks records, bytes and, with a key, signatures", async () => {
  const plain = await run("model", "verify");
  assert.is(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^\d+ records and 2 models checked: all hold\n$/);
  const signed = await run("model", "verify", "rain@2", "--key", path("pub.pem"));
  assert.is(signed.code, 0, signed.stdout);
  assert.match(signed.stdout, /all hold\nrain@2\n {2}signature: holds\n {2}derivation from rain@1: holds\n$/);
  const all = await run("model", "verify", "--key", path("pub.pem"), "--json");
  assert.is(all.code, 1, "rain@1 is not signed");
  const { isValid, models } = JSON.parse(all.stdout);
  assert.is(isValid, false);
  assert.equal(
    models.map(({ signatures, problem }: { signatures: { isValid: boolean }; problem: null }) => [
      signatures.isValid,
      problem,
    ]),
    [
      [false, null],
      [true, null],
    ],
  );
  const bundles = ["--key", path("pub.pem"), "--signature", path("model.sig")];
  const wrong = await run("model", "verify", "rain@1", ...bundles);
  assert.match(
    wrong.stdout,
    /not all hold\nrain@1\n {2}signature: does not hold: it signs the file [0-9a-f]{64}/,
  );
  assert.is((await run("model", "verify", "rain@2", "--signature", path("model.sig"))).code, 2);
  assert.is((await run("model", "verify", "rain@2", "--key", path("key.pem"))).code, 2, "a private key");
});

test("show names the keys, without a word on whether they hold", async () => {
  assert.match((await run("model", "show", "rain@2")).stdout, /\nsigned by +key [0-9a-f]{12}, unchecked\n/);
  assert.equal(JSON.parse((await run("model", "show", "rain@1", "--json")).stdout).signedBy, []);
});

test("the private key is nowhere in the store, nor in what is printed", async () => {
  const secret = privatePem.split("\n")[1]!;
  const raw = privateKey.export({ type: "pkcs8", format: "der" });
  for (const file of filesBelow(store)) {
    const bytes = readFileSync(file);
    assert.not.ok(bytes.includes(secret) || bytes.includes(raw.subarray(-32)), file);
  }
  writeFileSync(path("broken.pem"), privatePem.replace(secret, secret.slice(0, 24)));
  for (const key of ["key.pem", "broken.pem"]) {
    const { stdout, stderr } = await run("model", "sign", "rain@1", "--key", path(key), "--json");
    assert.not.match(stdout + stderr, secret.slice(8, 24));
  }
});

test("wrong keys and files are told in one line, and nothing is signed", async () => {
  const out = path("none.sig");
  writeFileSync(
    path("rsa.pem"),
    generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" }),
  );
  const cases: [string, number, RegExp][] = [
    ["pub.pem", 2, /pub\.pem is a public key: sign with the private one \[MENDLINE_ARGUMENT_INVALID\]/],
    ["rsa.pem", 2, /rsa\.pem is a key of kind rsa, not Ed25519 or P-256/],
    ["model.sig", 2, /model\.sig holds no key in PEM/],
    ["absent.pem", 1, /absent\.pem does not exist \[MENDLINE_DATA_NOT_FOUND\]/],
  ];
  for (const [key, exitCode, message] of cases) {
    const { code, stdout, stderr } = await run("model", "sign", "rain@1", "--key", path(key), "--out", out);
    assert.is(code, exitCode, stderr);
    assert.is(stdout, "");
    assert.match(stderr, message);
    assert.is(stderr.trimEnd().split("\n").length, 1);
  }
  assert.match((await run("model", "signatures", "rain@2")).stdout, /^about/);
});

test("verify finds a byte that changed, and says which model", async () => {
  const objects = filesBelow(join(store, "objects"));
  const largest = objects.reduce((left, right) =>
    statSync(right).size > statSync(left).size ? right : left,
  );
  const bytes = readFileSync(largest);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(largest, bytes);
  const { code, stdout } = await run("model", "verify", "--json");
  assert.is(code, 1);
  const { isValid, models } = JSON.parse(stdout);
  assert.is(isValid, false);
  assert.ok(models.some(({ problem }: { problem: string | null }) => problem?.includes("object")));
});

test.run();
