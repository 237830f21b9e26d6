/** What the commands of one process share, and what the process ends with. */

export interface CommandContext {
  /** Fires when the person, or the system, asks the command to stop. */
  readonly signal: AbortSignal;
  /** Of a command that did not fail. */
  exitCode: number;
}

/** Exit codes of CONTRACT. Those of failures stand in the table of errors.ts. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  drift: 3,
  notPublished: 4,
  interrupted: 130,
} as const;
