/** How the story is told on a terminal: a progress bar where there is one, plain lines elsewhere. */

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function title(text: string): void {
  say(`\n== ${text}`);
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("   ")}`,
    )
    .join("\n");
}

const barWidth = 40;
const redrawMsMin = 50;

export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #isTerminal = process.stderr.isTTY === true;
  #done = 0;
  #drawnMs = 0;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  update(done: number): void {
    this.#done = done;
    if (!this.#isTerminal || Date.now() - this.#drawnMs < redrawMsMin) return;
    this.#draw();
  }

  /** A line that stays, above the bar. */
  aside(text: string): void {
    this.#erase();
    say(text);
    if (this.#isTerminal) this.#draw();
  }

  end(): void {
    this.#erase();
    if (!this.#isTerminal) say(`  ${this.#done} of ${this.#total} ${this.#what}`);
  }

  #draw(): void {
    this.#drawnMs = Date.now();
    const filled = Math.round((this.#done / this.#total) * barWidth);
    process.stderr.write(
      `\r  [${"=".repeat(filled)}${" ".repeat(barWidth - filled)}] ${this.#done} of ${this.#total} ${this.#what}`,
    );
  }

  #erase(): void {
    if (this.#isTerminal) process.stderr.write("\r\u001b[2K");
  }
}
