/**
 * Label Studio: tasks with predictions and a project's config for it to import, its JSON export and its webhooks to take labels from.
 *
 * Formats: labelstud.io/guide/task_format, /predictions, /export, /webhook_reference, and label_studio/webhooks/models.py of its
 * repository. There the documentation shows an annotation with a task's id alone; what is sent has the task beside it: of
 * ANNOTATION_CREATED `annotation` and `task` are objects, of ANNOTATIONS_CREATED lists. ANNOTATIONS_DELETED has ids alone.
 */
import type { Answer } from "./answers.js";
import type { LabelQuestion, LabelRequest, PointPrediction } from "./label-request.js";
import { bad, labelFrom, labelText } from "./label-values.js";

/** What its annotations' keys begin with. */
export const toolName = "label-studio";

/** Names in the label config; results of other controls are passed over. */
const controlName = "label";
const objectName = "point";
const pointKey = "pointId";
const requestKey = "request";

/** Events that bring labels, and that take them back, one or several at once; others are none of our concern. */
const writing = /^ANNOTATIONS?_(?:CREATED|UPDATED)$/;
const deleting = /^ANNOTATIONS?_DELETED$/;

/** One task a point. Its features stand in one text too, which the config shows. */
export function labelStudioTasks({ id, question }: LabelRequest): unknown[] {
  const { points, features } = question;
  return points.map(({ pointId, values, score, predicted }) => ({
    data: {
      [pointKey]: pointId,
      [requestKey]: id,
      features: Object.fromEntries(features.map((name, index) => [name, values[index]!])),
      text: features.map((name, index) => `${name}: ${values[index] ?? "missing"}`).join("\n"),
      score,
    },
    ...(predicted !== undefined && { predictions: [predictionOf(predicted, question)] }),
  }));
}

/** What the deployed model says: shown to annotators only where the project's settings ask for it. */
function predictionOf({ label, share }: PointPrediction, question: LabelQuestion): unknown {
  const isNumber = question.classes === null;
  return {
    model_version: `${question.name}@${question.version}`,
    ...(share !== null && { score: share }),
    result: [
      {
        from_name: controlName,
        to_name: objectName,
        type: isNumber ? "number" : "choices",
        value: isNumber ? { number: label } : { choices: [labelText(label, question)] },
      },
    ],
  };
}

/** A project's labelling interface (XML). */
export function labelStudioConfig({ question }: Pick<LabelRequest, "question">): string {
  const control =
    question.classes === null
      ? [`  <Number name="${controlName}" toName="${objectName}" required="true"/>`]
      : [
          `  <Choices name="${controlName}" toName="${objectName}" choice="single" required="true">`,
          ...question.classes.map((name) => `    <Choice value="${escaped(name)}"/>`),
          "  </Choices>",
        ];
  const head = `  <Header value="${escaped(question.label)}?"/>`;
  const text = `  <Text name="${objectName}" value="$text"/>`;
  return ["<View>", head, text, ...control, "</View>", ""].join("\n");
}

/** The answers of a JSON export: a list of tasks. @throws MendlineError MENDLINE_REPAIR_LABELS */
export function answersOfExport(tasks: readonly unknown[], question: LabelQuestion, label: string): Answer[] {
  return tasks.flatMap((task, index) => {
    const where = `${label}: task ${index + 1}`;
    const { annotations } = objectOf(task, where);
    return listOf(annotations ?? [], `${where}: annotations`).flatMap((annotation) =>
      answerOf(annotation, pointIn(task, where), question, where),
    );
  });
}

/** An annotation of a webhook's body, and where it belongs as far as the body says. */
export interface WebhookAnnotation {
  readonly annotation: unknown;
  /** As answers have it. */
  readonly key: string | null;
  /** null: the body brings no task for it, or one that is none of ours. */
  readonly place: { readonly request: string; readonly pointId: string } | null;
  /** Whether the task is there, and somebody else's. */
  readonly isForeign: boolean;
}

export interface WebhookEvent {
  readonly written: readonly WebhookAnnotation[];
  /** Keys of annotations. */
  readonly deleted: readonly string[];
  /** Whether it is an event about annotations at all. */
  readonly isOurs: boolean;
}

/**
 * @param body  parsed JSON, of whoever sent it
 * @throws MendlineError MENDLINE_REPAIR_LABELS  not of the documented form
 */
export function webhookEvent(body: unknown): WebhookEvent {
  const where = "webhook";
  const { action, annotation, annotations, task, id } = objectOf(body, where);
  if (typeof action !== "string") throw bad(`${where}: action is missing: give Label Studio's own JSON`);
  if (deleting.test(action)) {
    const gone = annotations ?? annotation ?? (id === undefined ? [] : { id });
    const keys = listed(gone).flatMap((one) => keyOf(objectOf(one, `${where}: annotation`).id) ?? []);
    return { written: [], deleted: keys, isOurs: true };
  }
  if (!writing.test(action)) return { written: [], deleted: [], isOurs: false };
  const tasks = new Map(
    (task === undefined ? [] : listed(task)).map((one) => {
      const found = objectOf(one, `${where}: task`);
      return [found.id, found];
    }),
  );
  const isSingle = !Array.isArray(annotation) && tasks.size === 1;
  // A hook may be set to send the action alone.
  const written = (annotation === undefined ? [] : listed(annotation)).map((one): WebhookAnnotation => {
    const { id: own, task: of } = objectOf(one, `${where}: annotation`);
    const found = tasks.get(of) ?? (isSingle && of === undefined ? [...tasks.values()][0] : undefined);
    const place = found === undefined ? null : placeOf(found);
    return { annotation: one, key: keyOf(own), place, isForeign: found !== undefined && place === null };
  });
  return { written, deleted: [], isOurs: true };
}

/** The answers of an annotation: none where its result holds no label. @throws MendlineError MENDLINE_REPAIR_LABELS */
export function answersOfAnnotation(annotation: unknown, pointId: string, question: LabelQuestion): Answer[] {
  return answerOf(annotation, pointId, question, "webhook");
}

function placeOf({ data }: Record<string, unknown>): WebhookAnnotation["place"] {
  if (typeof data !== "object" || data === null) return null;
  const { [requestKey]: request, [pointKey]: pointId } = data as Record<string, unknown>;
  return typeof request === "string" && typeof pointId === "string" ? { request, pointId } : null;
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function keyOf(id: unknown): string | null {
  return typeof id === "number" || typeof id === "string" ? `${toolName} ${id}` : null;
}

function answerOf(annotation: unknown, pointId: string, question: LabelQuestion, where: string): Answer[] {
  const {
    id,
    completed_by: by,
    was_cancelled: isSkipped,
    result,
    updated_at: at,
  } = objectOf(annotation, where);
  const updatedMs = typeof at === "string" ? Date.parse(at) : Number.NaN;
  const base = {
    pointId,
    annotator: annotatorOf(by),
    annotation: keyOf(id),
    ...(Number.isFinite(updatedMs) && { updatedMs }),
  };
  if (isSkipped === true) return [{ ...base, label: null }];
  const written = listOf(result ?? [], `${where}: result`).flatMap((one) => valueIn(one, where));
  if (written.length === 0) return [];
  if (written.length > 1) throw bad(`${where}: ${written.length} labels for point ${pointId}: give one`);
  return [{ ...base, label: labelFrom(written[0]!, question, where) }];
}

/** `value.choices` of Choices, `value.number` of Number. */
function valueIn(result: unknown, where: string): (string | number)[] {
  const { from_name: from, value } = objectOf(result, where);
  if (from !== controlName) return [];
  const { choices, number } = objectOf(value, `${where}: value`);
  if (typeof number === "number") return [number];
  return listOf(choices ?? [], `${where}: choices`).map((choice) => {
    if (typeof choice === "string") return choice;
    throw bad(`${where}: a choice is no text`);
  });
}

/** A user's id; newer versions write the user himself. */
function annotatorOf(by: unknown): string {
  if (typeof by === "number" || (typeof by === "string" && by !== "")) return `${toolName} ${by}`;
  if (typeof by !== "object" || by === null) return toolName;
  const { email, id } = by as Record<string, unknown>;
  return typeof email === "string" ? email : `${toolName} ${String(id)}`;
}

function pointIn(task: unknown, where: string): string {
  const pointId = objectOf(objectOf(task, where).data, `${where}: data`)[pointKey];
  if (typeof pointId === "string") return pointId;
  throw bad(`${where}: data.${pointKey} is missing: import the tasks that \`labels export\` writes`);
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw bad(`${where} is no object: give Label Studio's own JSON`);
}

function listOf(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(`${where} is no list: give Label Studio's own JSON`);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => entities[sign]!);
}
