/** What a suite's file is made of: one question, groups of cases, and facts that are no times. */
import { type Effort, type Group, type GroupResult, measureGroup } from "./measure.js";
import { groupText } from "./table.js";

/** A number that is no time: resident memory. */
export interface Fact {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export type Message =
  | { readonly kind: "question"; readonly question: string }
  | { readonly kind: "group"; readonly group: GroupResult }
  | { readonly kind: "fact"; readonly fact: Fact };

export interface Bench {
  readonly isQuick: boolean;
  /** A size, and what stands for it in a quick run. */
  size(full: number, quick: number): number;
  measure(group: Group): Promise<GroupResult>;
  fact(name: string, value: number, unit: string): void;
}

/** `BENCH_QUICK=1`: small data and few samples, to see that everything runs; its times mean nothing. */
export const isQuick = process.env.BENCH_QUICK === "1";

const effort: Effort = isQuick
  ? { secondsMax: 0.01, samplesMin: 2, cycleSeconds: 0.0005 }
  : { secondsMax: 1.5, samplesMin: 9 };

/** Runs a suite in this process; under the runner results go to it, alone they are printed. */
export async function runSuite(question: string, body: (bench: Bench) => Promise<void>): Promise<void> {
  tell({ kind: "question", question });
  await body({
    isQuick,
    size: (full, quick) => (isQuick ? quick : full),
    measure: async (group) => {
      const result = await measureGroup(group, effort);
      tell({ kind: "group", group: result });
      return result;
    },
    fact: (name, value, unit) => tell({ kind: "fact", fact: { name, value, unit } }),
  });
  process.disconnect?.();
}

function tell(message: Message): void {
  if (process.send !== undefined) {
    process.send(message);
    return;
  }
  if (message.kind === "question") console.log(message.question);
  else if (message.kind === "fact") console.log(factText(message.fact));
  else console.log(groupText(message.group));
}

export function factText({ name, value, unit }: Fact): string {
  return `  ${name}: ${Number(value.toPrecision(4))} ${unit}`;
}
