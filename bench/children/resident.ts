/** How much memory this process has had resident at most, in bytes; where the system does not tell, what it has now. */
import { readFileSync } from "node:fs";

/** `getrusage` would tell the parent's too: Linux carries it over a fork. */
export function residentPeakBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
    return Number(kilobytes) * 1024;
  } catch {
    return process.memoryUsage().rss;
  }
}
