import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signingKey, verificationKey } from "../../../src/lineage-store/signing/keys.js";
import { fixturePath } from "../../support.js";
import { failure } from "../support.js";
import { ed25519, elliptic, rsa } from "./support.js";

const curves = ["prime256v1", "secp384r1", "secp521r1"];

test("every kind of key signs, and only its own public key agrees", () => {
  const pairs = [ed25519(), ed25519(), ...curves.map(elliptic)];
  const bytes = Buffer.from("a message");
  for (const pair of pairs) {
    const signature = signingKey("key", pair.privateKey).sign(bytes);
    for (const other of pairs) {
      const key = verificationKey("key", other.publicKey);
      assert.is(key.verifies(bytes, signature), other === pair);
      assert.not.ok(key.verifies(Buffer.from("another"), signature));
    }
    const own = verificationKey("key", pair.publicKey);
    for (const broken of [
      Buffer.alloc(0),
      signature.subarray(1),
      Buffer.concat([signature, Buffer.of(0)]),
      Buffer.alloc(64),
    ])
      assert.not.ok(own.verifies(bytes, broken));
  }
});

test("the hint is what the OpenSSF's tool has for its key; SEC1 and PKCS8 are the same key", () => {
  const pem = readFileSync(fixturePath("signatures", "model-signing-pub.pem"), "utf8");
  const hint = "e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744f57abba763df3e3f8e";
  assert.is(verificationKey("key", pem).hint, hint, "text above the PEM is passed over");
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const hints = (["pkcs8", "sec1"] as const).map(
    (type) => signingKey("key", privateKey.export({ type, format: "pem" }).toString()).hint,
  );
  const own = verificationKey("key", publicKey.export({ type: "spki", format: "pem" }).toString()).hint;
  assert.equal(hints, [own, own]);
});

test("other keys are refused by name, with what to do, and no part of a key in the message", async () => {
  const pair = ed25519();
  const sealed = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
  }).privateKey;
  const body = pair.privateKey.split("\n")[1]!;
  const signers: [string, RegExp][] = [
    [pair.publicKey, /k\.pem is a public key: sign with the private one/],
    [sealed, /k\.pem is encrypted/],
    [rsa().privateKey, /k\.pem is a key of kind rsa, not Ed25519 or P-256/],
    [elliptic("secp256k1").privateKey, /kind ec secp256k1/],
    [
      generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      /kind x25519/,
    ],
    [
      generateKeyPairSync("ed448").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      /kind ed448/,
    ],
    ["", /k\.pem holds no key in PEM: make one with `openssl/],
    ["hello", /holds no key in PEM/],
    [
      `-----BEGIN PRIVATE KEY-----\n${body.slice(0, 20)}\n-----END PRIVATE KEY-----\n`,
      /no private key that can be read/,
    ],
    [pair.privateKey + "x".repeat(70_000), /more than the 65536 bytes/],
  ];
  for (const [pem, message] of signers) {
    const error = await failure("MENDLINE_ARGUMENT_INVALID", () => signingKey("k.pem", pem));
    assert.match(error.message, message);
    assert.not.match(JSON.stringify(error), body.slice(10, 30));
  }
  const verifiers: [string, RegExp][] = [
    [pair.privateKey, /is a private key: who checks needs the public one/],
    [sealed, /is a private key/],
    [rsa().publicKey, /kind rsa/],
    ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", /no public key that can be read/],
    ["", /holds no key in PEM/],
  ];
  for (const [pem, message] of verifiers) {
    const error = await failure("MENDLINE_ARGUMENT_INVALID", () => verificationKey("k.pem", pem));
    assert.match(error.message, message);
  }
});

test.run();
