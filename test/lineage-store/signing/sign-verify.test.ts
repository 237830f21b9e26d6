import { createPrivateKey, hash, randomBytes, sign } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeRecord, encodeRecord } from "../../../src/lineage-store/codec.js";
import { keyOf } from "../../../src/lineage-store/keys.js";
import { signModel } from "../../../src/lineage-store/signing/sign.js";
import { verifySignatures } from "../../../src/lineage-store/signing/verify.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { collect, failure, idOf, withStore } from "../support.js";
import {
  addFamily,
  baseId,
  childId,
  ed25519,
  elliptic,
  type KeyPair,
  storedModel,
  teacherId,
} from "./support.js";

function verify(store: LineageStore, key: KeyPair, bundles: readonly string[] = []) {
  return verifySignatures(store, childId, { key: key.publicKey, bundles });
}

test("signed, kept, checked: a model and its derivations, with every kind of key", () =>
  withStore(async (store, reopen) => {
    await addFamily(store);
    let open = store;
    for (const pair of [ed25519(), elliptic("prime256v1"), elliptic("secp384r1"), elliptic("secp521r1")]) {
      const unsigned = await verify(open, pair);
      assert.equal([unsigned.isValid, unsigned.model.state], [false, "unsigned"]);
      const signed = await signModel(open, childId, { key: pair.privateKey });
      assert.equal(
        signed.signatures.map(({ parent, isNew }) => [parent, isNew]),
        [
          [null, true],
          [baseId, true],
          [teacherId, true],
        ],
      );
      open = await reopen();
      const report = await verify(open, pair);
      assert.ok(report.isValid, JSON.stringify(report));
      assert.is(report.keyHint, signed.keyHint);
      assert.equal([report.model.state, report.model.covers], ["valid", "record"]);
      assert.equal(
        report.derivations.map(({ state, parent }) => [state, parent.name]),
        [
          ["valid", "base"],
          ["valid", "teacher"],
        ],
      );
      const again = await signModel(open, childId, { key: pair.privateKey });
      assert.ok(
        again.signatures.every(({ isNew }) => !isNew),
        "the very same is signed once",
      );
    }
    assert.is((await open.signatures(childId)).length, 12);
    assert.is((await verify(open, ed25519())).otherKeys, 12);
    assert.not.match(JSON.stringify(await open.signatures(childId)), "PRIVATE");
    await open.verifyJournal();
  }));

test("a derivation that came after the signatures is not signed", () =>
  withStore(async (store) => {
    await addFamily(store);
    const pair = ed25519();
    await signModel(store, childId, { key: pair.privateKey });
    const late = await storedModel(store, "late");
    await store.commit((tx) => {
      tx.addModel(late);
      tx.addDerivation({ parent: late.id, child: childId, transformation: "other" });
    });
    const report = await verify(store, pair);
    assert.is(report.isValid, false);
    assert.equal(
      report.derivations.map(({ state }) => state),
      ["valid", "valid", "unsigned"],
    );
  }));

/** Changes a record as somebody would who can write into the folder: hash and all. */
async function tamper(
  dir: string,
  key: Buffer,
  change: (value: Record<string, unknown>) => void,
): Promise<void> {
  const level = new Level<Buffer, Buffer>(join(dir, "db"), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  const value = decodeRecord(key, (await level.get(key))!) as Record<string, unknown>;
  change(value);
  await level.put(key, encodeRecord(key, value));
  await level.close();
}

test("whatever is changed in the records afterwards is found, and named", () =>
  withStore(async (store, _reopen, dir) => {
    await addFamily(store);
    const pair = ed25519();
    await signModel(store, childId, { key: pair.privateKey });
    await store.close();
    const other = Buffer.from(idOf("other"), "hex");
    const modelChanges: [string, unknown][] = [
      ["name", "x"],
      ["version", "2"],
      ["format", "safetensors"],
      ["byteLength", 7],
      ["fileHash", other],
      ["createdMs", 1],
      ["signature", other],
      ["task", null],
      ["metrics", { loss: 0.25 }],
      ["tags", {}],
    ];
    for (const [field, changed] of modelChanges)
      await expectFound(dir, keyOf("model", childId), field, changed, pair, ({ model }) => model);
    const edgeChanges: [string, unknown][] = [
      ["transformation", "pruning"],
      ["parameters", { epochs: 4, note: "ü", odd: Number.NaN }],
      ["metrics", { loss: 0.25 }],
      ["distribution", { drift: { verdict: "stable" } }],
      ["createdMs", 1],
    ];
    for (const [field, changed] of edgeChanges)
      await expectFound(
        dir,
        keyOf("derivation", 0, 2),
        field,
        changed,
        pair,
        ({ derivations }) => derivations[0]!,
      );
    await expectFound(
      dir,
      keyOf("model", baseId),
      "fileHash",
      other,
      pair,
      ({ derivations }) => derivations[0]!,
    );
  }));

type Report = Awaited<ReturnType<typeof verify>>;

/** How the statements call it. */
const names: Readonly<Record<string, string>> = { signature: "trainingDataSignature", createdMs: "Ms" };

async function expectFound(
  dir: string,
  key: Buffer,
  field: string,
  changed: unknown,
  pair: KeyPair,
  finding: (report: Report) => Report["model"],
): Promise<void> {
  let before: unknown;
  await tamper(dir, key, (value) => {
    before = value[field];
    value[field] = changed;
  });
  const store = await LineageStore.open(dir);
  const report = await verify(store, pair);
  await store.close();
  assert.is(report.isValid, false, field);
  const { state, problem } = finding(report);
  assert.is(state, "invalid", field);
  const told = field === "fileHash" ? /signs the file|parent/ : (names[field] ?? field);
  assert.match(problem!, told);
  await tamper(dir, key, (value) => {
    value[field] = before;
  });
}

test("a signature that is moved to another model, or another derivation, does not hold there", () =>
  withStore(async (store) => {
    await addFamily(store);
    const pair = ed25519();
    const { signatures } = await signModel(store, childId, { key: pair.privateKey });
    const [ofModel, ofBase] = signatures.map(({ bundle }) => bundle);
    await store.commit((tx) => {
      tx.addSignature({ model: baseId, parent: null, bundle: ofModel! });
      tx.addSignature({ model: childId, parent: null, bundle: ofBase! });
      tx.addSignature({ model: childId, parent: teacherId, bundle: ofBase! });
    });
    const moved = await verifySignatures(store, baseId, { key: pair.publicKey });
    assert.equal([moved.model.state, moved.isValid], ["invalid", false]);
    assert.ok((await verify(store, pair)).isValid, "what holds is not undone by what does not");
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      store.commit((tx) => tx.addSignature({ model: baseId, parent: teacherId, bundle: ofBase! })),
    );
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      store.commit((tx) => tx.addSignature({ model: idOf("no"), parent: null, bundle: ofModel! })),
    );
    await failure("MENDLINE_DATA_MALFORMED", () =>
      store.commit((tx) => tx.addSignature({ model: baseId, parent: null, bundle: "{}" })),
    );
  }));

test("every changed byte of what is signed, and of the signature, is found", () =>
  withStore(async (store) => {
    await addFamily(store);
    for (const pair of [ed25519(), elliptic("prime256v1")]) {
      const { signatures } = await signModel(store, baseId, { key: pair.privateKey });
      const bundle = JSON.parse(signatures[0]!.bundle);
      const check = (changed: object) =>
        verifySignatures(store, teacherId, { key: pair.publicKey, bundles: [JSON.stringify(changed)] });
      assert.is((await check(bundle)).model.state, "invalid", "it is about another model");
      const flips = ["payload", "sig"].flatMap((part) =>
        Array.from({ length: 60 }, (_, index) => [part, index] as const),
      );
      for (const [part, index] of flips) {
        const changed = structuredClone(bundle);
        const holder = part === "payload" ? changed.dsseEnvelope : changed.dsseEnvelope.signatures[0];
        const bytes = Buffer.from(holder[part], "base64");
        bytes[Math.floor((index * bytes.length) / 60)]! ^= 1 << (index % 8);
        holder[part] = bytes.toString("base64");
        const report = await verifySignatures(store, baseId, {
          key: pair.publicKey,
          bundles: [JSON.stringify(changed)],
        });
        assert.ok(report.isValid, "the stored one still holds");
        const alone = await check(changed);
        assert.is(alone.model.state, "invalid");
        assert.match(alone.model.problem!, /does not fit|predicate|payload/);
      }
    }
  }));

/** By the definitions, with node:crypto alone: PAE, in-toto, the OpenSSF's predicate, in another layout of JSON. */
function handMade(
  pair: KeyPair,
  digest: string,
  change: (statement: Record<string, unknown>) => void = () => undefined,
) {
  const statement: Record<string, unknown> = {
    predicate: {
      resources: [{ digest, name: "model.onnx", algorithm: "sha256" }],
      serialization: { ignore_paths: [".git"], method: "files", hash_type: "sha256", allow_symlinks: false },
    },
    predicateType: "https://model_signing/signature/v1.0",
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "any", digest: { sha256: hash("sha256", Buffer.from(digest, "hex")) } }],
  };
  change(statement);
  const payload = Buffer.from(JSON.stringify(statement, null, 2));
  const type = "application/vnd.in-toto+json";
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  const key = createPrivateKey(pair.privateKey);
  const sig = sign(key.asymmetricKeyType === "ec" ? "sha256" : null, signed, key).toString("base64");
  return JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: hash("sha256", pair.publicKey) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType: type,
      signatures: [{ sig, keyid: "" }],
    },
  });
}

test("envelopes made by another hand", () =>
  withStore(async (store) => {
    await addFamily(store);
    const { fileHash } = await store.get(baseId);
    for (const pair of [ed25519(), elliptic("prime256v1")]) {
      const report = async (bundle: string) =>
        (await verifySignatures(store, baseId, { key: pair.publicKey, bundles: [bundle] })).model;
      assert.equal(await report(handMade(pair, fileHash)), { state: "valid", covers: "file", problem: null });
      const cases: [bundle: string, problem: RegExp][] = [
        [handMade(pair, idOf("other file")), /signs the file/],
        [
          handMade(pair, fileHash, (statement) => (statement.subject = [{ digest: { sha256: fileHash } }])),
          /add up/,
        ],
        [handMade(pair, fileHash, (statement) => (statement.subject = [])), /add up/],
        [handMade(pair, fileHash, (statement) => (statement._type = "x")), /no in-toto statement/],
        [handMade(pair, fileHash, (statement) => (statement.predicateType = "x")), /its predicate is x/],
        [
          handMade(pair, fileHash, (statement) => (statement.predicate = { resources: 1 })),
          /does not list files/,
        ],
        [handMade(pair, fileHash, (statement) => delete statement.predicate), /has no predicate/],
        [
          handMade(pair, fileHash, ({ predicate }) =>
            Object.assign(predicate as object, { mendline: { id: baseId } }),
          ),
          /the store says otherwise.*name/,
        ],
      ];
      for (const [bundle, problem] of cases) {
        const found = await report(bundle);
        assert.is(found.state, "invalid", String(problem));
        assert.match(found.problem!, problem);
      }
      const anonymous = JSON.parse(handMade(pair, fileHash));
      anonymous.verificationMaterial.publicKey = {};
      assert.is((await report(JSON.stringify(anonymous))).state, "valid", "without a hint the key is tried");
      anonymous.dsseEnvelope.signatures[0].sig = randomBytes(64).toString("base64");
      assert.is((await report(JSON.stringify(anonymous))).state, "unsigned", "and may be another's");
      assert.is((await report(handMade(ed25519(), fileHash))).state, "unsigned");
    }
    await failure("MENDLINE_DATA_MALFORMED", () =>
      verifySignatures(store, baseId, { key: ed25519().publicKey, bundles: ["x"] }),
    );
  }));

test("parameters that are damaged or lost are not signed", () =>
  withStore(async (store, _reopen, dir) => {
    await addFamily(store);
    const { layout } = await store.parameters(childId);
    const path = join(dir, "objects", layout[0]!.object.slice(0, 2), layout[0]!.object.slice(2));
    writeFileSync(path, "parameters of chilD");
    const key = ed25519().privateKey;
    await failure("MENDLINE_STORE_CORRUPT", () => signModel(store, childId, { key }));
    rmSync(path);
    await failure("MENDLINE_STORE_CORRUPT", () => signModel(store, childId, { key }));
    await failure("MENDLINE_TASK_ABORTED", () =>
      signModel(store, baseId, { key, signal: AbortSignal.abort() }),
    );
    await failure("MENDLINE_STORE_UNKNOWN", () => signModel(store, idOf("no"), { key }));
    assert.equal(await store.signatures(childId), []);
    assert.is((await collect(store.models())).length, 3);
  }));

test("parameters that retention dropped: signatures hold on, new ones are refused", () =>
  withStore(async (store) => {
    await addFamily(store);
    const pair = ed25519();
    await signModel(store, childId, { key: pair.privateKey });
    await store.commit((tx) => tx.setGone(childId, "dropped"));
    assert.ok((await verify(store, pair)).isValid);
    await failure("MENDLINE_STORE_DROPPED", () => signModel(store, childId, { key: ed25519().privateKey }));
  }));

test.run();
