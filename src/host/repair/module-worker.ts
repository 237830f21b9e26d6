/** The thread that runs a validator module. */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { MendlineError, messageOf } from "../../errors.js";
import type { ThreadAnswer } from "./judging-thread.js";
import type { LabelledData } from "./labelled-data.js";

export interface ModuleWorkerData {
  readonly path: string;
}

export interface ModuleWork {
  readonly parameters: string;
  readonly rows: Pick<
    LabelledData,
    "features" | "columns" | "texts" | "label" | "labels" | "weights" | "rowCount"
  >;
}

export interface ModuleValue {
  /** As the module gave it; checked on the other side. */
  readonly loss: unknown;
}

/** What a module is given: copies, with which it may do as it likes. */
export interface ModuleRows {
  readonly rowCount: number;
  /** Features and label by name, missing = NaN; texts as strings, missing = null. */
  readonly columns: Readonly<Record<string, Float64Array | readonly (string | null)[]>>;
  readonly label: string;
  readonly labels: Float64Array;
  /** What each row counts; null = all the same. mendline weighs the losses itself. */
  readonly weights: Float64Array | null;
}

type Judge = (question: { readonly parameters: string; readonly rows: ModuleRows }) => unknown;

// What a module says must not get into a command's output.
process.stdout.write = process.stderr.write = () => true;

const { path } = workerData as ModuleWorkerData;
let loaded: Promise<Judge> | undefined;

parentPort!.on("message", (work: ModuleWork) => {
  void answer(work).then((reply) => {
    try {
      parentPort!.postMessage(reply);
    } catch (thrown) {
      // Functions and promises do not cross threads.
      parentPort!.postMessage(failure(`what it gave cannot be read: ${messageOf(thrown)}`));
    }
  });
});

async function answer({ parameters, rows }: ModuleWork): Promise<ThreadAnswer<ModuleValue>> {
  try {
    loaded ??= load();
    const judge = await loaded;
    const given = await judge({ parameters, rows: moduleRows(rows) });
    const isWrapped =
      typeof given === "object" && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given);
    return { ok: true, value: { loss: isWrapped ? (given as Record<string, unknown>).loss : given } };
  } catch (thrown) {
    return failure(messageOf(thrown));
  }
}

async function load(): Promise<Judge> {
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  if (typeof module.default === "function") return module.default as Judge;
  throw new Error("its default export is no function: export default async ({ parameters, rows }) => losses");
}

function moduleRows({
  features,
  columns,
  texts,
  label,
  labels,
  weights,
  rowCount,
}: ModuleWork["rows"]): ModuleRows {
  const byName: Record<string, Float64Array | (string | null)[]> = Object.create(null) as Record<
    string,
    never
  >;
  features.forEach((name, index) => {
    const values = columns[index]!;
    const names = texts[index];
    byName[name] = names == null ? values.slice() : Array.from(values, (code) => names[code] ?? null);
  });
  byName[label] = labels.slice();
  return { rowCount, columns: byName, label, labels: labels.slice(), weights: weights?.slice() ?? null };
}

function failure(message: string): ThreadAnswer<ModuleValue> {
  const error = new MendlineError("MENDLINE_REPAIR_VALIDATOR", message).toJSON();
  // A module that failed may have left its state half-made.
  return { ok: false, isLost: true, error };
}
