/** Small models, and what a test expects of them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type ErrorCode, MendlineError } from "../../errors.js";
import type { NewDerivation, NewModel } from "../records.js";
import type { ContractOptions, ContractStore } from "./store.js";

export function idOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The id of a model that `plain` or `addPlain` made. */
export function id(name: string, version = "1"): string {
  return idOf(`${name}@${version}`);
}

/** A model without a single byte: enough for everything that looks at the graph only. */
export function plain(name: string, version = "1", over: Partial<NewModel> = {}): NewModel {
  return {
    id: id(name, version),
    name,
    version,
    format: "onnx",
    byteLength: 0,
    fileHash: idOf(""),
    tensors: [],
    layout: [],
    ...over,
  };
}

/** Models of version 1 by their names, parted by spaces. */
export async function addPlain(store: ContractStore, names: string): Promise<void> {
  await store.commit((tx) => {
    for (const name of names.split(" ")) tx.addModel(plain(name));
  });
}

/** `a>b` and the like, parted by spaces: b is derived from a. */
export async function derive(
  store: ContractStore,
  edges: string,
  over: Partial<NewDerivation> = {},
): Promise<void> {
  await store.commit((tx) => {
    for (const edge of edges.split(" ")) {
      const [parent, child] = edge.split(">") as [string, string];
      tx.addDerivation({ parent: id(parent), child: id(child), transformation: "fine-tuning", ...over });
    }
  });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** The names of version 1 behind ids. */
export class Names {
  readonly #names: ReadonlyMap<string, string>;

  constructor(names: string) {
    this.#names = new Map(names.split(" ").map((name) => [id(name), name]));
  }

  of(model: string): string {
    return this.#names.get(model) ?? model;
  }

  /** `a1 b2`: names with distances. */
  async relatives(
    relatives: AsyncIterable<{ readonly id: string; readonly distance: number }>,
  ): Promise<string> {
    const shown = await collect(relatives);
    return shown.map((relative) => `${this.of(relative.id)}${relative.distance}`).join(" ");
  }
}

/** The error that the work must end in. */
export async function refusal(code: ErrorCode, work: () => unknown): Promise<MendlineError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof MendlineError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`nothing was thrown instead of ${code}`);
}

export type Check = (store: ContractStore, reopen: () => Promise<ContractStore>) => Promise<void>;

/** A clock that ticks one millisecond a look. */
function tickingClock(): () => number {
  let nowMs = 1_700_000_000_000;
  return () => nowMs++;
}

/** Registers one test with a store of its own. */
export function registrar({ test, open }: ContractOptions): (name: string, check: Check) => void {
  return (name, check) =>
    test(name, async () => {
      const subject = await open(tickingClock());
      try {
        await check(subject.store, () => subject.reopen());
      } finally {
        await subject.close();
      }
    });
}
