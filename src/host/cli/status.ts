/** `mendline status`: what is deployed, what the monitors saw last, recent repairs, and label requests that wait. */
import type { Command } from "commander";
import type { EngineStatus, MonitorStatus } from "../../index.js";
import type { CommandContext } from "./context.js";
import { shortId, timeText } from "./figures.js";
import { requestsText } from "./labels-text.js";
import { addOutputOption, addStoreOption, type OutputOptions, type StoreOptions } from "./options.js";
import { print } from "./output.js";
import { paint, tableText } from "./table.js";
import { withStore } from "./workspace.js";

type StatusFlags = OutputOptions & StoreOptions;

export function addStatusCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("status")
    .description("Show aliases and what they serve, monitors' last windows, and recent repairs.");
  addOutputOption(addStoreOption(command)).action(async (flags: StatusFlags) => {
    const status = await withStore(context, flags, ({ engine }) => engine.status());
    await print({ json: status, text: () => statusText(status) }, flags);
  });
}

function statusText({ aliases, monitors, repairs, trials, labelRequests }: EngineStatus): string {
  return [
    section("aliases", aliases.length, () => aliasTable(aliases)),
    section("monitors", monitors.length, () => monitorTable(monitors)),
    section("repairs", repairs.length, () => repairTable(repairs)),
    section("trials", trials.length, () => trialTable(trials)),
    section("label requests", labelRequests.length, () => requestsText(labelRequests)),
  ].join("\n\n");
}

function section(title: string, count: number, table: () => string): string {
  return count === 0 ? `${paint(title, "bold")}: none` : `${paint(title, "bold")}\n${table()}`;
}

function aliasTable(aliases: EngineStatus["aliases"]): string {
  return tableText(
    [
      { title: "alias" },
      { title: "model" },
      { title: "id" },
      { title: "since" },
      { title: "file" },
      { title: "in sync" },
    ],
    aliases.map(({ alias, name, version, id, atMs, path, inSync }) => [
      alias,
      `${name}@${version}`,
      shortId(id),
      timeText(atMs),
      path ?? "-",
      path === null
        ? "-"
        : inSync
          ? { text: "yes", style: "green" }
          : { text: "NO: deploy again", style: "red" },
    ]),
  );
}

function monitorTable(monitors: EngineStatus["monitors"]): string {
  return tableText(
    [
      { title: "monitor" },
      { title: "verdict" },
      { title: "alarm" },
      { title: "window" },
      { title: "closed" },
      { title: "rows", isNumber: true },
      { title: "in no window" },
      { title: "rows kept" },
    ],
    monitors.map(({ monitor, lastWindow, alarmSince, rows, setAside, reservoir }) => [
      monitor,
      lastWindow?.verdict ?? "-",
      alarmSince === null ? "no" : { text: `since window ${alarmSince}`, style: "red" },
      lastWindow === null ? "none yet" : `${lastWindow.window.number} (${lastWindow.window.rowCount} rows)`,
      lastWindow === null ? "-" : timeText(lastWindow.window.closedMs),
      String(rows),
      setAsideText(setAside),
      reservoirText(reservoir),
    ]),
  );
}

function reservoirText(reservoir: MonitorStatus["reservoir"]): string {
  if (reservoir === null) return "-";
  const { off, rows, recentRows } = reservoir;
  return off === null ? `${rows} of the newest ${recentRows}` : `none: ${off}`;
}

function setAsideText({ lateRows, earlyRows, untimedRows }: MonitorStatus["setAside"]): string {
  const parts = [
    [lateRows, "late"],
    [earlyRows, "early"],
    [untimedRows, "untimed"],
  ].filter(([count]) => count !== 0);
  return parts.length === 0 ? "-" : parts.map((part) => part.join(" ")).join(", ");
}

function trialTable(trials: EngineStatus["trials"]): string {
  return tableText(
    [
      { title: "alias" },
      { title: "candidate" },
      { title: "alias serves" },
      { title: "live rows", isNumber: true },
      { title: "labelled rows", isNumber: true },
    ],
    trials.map(({ alias, candidate, period, rows, labelled }) => [
      alias,
      shortId(candidate),
      period === "before" ? "the other" : "the candidate",
      String(rows),
      String(labelled),
    ]),
  );
}

function repairTable(repairs: EngineStatus["repairs"]): string {
  return tableText(
    [{ title: "run" }, { title: "last step" }, { title: "at" }],
    repairs.map(({ run, step, atMs }) => [run, step, timeText(atMs)]),
  );
}
