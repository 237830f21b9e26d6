/**
 * The terminal labeller: one point at a time, a key each. An answer is on the disk before the next point is shown, so that whoever stops,
 * or loses the machine, goes on where he was.
 *
 *     a class's key, or a number and Enter · s skip · u undo · q quit
 */

import type { LineageStore } from "../../lineage-store/store.js";
import type { Profile } from "../drift/profile.js";
import type { LabelPoint, LabelRequest } from "./label-request.js";
import { labelFrom, labelText } from "./label-values.js";
import { featureLines } from "./point-text.js";
import { addAnswers, loadRequest, retract } from "./requests.js";

export interface AnnotateOptions {
  readonly annotator: string;
  /** Text as it is typed, in pieces of any size. */
  readonly keys: AsyncIterable<string>;
  readonly write: (text: string) => void;
  /** Makes text of the data harmless for a terminal. */
  readonly visible: (text: string) => string;
}

export interface Annotated {
  readonly request: LabelRequest;
  /** In this session, without what was undone. */
  readonly labelled: number;
  readonly skipped: number;
  /** Points that this person has not answered. */
  readonly left: number;
}

/** Up to so many classes a digit is a whole answer; beyond it the index or the name is typed, and Enter. */
const digitClassesMax = 10;
const interrupt = "\u0003";
const endOfInput = "\u0004";
const backspaces = ["\b", "\u007f"];

export async function annotate(
  store: LineageStore,
  id: string,
  profile: Profile | null,
  options: AnnotateOptions,
): Promise<Annotated> {
  const session = new Session(store, await loadRequest(store, id), profile, options);
  return session.run();
}

class Session {
  readonly #store: LineageStore;
  readonly #profile: Profile | null;
  readonly #options: AnnotateOptions;
  #request: LabelRequest;
  /** Points answered in this session, the newest last. */
  readonly #done: { readonly pointId: string; readonly isSkip: boolean }[] = [];
  #typed = "";

  constructor(store: LineageStore, request: LabelRequest, profile: Profile | null, options: AnnotateOptions) {
    this.#store = store;
    this.#request = request;
    this.#profile = profile;
    this.#options = options;
  }

  async run(): Promise<Annotated> {
    if (this.#current() !== null) {
      this.#show();
      keys: for await (const piece of this.#options.keys) {
        for (const key of piece) {
          if (!(await this.#press(key))) break keys;
        }
      }
    }
    const skipped = this.#done.filter(({ isSkip }) => isSkip).length;
    return {
      request: this.#request,
      labelled: this.#done.length - skipped,
      skipped,
      left: this.#open().length,
    };
  }

  /** @returns false at the end */
  async #press(key: string): Promise<boolean> {
    if (key === interrupt || key === endOfInput) return false;
    const isEnter = key === "\r" || key === "\n";
    if (this.#typed === "") {
      if (isEnter || key === " ") return true;
      if (key === "q") return false;
      if (key === "u") return this.#undo();
      if (key === "s") return this.#answer(null);
      if (this.#isDigitAnswer) return this.#enter(key);
    }
    if (isEnter) {
      const typed = this.#typed;
      this.#typed = "";
      return this.#enter(typed);
    }
    if (backspaces.includes(key)) this.#typed = this.#typed.slice(0, -1);
    else if (key >= " ") this.#typed += key;
    this.#say(`\r${this.#options.visible(this.#typed)} \b`);
    return true;
  }

  get #isDigitAnswer(): boolean {
    const { classes } = this.#request.question;
    return classes !== null && classes.length <= digitClassesMax;
  }

  async #enter(typed: string): Promise<boolean> {
    const { question } = this.#request;
    try {
      // A key is a place in the list, whatever the classes are called.
      const label = this.#isDigitAnswer ? this.#indexOf(typed) : labelFrom(typed, question, "typed");
      if (label !== null) return await this.#answer(label);
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== "MENDLINE_REPAIR_LABELS") throw thrown;
    }
    this.#say(`\nno such answer: ${this.#options.visible(typed)}\n${this.#help()}`);
    return true;
  }

  #indexOf(key: string): number | null {
    const index = /^[0-9]$/.test(key) ? Number(key) : Number.NaN;
    return index < this.#request.question.classes!.length ? index : null;
  }

  async #answer(label: number | null): Promise<boolean> {
    const { pointId } = this.#current()!;
    const { annotator } = this.#options;
    const source = { kind: "terminal", name: null, sha256: null } as const;
    const { request } = await addAnswers(this.#store, this.#request, source, [
      { pointId, annotator, label, annotation: null },
    ]);
    this.#request = request;
    this.#done.push({ pointId, isSkip: label === null });
    this.#say(`${label === null ? "skipped" : labelText(label, request.question)}\n`);
    if (this.#current() === null) return false;
    this.#show();
    return true;
  }

  async #undo(): Promise<boolean> {
    const last = this.#done.pop();
    if (last === undefined) {
      this.#say("nothing of this session is left to undo\n");
      return true;
    }
    const { annotator } = this.#options;
    this.#request = await retract(this.#store, this.#request, { pointId: last.pointId, annotator });
    this.#say("undone\n");
    this.#show();
    return true;
  }

  #open(): LabelPoint[] {
    const { question, answers } = this.#request;
    const { annotator } = this.#options;
    return question.points.filter(
      ({ pointId }) => !answers.get(pointId)!.standing.some((answer) => answer.annotator === annotator),
    );
  }

  #current(): LabelPoint | null {
    return this.#open()[0] ?? null;
  }

  #show(): void {
    const { question } = this.#request;
    const { visible } = this.#options;
    const point = this.#current()!;
    const lines = featureLines(question, point, this.#profile);
    const width = Math.max(...lines.map(({ name }) => visible(name).length));
    const valueWidth = Math.max(...lines.map(({ value }) => visible(value).length));
    const place = question.points.length - this.#open().length + 1;
    this.#say(`\npoint ${place} of ${question.points.length}, ${point.pointId}\n`);
    for (const { name, value, place: where } of lines) {
      this.#say(`  ${visible(name).padEnd(width)}  ${visible(value).padStart(valueWidth)}  ${where}\n`);
    }
    this.#say(this.#help());
  }

  #help(): string {
    const { classes, label } = this.#request.question;
    const { visible } = this.#options;
    const choices = this.#isDigitAnswer
      ? classes!
          .map((name, index) => (name === String(index) ? name : `${index} ${visible(name)}`))
          .join("  ")
      : classes === null
        ? "a number and Enter"
        : "a class or its index and Enter";
    return `${visible(label)}?  ${choices}  ·  s skip  u undo  q quit > `;
  }

  #say(text: string): void {
    this.#options.write(text);
  }
}
