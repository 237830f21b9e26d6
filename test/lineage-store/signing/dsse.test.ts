import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signatureBytesMax } from "../../../src/limits.js";
import {
  isSigned,
  parseBundle,
  preAuthEncoding,
  signedBundle,
} from "../../../src/lineage-store/signing/dsse.js";
import { signingKey, verificationKey } from "../../../src/lineage-store/signing/keys.js";
import { modelPredicate, rootDigest, statementIn } from "../../../src/lineage-store/signing/statements.js";
import { fixturePath } from "../../support.js";
import { failure } from "../support.js";
import { ed25519 } from "./support.js";

test("the encoding of protocol.md's test vector; lengths are of bytes", () => {
  const encode = (type: string, body: string) => preAuthEncoding(type, Buffer.from(body)).toString("utf8");
  assert.is(
    encode("http://example.com/HelloWorld", "hello world"),
    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  );
  assert.is(encode("ü", ""), "DSSEv1 2 ü 0 ");
});

test("a signature that the OpenSSF's tool wrote", () => {
  const text = readFileSync(fixturePath("signatures", "model-signing-1.1.0.sig"), "utf8");
  const key = verificationKey(
    "key",
    readFileSync(fixturePath("signatures", "model-signing-pub.pem"), "utf8"),
  );
  const envelope = parseBundle("the fixture", text);
  assert.is(envelope.hint, key.hint);
  assert.ok(isSigned(envelope, key));
  const statement = statementIn(envelope.payload);
  assert.ok(typeof statement !== "string");
  if (typeof statement === "string") return;
  assert.is(statement.predicateType, modelPredicate);
  const digests = [hash("sha256", "signme-1\n"), hash("sha256", "signme-2")];
  assert.equal(
    (statement.predicate.resources as { digest: string }[]).map(({ digest }) => digest),
    digests,
  );
  assert.equal(statement.subject, [{ name: "v1.1.0-elliptic-key", digest: { sha256: rootDigest(digests) } }]);
  for (const at of [0, 300, envelope.payload.length - 1]) {
    const payload = Buffer.from(envelope.payload);
    payload[at]! ^= 1;
    assert.not.ok(isSigned({ ...envelope, payload }, key));
  }
});

test("bundles that are none are refused", async () => {
  const pair = ed25519();
  const good = JSON.parse(signedBundle(Buffer.from("{}"), signingKey("key", pair.privateKey)));
  assert.ok(isSigned(parseBundle("b", JSON.stringify(good)), verificationKey("key", pair.publicKey)));
  const [signature] = good.dsseEnvelope.signatures;
  const envelope = (more: object) => ({ ...good, dsseEnvelope: { ...good.dsseEnvelope, ...more } });
  const cases: [unknown, RegExp][] = [
    ["{", /b is no JSON/],
    [[], /has no bundle/],
    [{ ...good, mediaType: "x" }, /media type "x"/],
    [{ ...good, mediaType: undefined }, /no mediaType/],
    [{ ...good, verificationMaterial: {} }, /made with a certificate/],
    [{ ...good, verificationMaterial: { publicKey: { hint: 1 } } }, /hint that is no text/],
    [{ ...good, verificationMaterial: { publicKey: { hint: "other" } } }, /names two keys/],
    [{ ...good, dsseEnvelope: 1 }, /no dsseEnvelope/],
    [envelope({ payloadType: "text/plain" }), /payload of type "text\/plain"/],
    [envelope({ payload: "a b" }), /no payload in base64/],
    [envelope({ payload: 7 }), /no payload in base64/],
    [envelope({ signatures: [] }), /has 0 signatures/],
    [envelope({ signatures: [signature, signature] }), /has 2 signatures/],
    [envelope({ signatures: [{ ...signature, sig: "é" }] }), /no sig in base64/],
    [envelope({ signatures: [null] }), /no signature/],
  ];
  for (const [bundle, message] of cases) {
    const text = typeof bundle === "string" ? bundle : JSON.stringify(bundle);
    assert.match((await failure("MENDLINE_DATA_MALFORMED", () => parseBundle("b", text))).message, message);
  }
  await failure("MENDLINE_DATA_LIMIT", () => parseBundle("b", " ".repeat(signatureBytesMax + 1)));
});

test.run();
