/** What a suite's file is made of: one question, groups of cases, and facts that are no times. */
import { type Cores, useCores } from "./cores.js";
import { type Effort, type Group, type GroupResult, measureGroup } from "./measure.js";
import { groupText, tableText } from "./table.js";

/** A number that is no time, or a ratio between groups. */
export interface Fact {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** Figures that are no times, row by row. */
export interface FigureTable {
  readonly name: string;
  readonly heads: readonly string[];
  /** As people read them. */
  readonly rows: readonly (readonly string[])[];
  /** What they were made from, for the results' file. */
  readonly data: unknown;
}

export type Message =
  | { readonly kind: "question"; readonly question: string; readonly cores: string }
  | { readonly kind: "group"; readonly group: GroupResult }
  | { readonly kind: "fact"; readonly fact: Fact }
  | { readonly kind: "table"; readonly table: FigureTable };

export interface Bench {
  readonly isQuick: boolean;
  /** A size, and what stands for it in a quick run. */
  size(full: number, quick: number): number;
  measure(group: Group): Promise<GroupResult>;
  fact(name: string, value: number, unit: string): void;
  table(table: FigureTable): void;
  /** From here on; a suite begins with the cores that it was made with. Group names should tell. */
  useCores(cores: Cores): void;
}

/** `BENCH_QUICK=1`: small data and few samples, to see that everything runs; its times mean nothing. */
export const isQuick = process.env.BENCH_QUICK === "1";

/** Five rounds give a median that one disturbed round, or two, cannot move far. */
const effort: Effort = isQuick
  ? { rounds: 2, samplesMin: 1, secondsMax: 0.005, cycleSeconds: 0.0005, warmSeconds: 0.01 }
  : { rounds: 5, samplesMin: 1, secondsMax: 0.1, cycleSeconds: 0.001, warmSeconds: 0.1 };

/**
 * Runs a suite in this process; under the runner results go to it, alone they are printed.
 *
 * @param cores  what it may use; one, unless the question is about several
 */
export async function runSuite(
  question: string,
  body: (bench: Bench) => Promise<void>,
  { cores = "one" }: { cores?: Cores } = {},
): Promise<void> {
  tell({ kind: "question", question, cores: useCores(cores) });
  await body({
    isQuick,
    size: (full, quick) => (isQuick ? quick : full),
    measure: async (group) => {
      const result = await measureGroup(group, effort);
      tell({ kind: "group", group: result });
      return result;
    },
    fact: (name, value, unit) => {
      if (!Number.isFinite(value)) throw new RangeError(`${name} is ${value}: no fact`);
      tell({ kind: "fact", fact: { name, value, unit } });
    },
    table: (table) => tell({ kind: "table", table }),
    useCores: (other) => void useCores(other),
  });
  process.disconnect?.();
}

function tell(message: Message): void {
  if (process.send !== undefined) {
    process.send(message);
    return;
  }
  if (message.kind === "question") console.log(questionText(message.question, message.cores));
  else if (message.kind === "fact") console.log(factText(message.fact));
  else if (message.kind === "table") console.log(tableText(message.table));
  else console.log(groupText(message.group));
}

export function questionText(question: string, cores: string): string {
  return `${question} (${cores})`;
}

export function factText({ name, value, unit }: Fact): string {
  return `  ${name}: ${Number(value.toPrecision(4))}${unit === "" ? "" : ` ${unit}`}`;
}
