/** Runs mutations in a child that is ended when one of them hangs. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Form } from "./reading.js";

const childPath = fileURLToPath(new URL("./arrow-mutation-child.js", import.meta.url));
/** Of one mutation: a hundred times what the slowest takes on a busy machine. */
const hangMs = 30_000;

export interface MutationRun {
  readonly form: Form;
  readonly rounds: number;
  readonly seed: number;
}

export interface MutationTally {
  readonly tried: number;
  /** How often each code was met, `read` among them. */
  readonly codes: Readonly<Record<string, number>>;
  /** The most work one mutation took, and how many took more than 250 ms of it. */
  readonly workMsMax: number;
  readonly slow: number;
}

/** What a mutation may end in. */
export const mutationOutcomes: ReadonlySet<string> = new Set([
  "read",
  "MENDLINE_DATA_MALFORMED",
  "MENDLINE_DATA_FORMAT",
  "MENDLINE_DATA_SCHEMA",
  "MENDLINE_DATA_EMPTY",
  "MENDLINE_DATA_LIMIT",
]);

type Message =
  | { readonly round: number }
  | { readonly outcome: string; readonly workMs: number }
  | { readonly isDone: true };

/** @throws Error  one hung, or the process died; says which round, which repeats with the seed */
export function tryMutations({ form, rounds, seed }: MutationRun): Promise<MutationTally> {
  const child = fork(childPath, [form, String(rounds), String(seed)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const codes: Record<string, number> = {};
  let [round, tried, workMsMax, slow] = [-1, 0, 0, 0];
  let timer: NodeJS.Timeout | undefined;
  return new Promise((resolve, reject) => {
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`${form}, seed ${seed}: round ${round} hangs`));
      }, hangMs);
    };
    watch();
    child.on("message", (message: Message) => {
      watch();
      if ("round" in message) {
        round = message.round;
        return;
      }
      if ("isDone" in message) {
        clearTimeout(timer);
        resolve({ tried, codes, workMsMax, slow });
        return;
      }
      tried += 1;
      workMsMax = Math.max(workMsMax, message.workMs);
      if (message.workMs > 250) slow += 1;
      const found = message.outcome.startsWith("round") ? [message.outcome] : message.outcome.split(" ");
      for (const code of found) codes[code] = (codes[code] ?? 0) + 1;
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (code === 0) return;
      clearTimeout(timer);
      reject(new Error(`${form}, seed ${seed}: ended with ${code ?? signal} in round ${round}`));
    });
  });
}
