/** Values of a parsed document, each checked when it is taken out: what profiles and counts from outside are read with. */

/** @throws Error  with `what` */
export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

export function text(value: unknown): string {
  expect(typeof value === "string", "a name is no text");
  return value as string;
}

/** A whole number from 0 that a double holds exactly. */
export function whole(value: unknown, what: string): number {
  expect(Number.isSafeInteger(value) && (value as number) >= 0, `${what} is ${String(value)}`);
  return value as number;
}

export function finite(value: unknown): number {
  expect(Number.isFinite(value), `${String(value)} is no finite number`);
  return value as number;
}
