/**
 * A server with the model repository extension of the Open Inference Protocol, as Triton has it, and its repository:
 *
 *     stage    REPOSITORY/NAME/<n + 1>/model.onnx           restored, every byte verified, synced; external data beside it
 *              POST /v2/repository/models/NAME/load         the server loads it, beside the old one, and changes over
 *     commit   the alias moves in the store
 *
 * The server has the new model before the alias moves, so that a model which does not load never becomes the alias's; where the alias does
 * not move after that, the new folder goes and the server loads what is left. A crash in between leaves the server ahead of the alias, and
 * the next deployment to it sets that right. Older versions stay: which are served is the server's version policy (by default the latest).
 * Source: triton-inference-server/server, docs/protocol/extension_model_repository.md, docs/user_guide/model_repository.md.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import { modelLoadTimeoutMs } from "../../limits.js";
import { makeFolder, replaceFile, stagingPrefix, syncFolder } from "../../lineage-store/files.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { post } from "./post.js";
import { cardName, holdsModel, noPlaceFor, placeModel } from "./published-files.js";
import type { DeployTarget, StagedModel } from "./target.js";

const scheme = "triton+";
const form = `${scheme}http://HOST:PORT/NAME?repository=/FOLDER`;
const fileName = "model.onnx";

interface Place {
  readonly loadUrl: URL;
  readonly dir: string;
  readonly name: string;
  readonly timeoutMs: number;
}

export function isTritonTarget(text: string): boolean {
  return text.startsWith(scheme);
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function tritonTarget(text: string): DeployTarget {
  const place = placeOf(text);
  return {
    text,
    async path() {
      const version = await latestVersion(place.dir);
      return version === 0 ? null : join(place.dir, String(version), fileName);
    },
    assertTakes: (model) => assertTakes(place, model),
    stage: (store, model, card) => stage(place, store, model, card),
    isServing: (model) => isLatest(place.dir, model),
  };
}

function placeOf(text: string): Place {
  const bare = text.slice(scheme.length);
  const url = URL.canParse(bare) ? new URL(bare) : null;
  const parts = url?.pathname.split("/").filter((part) => part !== "") ?? [];
  const name = parts.pop() ?? "";
  const repository = url?.searchParams.get("repository") ?? "";
  const timeoutMs = Number(url?.searchParams.get("timeoutMs") ?? modelLoadTimeoutMs);
  const isWhole = url !== null && /^https?:$/.test(url.protocol) && /^[\w-][\w.-]*$/.test(name);
  if (!isWhole || !isAbsolute(repository) || !(timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1))
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `${text} is no target of the form ${form}`);
  if (url.username !== "" || url.password !== "")
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      "a target's URL stays in the store: leave the password out",
    );
  const root = parts.map((part) => `/${part}`).join("");
  const loadUrl = new URL(`${root}/v2/repository/models/${encodeURIComponent(name)}/load`, url.origin);
  return { loadUrl, dir: join(repository, name), name, timeoutMs };
}

function assertTakes(place: Place, model: ModelRecord): void {
  const { name, version, format } = model;
  const wrong = `${name}@${version} is ${format}, and the server's layout takes model.onnx`;
  const problem = format === "onnx" ? noPlaceFor(model) : wrong;
  if (problem !== null) throw failed(place, new Error(problem));
}

async function stage(
  place: Place,
  store: LineageStore,
  model: ModelRecord,
  card: string | null,
): Promise<StagedModel> {
  assertTakes(place, model);
  const version = await placeVersion(place, store, model, card);
  const takeBack = async () => {
    await rm(version, { recursive: true, force: true });
    await load(place).catch(() => undefined);
  };
  try {
    await load(place);
  } catch (cause) {
    await takeBack();
    throw failed(place, cause);
  }
  return { swap: () => Promise.resolve(), discard: takeBack };
}

/** The folder appears whole: a server that polls its repository never meets half of it. */
async function placeVersion(
  place: Place,
  store: LineageStore,
  model: ModelRecord,
  card: string | null,
): Promise<string> {
  const { dir } = place;
  const staged = join(dir, `${stagingPrefix}${model.id.slice(0, 16)}`);
  try {
    await makeFolder(dir);
    await rm(staged, { recursive: true, force: true });
    await placeModel(store, model, staged);
    if (card !== null) await replaceFile(join(staged, cardName), (file) => file.writeFile(card));
    const version = join(dir, String((await latestVersion(dir)) + 1));
    await rename(staged, version);
    await syncFolder(dir);
    return version;
  } catch (cause) {
    await rm(staged, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof MendlineError && cause.code === "MENDLINE_STORE_CORRUPT") throw cause;
    throw failed(place, cause);
  }
}

async function load({ loadUrl, name, timeoutMs }: Place): Promise<void> {
  const { status, text } = await post({ url: loadUrl, body: "{}", timeoutMs });
  if (status < 200 || status >= 300)
    throw new Error(`the server does not load ${name}: status ${status} ${text.slice(0, 200).trim()}`);
}

/** 0 where there is none: the server's own begin at 1. */
async function latestVersion(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  return Math.max(0, ...names.filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number));
}

async function isLatest(dir: string, model: ModelRecord): Promise<boolean> {
  return holdsModel(join(dir, String(await latestVersion(dir))), model);
}

function failed({ dir }: Place, cause: unknown): MendlineError {
  return new MendlineError("MENDLINE_DEPLOY_FAILED", `cannot deploy to ${dir}: ${messageOf(cause)}`, {
    cause,
  });
}
