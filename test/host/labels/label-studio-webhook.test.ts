/**
 * Label Studio's webhooks. Bodies are of the form that labelstud.io/guide/webhook_reference documents ("Annotation Created", "Annotation
 * Updated", "Annotation Deleted"), where an annotation names its task by id alone, and of the one that is sent: label_studio/webhooks/
 * models.py and utils.py of github.com/HumanSignal/label-studio nest the task, or tasks, beside it, under `task`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { labelStudioTasks } from "../../../src/host/labels/label-studio.js";
import {
  LabelStudioWebhook,
  type LabelStudioWebhookOptions,
  type WebhookReply,
} from "../../../src/host/labels/label-studio-webhook.js";
import { requestDetails } from "../../../src/host/labels/request-json.js";
import { addAnswers, createRequest, endRequest, loadRequest } from "../../../src/host/labels/requests.js";
import { LabelDesk } from "../../../src/host/repair/label-desk.js";
import { webhookBodyBytesMax } from "../../../src/limits.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { withStore } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { question } from "./questions.js";

const dir = scratchDir();
const secret = "a secret of a hook";
const id = "labels-1";

interface Hook {
  readonly store: LineageStore;
  readonly hook: LabelStudioWebhook;
  take(body: unknown, headers?: Record<string, string>): Promise<WebhookReply>;
  /** Label, of each point. */
  labels(request?: string): Promise<(string | number | null)[]>;
}

async function withHook(
  work: (hook: Hook) => Promise<void>,
  options: Partial<LabelStudioWebhookOptions> = {},
): Promise<void> {
  await withStore(async (store) => {
    await createRequest(store, id, question());
    const hook = new LabelStudioWebhook(store, { secret, ...options });
    await work({
      store,
      hook,
      take: (body, headers = { "x-mendline-secret": secret }) =>
        hook.take({ headers, body: typeof body === "string" ? body : JSON.stringify(body) }),
      labels: async (request = id) =>
        requestDetails(await loadRequest(store, request)).points.map(({ label }) => label),
    });
  });
}

/** Tasks as Label Studio imported them: with ids of its own, from 19 on. */
const tasks = (labelStudioTasks({ id, question: question() } as never) as { data: object }[]).map(
  ({ data }, index) => ({
    id: 19 + index,
    data,
    meta: {},
    created_at: "2021-08-17T13:51:02.590839Z",
    is_labeled: false,
    overlap: 1,
    project: 2,
  }),
);

const project = { id: 2, title: "New Project #2", label_config: "<View></View>", created_by: 1 };

/** The documented annotation, with a result of our config. */
const annotation = (key: number, task: number, choice: string | null, over: object = {}) => ({
  id: key,
  result:
    choice === null
      ? []
      : [
          {
            value: { choices: [choice] },
            id: "WArqkkifYE",
            from_name: "label",
            to_name: "point",
            type: "choices",
          },
        ],
  was_cancelled: choice === null,
  ground_truth: false,
  created_at: "2021-08-17T13:52:48.536303Z",
  updated_at: "2021-08-17T13:52:48.536370Z",
  lead_time: 37.13,
  prediction: {},
  result_count: 0,
  task,
  completed_by: 1,
  ...over,
});

const created = (one: object, task: object | null = tasks[0]!) => ({
  action: "ANNOTATION_CREATED",
  annotation: one,
  ...(task !== null && { task }),
  project,
});

const done = (over: object = {}) => ({
  status: 200,
  body: { added: 0, retracted: 0, ignored: 0, unplaced: 0, reconcile: false, ...over },
});

test("ANNOTATION_CREATED as it is sent: one label, and again none", async () => {
  await withHook(async ({ take, labels, store }) => {
    const body = created(annotation(17, 19, "rain"));
    assert.equal(await take(body), done({ added: 1 }));
    assert.equal(await take(body), done());
    assert.equal(await labels(), ["rain", null, null]);
    const [point] = requestDetails(await loadRequest(store, id)).points;
    const { annotator, annotation: key, source } = point!.answers[0]!;
    assert.equal([annotator, key, source.kind], ["label-studio 1", "label-studio 17", "webhook"]);
  });
});

test("the plural forms bring several at once: created, skipped, edited", async () => {
  await withHook(async ({ take, labels }) => {
    const several = {
      action: "ANNOTATIONS_CREATED",
      annotation: [annotation(18, 20, "dry"), annotation(17, 19, "rain"), annotation(19, 21, null)],
      task: tasks,
      project,
    };
    assert.equal(await take(several), done({ added: 3 }));
    assert.equal(await labels(), ["rain", "dry", null]);
    const later = { updated_at: "2021-08-17T13:57:25.805479Z" };
    const edited = {
      ...several,
      action: "ANNOTATIONS_UPDATED",
      annotation: [annotation(17, 19, "dry", later)],
    };
    assert.equal(await take(edited), done({ added: 1 }));
    assert.equal(await labels(), ["dry", "dry", null]);
    // Sent late: it is older than what is known.
    assert.equal(await take(several), done());
    assert.equal(await labels(), ["dry", "dry", null]);
  });
});

test("as documented, without its task: it is told to reconcile, the export does, and then edits find their point", async () => {
  await withHook(async ({ take, labels, store }) => {
    const bare = created(annotation(17, 19, "rain"), null);
    assert.equal(await take(bare), done({ unplaced: 1, reconcile: true }));
    assert.equal(await labels(), [null, null, null]);
    const desk = new LabelDesk({ store } as never, { checkpoint: async () => {}, refined: () => {} });
    const exported = (annotations: object[]) => {
      const file = join(dir, "export.json");
      writeFileSync(file, JSON.stringify([{ ...tasks[0], annotations, predictions: [] }]));
      return file;
    };
    const polled = await desk.import(id, exported([annotation(17, 19, "rain")]), { reconcile: true });
    assert.equal([polled.added, polled.retracted], [1, 0]);
    const update = {
      ...bare,
      action: "ANNOTATION_UPDATED",
      annotation: annotation(17, 19, "dry", { updated_at: "2021-08-17T13:57:25Z" }),
    };
    assert.equal(await take(update), done({ added: 1 }));
    assert.equal(await labels(), ["dry", null, null]);
    // What the whole export holds no more was deleted while nobody listened; what was labelled elsewhere stays.
    const again = await desk.import(id, exported([]), { reconcile: true });
    assert.equal([again.added, again.retracted], [0, 1]);
    assert.equal(await labels(), [null, null, null]);
    const csv = join(dir, "some.csv");
    writeFileSync(csv, "pointId,label\np2,dry\n");
    await desk.import(id, csv);
    assert.equal((await desk.import(id, exported([]), { reconcile: true })).retracted, 0);
    assert.equal(await labels(), [null, "dry", null]);
  });
});

test("ANNOTATIONS_DELETED and ANNOTATION_DELETED take back what they name, once, and leave the record", async () => {
  await withHook(async ({ take, labels, store }) => {
    await take(created(annotation(17, 19, "rain")));
    await take(created(annotation(18, 20, "dry"), tasks[1]));
    const deleted = { action: "ANNOTATIONS_DELETED", annotations: [{ id: 17 }, { id: 99 }], project };
    assert.equal(await take(deleted), done({ retracted: 1 }));
    assert.equal(await take(deleted), done());
    assert.equal(await labels(), [null, "dry", null]);
    assert.equal(
      await take({ action: "ANNOTATION_DELETED", annotation: { id: 18 }, project }),
      done({ retracted: 1 }),
    );
    assert.equal(
      (await store.labelRequest(id)).map(({ event }) => event),
      ["requested", "labelled", "labelled", "retracted", "retracted"],
    );
  });
});

test("other events, other projects' tasks and other stores' requests are none of our concern", async () => {
  await withHook(async ({ take, labels }) => {
    assert.equal(await take({ action: "PROJECT_UPDATED", project }), done());
    assert.equal(await take({ action: "TASKS_CREATED", tasks, project }), done());
    // A hook that sends the action alone.
    assert.equal(await take({ action: "ANNOTATION_CREATED" }), done());
    const foreign = { id: 19, data: { ner: "Opossums are opportunistic." } };
    assert.equal(await take(created(annotation(17, 19, "rain"), foreign)), done({ ignored: 1 }));
    const elsewhere = { id: 19, data: { ...tasks[0]!.data, request: "labels-of-another-store" } };
    assert.equal(await take(created(annotation(17, 19, "rain"), elsewhere)), done({ ignored: 1 }));
    assert.equal(await labels(), [null, null, null]);
  });
});

test("without the secret nothing is read; two secrets while one is changed; another header", async () => {
  await withHook(
    async ({ take, labels }) => {
      const body = created(annotation(17, 19, "rain"));
      for (const headers of [
        {},
        { "x-hook": "" },
        { "x-hook": `${secret} ` },
        { "x-mendline-secret": secret },
      ]) {
        const { status, body: problem } = await take(body, headers as Record<string, string>);
        assert.equal([status, problem.code], [401, "MENDLINE_SERVICE_UNAUTHORIZED"]);
        assert.not.match(String(problem.detail), new RegExp(secret));
      }
      assert.is((await take("not JSON", {})).status, 401);
      assert.equal(await labels(), [null, null, null]);
      assert.is((await take(body, { "x-hook": "the one of before, as long" })).status, 200);
      assert.is((await take(body, { "x-hook": secret })).status, 200);
    },
    { secret: [secret, "the one of before, as long"], header: "X-Hook" },
  );
  await withStore(async (store) => {
    for (const bad of ["short", [], [secret, ""]])
      assert.throws(() => new LabelStudioWebhook(store, { secret: bad }), /16 characters/);
  });
});

test("a body that cannot be meant takes nothing, and says why", async () => {
  await withHook(async ({ take, labels, store }) => {
    const refused = async (body: unknown, status: number, detail: RegExp) => {
      const reply = await take(body);
      assert.is(reply.status, status, JSON.stringify(reply.body));
      assert.match(String(reply.body.detail), detail);
    };
    await refused("{", 400, /no JSON/);
    await refused("[]", 422, /webhook is no object/);
    await refused({}, 422, /action is missing/);
    await refused(created("x" as never), 422, /annotation is no object/);
    await refused(created(annotation(1, 19, "snow")), 422, /"snow" is no class/);
    const stranger = { ...tasks[0]!, data: { ...tasks[0]!.data, pointId: "p9" } };
    await refused(created(annotation(1, 19, "rain"), stranger), 422, /"p9" is none of labels-1/);
    await refused(" ".repeat(webhookBodyBytesMax + 1), 413, /import the project's JSON export/);
    // All of a body or nothing: the second of these two is not a class.
    const both = {
      action: "ANNOTATIONS_CREATED",
      annotation: [annotation(1, 19, "rain"), annotation(2, 20, "snow")],
      task: tasks,
    };
    await refused(both, 422, /snow/);
    assert.equal(await labels(), [null, null, null]);
    await endRequest(store, await loadRequest(store, id), "cancelled", "no more");
    await refused(created(annotation(1, 19, "rain")), 409, /was cancelled/);
  });
});

test("bodies that come at once are taken one after the other, beside somebody in the terminal; too many are turned away", async () => {
  await withHook(async ({ take, store, hook }) => {
    const point = (key: number) => created(annotation(key, 19, "rain", { completed_by: key }));
    const taking = Array.from({ length: 300 }, (_, key) => take(point(key)));
    for (let label = 0; label < 5; ) {
      const answer = { pointId: "p2", annotator: `ada ${label}`, label: 0, annotation: null };
      const terminal = { kind: "terminal", name: null, sha256: null } as const;
      // A race is lost without a trace, and tried again.
      await addAnswers(store, await loadRequest(store, id), terminal, [answer]).then(
        () => (label += 1),
        ({ code }: { code: string }) => assert.is(code, "MENDLINE_STORE_CONFLICT"),
      );
    }
    const statuses = (await Promise.all(taking)).map(({ status }) => status);
    const count = (status: number) => statuses.filter((one) => one === status).length;
    assert.equal([count(503), count(200) + count(202)], [300 - 256, 256]);
    await hook.settled();
    const { answers } = await loadRequest(store, id);
    assert.equal([answers.get("p1")!.standing.length, answers.get("p2")!.standing.length], [256, 5]);
  });
});

test.run();
