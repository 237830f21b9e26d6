/**
 * Every failure a user can meet, in one table: code, what it is about, http status, exit code. A thrown message names the file or
 * field, both numbers where there are two, and the remedy.
 *
 * Programmer errors inside mendline are plain assertions and have no row here.
 */

/** Exit codes of the command line (CONTRACT: 0 done, 1 failed, 2 usage, 3 drift, 4 not published). */
const failed = 1;
const usage = 2;
const notPublished = 4;

interface ErrorRow {
  readonly title: string;
  readonly status: number;
  readonly exit: number;
}

function row(title: string, status: number, exit: number): ErrorRow {
  return { title, status, exit };
}

export const errorTable = {
  MENDLINE_ARGUMENT_INVALID: row("an argument is malformed or out of range", 400, usage),
  MENDLINE_ARGUMENT_BINS: row("counts and bins do not match", 400, usage),

  MENDLINE_DATA_NOT_FOUND: row("the file does not exist or cannot be read", 404, failed),
  MENDLINE_DATA_FORMAT: row("the format of the data is not known or not supported", 415, failed),
  MENDLINE_DATA_MALFORMED: row("the data is damaged, truncated or breaks its format", 400, failed),
  MENDLINE_DATA_SCHEMA: row("the columns do not fit what was asked of them", 422, failed),
  MENDLINE_DATA_EMPTY: row("there are no rows where rows are needed", 422, failed),
  MENDLINE_DATA_LIMIT: row("the data exceeds a named limit", 413, failed),
  MENDLINE_DATA_WRITE: row("a file could not be written", 500, failed),

  MENDLINE_MEMORY_EXHAUSTED: row("the arena has no room for this", 507, failed),
  MENDLINE_KERNEL_BOUNDS: row("a pointer leaves its region or is misaligned", 500, failed),
  MENDLINE_KERNEL_LOAD: row("the compiled kernels cannot be loaded", 500, failed),

  MENDLINE_TASK_FAILED: row("a worker could not finish a task", 500, failed),
  MENDLINE_TASK_QUEUE_FULL: row("the scheduler's queue is full", 503, failed),
  MENDLINE_TASK_ABORTED: row("the task was cancelled", 499, failed),

  MENDLINE_STORE_LOCKED: row("another process holds the store", 409, failed),
  MENDLINE_STORE_CORRUPT: row("a stored record or object does not match its hash", 500, failed),
  MENDLINE_STORE_UNKNOWN: row("no such model, alias or record", 404, failed),
  MENDLINE_STORE_AMBIGUOUS: row("the reference fits more than one model", 409, failed),
  MENDLINE_STORE_CONFLICT: row("the name is taken by something else", 409, failed),
  MENDLINE_STORE_CYCLE: row("the derivation would close a circle", 409, failed),
  MENDLINE_STORE_VERSION: row("the store was written by an incompatible version", 500, failed),
  MENDLINE_STORE_DROPPED: row("the model's parameters are no longer in the store", 410, failed),
  MENDLINE_STORE_IO: row("the store could not be read or written", 500, failed),

  MENDLINE_MODEL_FORMAT: row("the model file is not one that mendline reads", 415, failed),
  MENDLINE_MODEL_MALFORMED: row("the model file is damaged or breaks its format", 400, failed),

  MENDLINE_REPAIR_INCOMPATIBLE: row("the parameters cannot be blended", 422, notPublished),
  MENDLINE_REPAIR_UNRELATED: row("the weights have nothing in common", 422, notPublished),
  MENDLINE_REPAIR_VALIDATOR: row("the validator failed or gave no loss", 422, failed),
  MENDLINE_REPAIR_LABELS: row("labels are missing or do not fit the model's outputs", 422, failed),
  MENDLINE_REPAIR_INPUTS: row("the data is not what the run began with", 409, failed),
  MENDLINE_REPAIR_BUSY: row("the alias already has a repair under way", 409, failed),

  MENDLINE_SERVICE_UNAUTHORIZED: row("the caller gave no secret, or another one", 401, failed),

  MENDLINE_DEPLOY_FAILED: row("the model could not be put into the target", 500, failed),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export class MendlineError extends Error {
  override readonly name = "MendlineError";
  readonly code: ErrorCode;
  readonly #details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.#details = options.details ?? {};
  }

  /** The figures behind the message: plain data, safe to log and to send to another thread. */
  get details(): Readonly<Record<string, unknown>> {
    return this.#details;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get exitCode(): number {
    return errorTable[this.code].exit;
  }

  /** Plain data for crossing a thread, which would lose class and code. */
  toJSON(): { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** The other end of `toJSON`. */
export function rehydrateError(plain: {
  code: ErrorCode;
  message: string;
  details?: Record<string, unknown>;
}): MendlineError {
  return new MendlineError(plain.code, plain.message, { details: plain.details });
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
