/** What tests expect of inputs that are refused. */
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../src/errors.js";

/** The error that the work must end in, with this code and this in its message. */
export async function refusal(
  work: Promise<unknown>,
  code: ErrorCode,
  message: RegExp = /./,
): Promise<MendlineError> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  assert.instance(thrown, MendlineError, `not refused with ${code}: ${String(thrown)}`);
  const error = thrown as MendlineError;
  assert.is(error.code, code, error.message);
  assert.match(error.message, message);
  return error;
}
