/** Keys, and a small lineage whose parameters are really there. */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import type { NewModel } from "../../../src/lineage-store/records.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { emptyModel, idOf } from "../support.js";

export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

function inPem({ publicKey, privateKey }: KeyPairKeyObjectResult): KeyPair {
  return {
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

export function ed25519(): KeyPair {
  return inPem(generateKeyPairSync("ed25519"));
}

export function elliptic(namedCurve: string): KeyPair {
  return inPem(generateKeyPairSync("ec", { namedCurve }));
}

export function rsa(): KeyPair {
  return inPem(generateKeyPairSync("rsa", { modulusLength: 1024 }));
}

/** One file of one literal. */
export async function storedModel(
  store: LineageStore,
  name: string,
  more: Partial<NewModel> = {},
): Promise<NewModel> {
  const bytes = Buffer.from(`parameters of ${name}`);
  const { hash: object } = await store.putObject(bytes);
  const layout = [{ object, byteLength: bytes.length }];
  return emptyModel(name, "1", { byteLength: bytes.length, fileHash: object, layout, ...more });
}

export const baseId = idOf("base@1");
export const teacherId = idOf("teacher@1");
export const childId = idOf("child@1");

/** child@1 <- base@1 (fine-tuning), child@1 <- teacher@1 (distillation). */
export async function addFamily(store: LineageStore): Promise<void> {
  const task = { features: ["wind"], label: "rains", kind: "classification" } as const;
  const described = { metrics: { loss: 0.5 }, tags: { site: "Seattle" }, task, signature: idOf("data") };
  const models = [
    await storedModel(store, "base"),
    await storedModel(store, "teacher"),
    await storedModel(store, "child", described),
  ];
  await store.commit((tx) => {
    for (const model of models) tx.addModel(model);
    tx.addDerivation({
      parent: baseId,
      child: childId,
      transformation: "fine-tuning",
      parameters: { epochs: 3, note: "ü", odd: Number.NaN },
      metrics: { loss: 0.5 },
      distribution: { drift: { verdict: "drift" } },
    });
    tx.addDerivation({ parent: teacherId, child: childId, transformation: "distillation" });
  });
}
