/**
 * Label Studio: tasks and a project's config for it to import, its JSON export and its webhooks to take labels from.
 *
 * Formats: labelstud.io/guide/task_format, /export, /webhook_reference, and label_studio/webhooks/models.py of its repository: of
 * ANNOTATION_CREATED `annotation` and `task` are objects, of ANNOTATIONS_CREATED lists, in which an annotation's `task` is a task's id.
 */
import type { Answer } from "./answers.js";
import type { LabelQuestion, LabelRequest } from "./label-request.js";
import { bad, labelFrom } from "./label-values.js";

/** Names in the label config; results of other controls are passed over. */
const controlName = "label";
const pointKey = "pointId";

/** The events that bring labels; others are none of our concern. */
export const webhookActions = ["ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED"] as const;

/** One task a point. Its features stand in one text too, which the config shows. */
export function labelStudioTasks({ id, question }: LabelRequest): unknown[] {
  const { points, features } = question;
  return points.map(({ pointId, values, score }) => ({
    data: {
      [pointKey]: pointId,
      request: id,
      features: Object.fromEntries(features.map((name, index) => [name, values[index]!])),
      text: features.map((name, index) => `${name}: ${values[index] ?? "missing"}`).join("\n"),
      score,
    },
  }));
}

/** A project's labelling interface (XML). */
export function labelStudioConfig({ question }: Pick<LabelRequest, "question">): string {
  const control =
    question.classes === null
      ? [`  <Number name="${controlName}" toName="point" required="true"/>`]
      : [
          `  <Choices name="${controlName}" toName="point" choice="single" required="true">`,
          ...question.classes.map((name) => `    <Choice value="${escaped(name)}"/>`),
          "  </Choices>",
        ];
  const head = `  <Header value="${escaped(question.label)}?"/>`;
  return ["<View>", head, '  <Text name="point" value="$text"/>', ...control, "</View>", ""].join("\n");
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

/**
 * The answers in a webhook's body; none in that of another event.
 *
 * @param body  parsed JSON, of whoever sent it
 * @throws MendlineError MENDLINE_REPAIR_LABELS  not of the documented form, or a class that is not known
 */
export function answersOfWebhook(body: unknown, question: LabelQuestion): Answer[] {
  const where = "webhook";
  const { action, annotation, task } = objectOf(body, where);
  if (!(webhookActions as readonly unknown[]).includes(action)) return [];
  const tasks = Array.isArray(task) ? task : [task];
  const byId = new Map(tasks.map((one) => [objectOf(one, `${where}: task`).id, one]));
  const annotations: unknown[] = Array.isArray(annotation) ? annotation : [annotation];
  return annotations.flatMap((one) => {
    const { task: of } = objectOf(one, `${where}: annotation`);
    const found = byId.get(of) ?? (tasks.length === 1 && of === undefined ? tasks[0] : undefined);
    if (found === undefined) throw bad(`${where}: annotation of task ${String(of)}, which it does not bring`);
    return answerOf(one, pointIn(found, where), question, where);
  });
}

function answerOf(annotation: unknown, pointId: string, question: LabelQuestion, where: string): Answer[] {
  const { id, completed_by: by, was_cancelled: isSkipped, result } = objectOf(annotation, where);
  const base = {
    pointId,
    annotator: annotatorOf(by),
    annotation: typeof id === "number" || typeof id === "string" ? `label-studio ${id}` : null,
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
  if (typeof by === "number" || (typeof by === "string" && by !== "")) return `label-studio ${by}`;
  if (typeof by !== "object" || by === null) return "label-studio";
  const { email, id } = by as Record<string, unknown>;
  return typeof email === "string" ? email : `label-studio ${String(id)}`;
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
