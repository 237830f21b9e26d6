/** All that can be done with label requests, over one store. */
import { type Annotated, type AnnotateOptions, annotate } from "../labels/annotate.js";
import { exportText, type LabelFormat } from "../labels/export-labels.js";
import { checkPoints, readLabels } from "../labels/import-labels.js";
import type { LabelRequest } from "../labels/label-request.js";
import { answersOfWebhook } from "../labels/label-studio.js";
import { type AddedAnswers, addAnswers, endRequest, listRequests, loadRequest } from "../labels/requests.js";
import { loadProfile } from "../models.js";
import { type AskLabelsRequest, askLabels } from "./ask-labels.js";
import type { RepairContext } from "./context.js";
import { type Refinement, type RefineRequest, refineRepair } from "./refine.js";

export interface ImportedLabels extends AddedAnswers {
  /** Answers in the file, those that were there already among them. */
  readonly found: number;
}

/** What the engine does for the desk. */
export interface DeskDuties {
  /** Makes the rows durable that open monitors keep. */
  checkpoint(): Promise<void>;
  /** Told of every refinement that came to its end. */
  refined(refinement: Refinement): void;
}

export class LabelDesk {
  readonly #context: RepairContext;
  readonly #duties: DeskDuties;

  constructor(context: RepairContext, duties: DeskDuties) {
    this.#context = context;
    this.#duties = duties;
  }

  /**
   * Chooses points of a pool for people to label; without one, of the recent rows that the model's monitors keep.
   *
   * @param ref  the model that the labels are for
   */
  async ask(ref: string, request: AskLabelsRequest): Promise<LabelRequest> {
    const { store } = this.#context;
    if (request.pool === undefined) await this.#duties.checkpoint();
    return askLabels(this.#context, await store.get(await store.resolve(ref)), request);
  }

  /** Newest first. */
  list(): AsyncGenerator<LabelRequest> {
    return listRequests(this.#context.store);
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  get(id: string): Promise<LabelRequest> {
    return loadRequest(this.#context.store, id);
  }

  async export(id: string, format: LabelFormat): Promise<string> {
    return exportText(await this.get(id), format);
  }

  /**
   * All labels of a file or none; a file that was imported before adds nothing.
   *
   * @param annotator  who labelled, where the file does not say
   */
  async import(id: string, file: string, annotator?: string): Promise<ImportedLabels> {
    const request = await this.get(id);
    const { source, answers } = await readLabels(file, request, annotator);
    return { ...(await addAnswers(this.#context.store, request, source, answers)), found: answers.length };
  }

  /** @param body  parsed JSON of a Label Studio webhook; another event than a label's adds nothing */
  async takeWebhook(id: string, body: unknown): Promise<ImportedLabels> {
    const request = await this.get(id);
    const answers = answersOfWebhook(body, request.question);
    checkPoints(answers, request, "webhook");
    const source = { kind: "webhook", name: null, sha256: null } as const;
    return { ...(await addAnswers(this.#context.store, request, source, answers)), found: answers.length };
  }

  /** A person's session; ends with the last point, with `q`, or with the keys. */
  async annotate(id: string, options: AnnotateOptions): Promise<Annotated> {
    const { store } = this.#context;
    const { question } = await this.get(id);
    return annotate(store, id, await loadProfile(store, await store.get(question.model)), options);
  }

  async end(id: string, state: "closed" | "cancelled", reason = "by hand"): Promise<LabelRequest> {
    return endRequest(this.#context.store, await this.get(id), state, reason);
  }

  /** Repairs again with the labels that came. */
  async refine(id: string, request: RefineRequest = {}): Promise<Refinement> {
    const refinement = await refineRepair(this.#context, id, request);
    this.#duties.refined(refinement);
    return refinement;
  }
}
