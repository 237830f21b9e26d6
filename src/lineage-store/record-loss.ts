/** What is lost with a record, and what brings it back, in the words of a person who looks after the store. */
import type { RecordReader } from "./database.js";
import { keyOf, parseKey, type RecordKind } from "./keys.js";
import { findModel } from "./models.js";
import { readNode } from "./nodes.js";

export interface Loss {
  readonly kind: RecordKind;
  readonly lost: string;
  readonly remedy: string | null;
}

const addAgain = "add its file again: the same parameters get the same id";

/** @param reader  what is left @param key  of a record that the journal vouches for, or of an entry of the journal */
export function lossOf(reader: RecordReader, key: Buffer): Loss {
  const { kind, parts } = parseKey(key)!;
  const [first, second, third] = parts.map(String) as [string, string, string];
  const loss = (lost: string, remedy: string | null = null): Loss => ({ kind, lost, remedy });
  switch (kind) {
    case "model":
      return loss(`the model ${first}: its file, and all that is known of it`, addAgain);
    case "tensors":
      return loss(`the file of ${nameOf(reader, first)}, and its tensors`, addAgain);
    case "label":
      return loss(`the name ${first}@${second}`, "add the model's file again under that name");
    case "derivation":
      return loss(
        `that ${numbered(reader, Number(second))} comes from ${numbered(reader, Number(first))}, and how`,
        "add the model again with its parent",
      );
    case "alias": {
      const isLast = !reader.has(keyOf("alias", first, Number(second) + 1));
      const what = isLast ? `what alias ${first} stands for, and` : "";
      return loss(
        `${what} place ${second} in the history of alias ${first}`.trimStart(),
        isLast ? "deploy again" : null,
      );
    }
    case "run":
      return loss(`step ${second} of run ${first}`);
    case "request":
      return loss(
        second === "0" ? `the whole label request ${first}` : `event ${second} of label request ${first}`,
        second === "0" ? null : "import its labels again",
      );
    case "report":
      return loss(`drift report ${second} of monitor ${first}`);
    case "monitor":
      return loss(`the state of monitor ${first}`, "the monitor counts from its next window on");
    case "external":
    case "declaration":
      return loss(`what a document says of the external model ${first}`, "import the document again");
    case "signature":
      return loss(`signature ${second} of ${nameOf(reader, first)}`, "sign again");
    case "presence":
      return loss(`since when the parameters of ${nameOf(reader, first)} are kept, dropped or lost`);
    case "delivery":
      return loss(`that webhook ${first} was told of place ${third} of alias ${second}`, "it is told again");
    case "trial":
      return loss(`state ${second} of the trial of alias ${first}`);
    case "journal":
      return loss(
        `when commit ${first} was made, and the proof that it is whole`,
        "`mendline lineage repair` writes the journal anew, with the records that are left",
      );
    default:
      throw new Error(`${kind} is an index: nothing is lost with it`);
  }
}

export const indexRemedy = "`mendline lineage repair` makes it again from the records";

function nameOf(reader: RecordReader, id: string): string {
  const model = findModel(reader, id);
  return model === null ? `model ${id}` : `${model.name}@${model.version}`;
}

function numbered(reader: RecordReader, number: number): string {
  const node = readNode(reader, number);
  return node === null ? `model number ${number}` : `${node.model.name}@${node.model.version}`;
}
