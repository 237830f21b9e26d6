/** All that can be done with label requests, over one store. */
import { MendlineError } from "../../errors.js";
import { type Annotated, type AnnotateOptions, annotate } from "../labels/annotate.js";
import { answersByKey } from "../labels/answers.js";
import { exportText, type LabelFormat } from "../labels/export-labels.js";
import { readLabels } from "../labels/import-labels.js";
import type { LabelRequest } from "../labels/label-request.js";
import { toolName } from "../labels/label-studio.js";
import { LabelStudioWebhook, type LabelStudioWebhookOptions } from "../labels/label-studio-webhook.js";
import { type AddedAnswers, addAnswers, endRequest, listRequests, loadRequest } from "../labels/requests.js";
import { loadProfile } from "../models.js";
import { type AskLabelsRequest, askLabels } from "./ask-labels.js";
import type { RepairContext } from "./context.js";
import { type Refinement, type RefineRequest, refineRepair } from "./refine.js";

export interface ImportedLabels extends AddedAnswers {
  /** Answers in the file, those that were there already among them. */
  readonly found: number;
}

export interface ImportOptions {
  readonly annotator?: string | undefined;
  /** Takes back what Label Studio brought before and its whole export, which this is, holds no more. */
  readonly reconcile?: boolean;
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
  async import(
    id: string,
    file: string,
    { annotator, reconcile = false }: ImportOptions = {},
  ): Promise<ImportedLabels> {
    const request = await this.get(id);
    const { source, answers } = await readLabels(file, request, annotator);
    if (reconcile && source.kind !== toolName) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `${file} is no Label Studio export: only that says which annotations there are no more`,
      );
    }
    const there = new Set(answers.map(({ annotation }) => annotation));
    const isGone = (key: string) => key.startsWith(`${toolName} `) && !there.has(key);
    const gone = reconcile ? answersByKey(request.answers, isGone) : [];
    const added = await addAnswers(this.#context.store, request, source, answers, gone);
    return { ...added, found: answers.length };
  }

  /** What takes Label Studio's webhooks, for whoever listens: all requests of the store are behind one address. */
  labelStudioWebhook(options: LabelStudioWebhookOptions): LabelStudioWebhook {
    return new LabelStudioWebhook(this.#context.store, options);
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
