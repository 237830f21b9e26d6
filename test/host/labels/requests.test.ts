/** Label requests as records: states, several people, conflicts, undo, and files that come twice. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ErrorCode } from "../../../src/errors.js";
import { annotate } from "../../../src/host/labels/annotate.js";
import type { Answer } from "../../../src/host/labels/answers.js";
import { exportText } from "../../../src/host/labels/export-labels.js";
import { readLabels } from "../../../src/host/labels/import-labels.js";
import type { LabelQuestion, LabelRequest } from "../../../src/host/labels/label-request.js";
import { requestDetails } from "../../../src/host/labels/request-json.js";
import {
  addAnswers,
  createRequest,
  endRequest,
  loadRequest,
  retract,
} from "../../../src/host/labels/requests.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { failure, withStore } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { question } from "./questions.js";

const dir = scratchDir();
const file = { kind: "csv", name: "labels.csv", sha256: null } as const;

const answer = (
  pointId: string,
  label: number | null,
  annotator = "ada",
  annotation: string | null = null,
): Answer => ({
  pointId,
  label,
  annotator,
  annotation,
});

async function withRequest(
  work: (store: LineageStore, request: LabelRequest, reopen: () => Promise<LineageStore>) => Promise<void>,
  over: Partial<LabelQuestion> = {},
): Promise<void> {
  await withStore(async (store, reopen) => {
    await work(store, await createRequest(store, "labels-1", question(over)), reopen);
  });
}

const labelsOf = (request: LabelRequest) => requestDetails(request).points.map(({ label }) => label);

test("states: open, partly labelled, closed; across a restart", async () => {
  await withRequest(async (store, request, reopen) => {
    assert.is(request.state, "open");
    const { request: partly } = await addAnswers(store, request, file, [answer("p1", 1)]);
    assert.is(partly.state, "partly-labelled");
    const { request: closed } = await addAnswers(store, partly, file, [answer("p2", 0), answer("p3", null)]);
    assert.is(closed.state, "closed", "a skip is an answer");
    assert.equal(labelsOf(await loadRequest(await reopen(), "labels-1")), ["rain", "dry", null]);
  });
});

test("cancelled takes no labels, closed by hand still does; past its time it is expired", async () => {
  await withRequest(async (store, request) => {
    const closed = await endRequest(store, request, "closed", "enough");
    assert.is(closed.state, "closed");
    const late = await addAnswers(store, closed, file, [answer("p1", 1)]);
    assert.is(late.added, 1);
    const cancelled = await endRequest(store, late.request, "cancelled", "wrong pool");
    await failure("MENDLINE_STORE_CONFLICT", () => addAnswers(store, cancelled, file, [answer("p2", 1)]));
    assert.equal(labelsOf(await loadRequest(store, "labels-1")), ["rain", null, null]);
  });
  await withRequest(async (_, request) => assert.is(request.state, "expired"), { expiresMs: 1 });
});

test("the same again adds nothing; another label of the same person stands beside the first", async () => {
  await withRequest(async (store, request) => {
    const first = await addAnswers(store, request, file, [answer("p1", 1), answer("p1", 1)]);
    assert.is(first.added, 1);
    const again = await addAnswers(store, first.request, file, [answer("p1", 1)]);
    assert.equal([again.added, again.request.eventCount], [0, first.request.eventCount]);
    const { request: torn } = await addAnswers(store, again.request, file, [answer("p1", 0)]);
    const [point] = requestDetails(torn).points;
    assert.equal([point!.label, point!.conflict], [null, true]);
    assert.equal(
      point!.answers.map(({ label, source }) => [label, source.name]),
      [
        ["rain", "labels.csv"],
        ["dry", "labels.csv"],
      ],
    );
    assert.equal(torn.agreement.conflicts, ["p1"]);
    // A third answer decides, and the conflict is still told.
    const { request: decided } = await addAnswers(store, torn, file, [answer("p1", 0, "bob")]);
    assert.equal([labelsOf(decided)[0], requestDetails(decided).conflicts], ["dry", 1]);
  });
});

test("agreement counts pairs of different people", async () => {
  await withRequest(async (store, request) => {
    const { request: both } = await addAnswers(store, request, file, [
      answer("p1", 1, "ada"),
      answer("p1", 1, "bob"),
      answer("p1", 0, "cy"),
      answer("p2", 1, "ada"),
      answer("p2", null, "bob"),
    ]);
    // ada-bob agree, ada-cy and bob-cy do not; p2 has one label.
    assert.equal([both.agreement.points, both.agreement.share], [1, 1 / 3]);
  });
});

test("taken back, a label is gone from what counts and stays in the record", async () => {
  await withRequest(async (store, request) => {
    const { request: labelled } = await addAnswers(store, request, file, [answer("p1", 1)]);
    const back = await retract(store, labelled, { pointId: "p1", annotator: "ada" });
    assert.equal([back.state, labelsOf(back)[0]], ["open", null]);
    const { request: anew } = await addAnswers(store, back, file, [answer("p1", 0)]);
    assert.is(labelsOf(anew)[0], "dry");
    assert.equal(
      (await store.labelRequest("labels-1")).map(({ event }) => event),
      ["requested", "labelled", "retracted", "labelled"],
    );
  });
});

test("two writers that saw the same: the second is refused, and nothing is lost", async () => {
  await withRequest(async (store, request) => {
    await addAnswers(store, request, file, [answer("p1", 1)]);
    await failure("MENDLINE_STORE_CONFLICT", () => addAnswers(store, request, file, [answer("p2", 1)]));
    assert.equal(labelsOf(await loadRequest(store, "labels-1")), ["rain", null, null]);
  });
});

test("numbers: the median of what people say", async () => {
  await withRequest(
    async (store, request) => {
      const { request: measured } = await addAnswers(store, request, file, [
        answer("p1", 2, "ada"),
        answer("p1", 3, "bob"),
        answer("p1", 50, "cy"),
      ]);
      assert.is(labelsOf(measured)[0], 3);
    },
    { kind: "regression", classes: null },
  );
});

const written = (name: string, text: string) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};

test("CSV and NDJSON go out and come back the same", async () => {
  await withRequest(async (store, request) => {
    const { request: labelled } = await addAnswers(store, request, file, [answer("p1", 1), answer("p3", 0)]);
    for (const format of ["csv", "ndjson"] as const) {
      const { answers, source } = await readLabels(
        written(`out.${format}`, exportText(labelled, format)),
        request,
        "ada",
      );
      assert.equal(answers, [answer("p1", 1), answer("p3", 0)]);
      assert.is(source.kind, format);
    }
  });
});

test("what cannot be meant in a file is refused with its place", async () => {
  await withRequest(async (_, request) => {
    const refused = async (text: string, message: RegExp, code: ErrorCode = "MENDLINE_REPAIR_LABELS") => {
      const error = await failure(code, () => readLabels(written("bad", text), request));
      assert.match(error.message, message);
    };
    await refused("pointId,label\np1,rain\nother,dry\n", /point "other" is none of labels-1/);
    await refused("pointId,label\np1,snow\n", /row 1: label "snow" is no class.*"dry", "rain"/);
    await refused("pointId,label\np1,2\n", /no class/);
    await refused("point,label\np1,1\n", /column pointId is missing/, "MENDLINE_DATA_SCHEMA");
    await refused("", /no labels/, "MENDLINE_DATA_EMPTY");
    await refused('{"label": 1}\n', /row 1: pointId is missing/);
    await refused('{"pointId": "p1", "label": 0.5}\n', /no class/);
    await refused("[1]", /task 1 is no object/);
    await refused('[{"annotations": []', /no JSON list/, "MENDLINE_DATA_MALFORMED");
    await refused('[{"data": {}, "annotations": [{"result": []}]}]', /data.pointId is missing/);
  });
});

/** An export in the documented form: labelstud.io/guide/export, "Label Studio JSON format of annotated tasks". */
const annotated = (id: number, pointId: string, choice: string | null, over: object = {}) => ({
  id: 100 + id,
  data: { pointId, text: "wind: 1" },
  annotations: [
    {
      id,
      completed_by: 7,
      was_cancelled: choice === null,
      result:
        choice === null
          ? []
          : [
              {
                id: "x",
                from_name: "label",
                to_name: "point",
                type: "choices",
                value: { choices: [choice] },
              },
            ],
      ...over,
    },
  ],
  predictions: [],
});

test("Label Studio: its export, edited annotations, skips, and numbers", async () => {
  await withRequest(async (store, request) => {
    const tasks = [annotated(1, "p1", "rain"), annotated(2, "p2", null)];
    const read = async (content: unknown, of = request) =>
      readLabels(written("ls.json", JSON.stringify(content)), of);
    const { answers, source } = await read(tasks);
    assert.equal(answers, [
      answer("p1", 1, "label-studio 7", "label-studio 1"),
      answer("p2", null, "label-studio 7", "label-studio 2"),
    ]);
    const { request: first } = await addAnswers(store, request, source, answers);
    const edited = await read([annotated(1, "p1", "dry"), tasks[1]]);
    const { request: second, added } = await addAnswers(store, first, edited.source, edited.answers);
    assert.equal([added, labelsOf(second)[0], requestDetails(second).conflicts], [1, "dry", 0]);
    const numbers = { ...request, question: question({ kind: "regression", classes: null }) };
    const number = [{ from_name: "label", type: "number", value: { number: 2.5 } }];
    assert.is((await read([annotated(1, "p1", "", { result: number })], numbers)).answers[0]!.label, 2.5);
  });
});

test("Label Studio: an edit that is older than the one that is known changes nothing", async () => {
  await withRequest(async (store, request) => {
    const at = (choice: string, updated: string) => [annotated(1, "p1", choice, { updated_at: updated })];
    let now = request;
    const bring = async (content: unknown) => {
      const { source, answers } = await readLabels(written("ls.json", JSON.stringify(content)), now);
      const result = await addAnswers(store, now, source, answers);
      now = result.request;
      return [result.added, labelsOf(now)[0]];
    };
    assert.equal(await bring(at("rain", "2021-08-17T13:37:25.805479Z")), [1, "rain"]);
    assert.equal(await bring(at("dry", "2021-08-17T13:35:59.817086Z")), [0, "rain"]);
    assert.equal(await bring(at("dry", "2021-08-17T13:38:00Z")), [1, "dry"]);
  });
});

/** labelstud.io/guide/predictions, "Example JSON": model_version, score and a result like an annotation's. */
test("Label Studio: tasks bring what the deployed model says, as predictions", async () => {
  const predicted = (over: Partial<LabelQuestion>, label: number, share: number | null) => {
    const asked = question(over);
    const points = asked.points.map((point) => ({ ...point, predicted: { label, share } }));
    return { ...over, points };
  };
  await withRequest(
    async (_, request) => {
      const [task] = JSON.parse(exportText(request, "label-studio")) as { predictions: unknown[] }[];
      assert.equal(task!.predictions, [
        {
          model_version: "rain@3",
          score: 0.75,
          result: [{ from_name: "label", to_name: "point", type: "choices", value: { choices: ["rain"] } }],
        },
      ]);
    },
    predicted({}, 1, 0.75),
  );
  await withRequest(
    async (_, request) => {
      const [task] = JSON.parse(exportText(request, "label-studio")) as { predictions: object[] }[];
      const result = [{ from_name: "label", to_name: "point", type: "number", value: { number: 2.5 } }];
      assert.equal(task!.predictions, [{ model_version: "rain@3", result }]);
    },
    predicted({ kind: "regression", classes: null }, 2.5, null),
  );
});

test("Label Studio: tasks carry data.pointId, and the config the classes, whatever they are called", async () => {
  await withRequest(
    async (_, request) => {
      const tasks = JSON.parse(exportText(request, "label-studio")) as { data: Record<string, unknown> }[];
      assert.equal(
        tasks.map(({ data }) => data.pointId),
        ["p1", "p2", "p3"],
      );
      assert.is(tasks[1]!.data.text, "wind: 1.5\ntext: missing");
      const config = exportText(request, "label-studio-config");
      assert.match(config, '<Choice value="a &lt;b&gt; &quot;c&quot; &amp; d"/>');
    },
    { classes: ['a <b> "c" & d', "e"] },
  );
});

async function* typed(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

test("the terminal labeller: typed numbers, wrong keys, undo over several, an end without q", async () => {
  await withRequest(
    async (store) => {
      let shown = "";
      const options = {
        annotator: "ada",
        write: (text: string) => void (shown += text),
        visible: (text: string) => text,
      };
      const first = await annotate(store, "labels-1", null, {
        ...options,
        keys: typed("1", ".5\r", "x\r", "2\r", "uu", "-7e1\r"),
      });
      assert.equal([first.labelled, first.left], [1, 2]);
      assert.match(shown, /no such answer: x/);
      assert.match(shown, /text {2}missing/);
      const second = await annotate(store, "labels-1", null, { ...options, keys: typed("\n3\n", "s\u0003") });
      assert.equal([second.labelled, second.skipped, second.left], [1, 1, 0]);
      assert.equal(labelsOf(await loadRequest(store, "labels-1")), [-70, 3, null]);
      assert.equal(second.request.state, "closed");
    },
    { kind: "regression", classes: null },
  );
});

test.run();
