/** Numbers for a terminal, in ASCII so that they can be searched for and pasted. */

/** A loss, a PSI, a distance: three decimals, so that columns line up. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(3);
  if (size >= 1000) return String(Number(value.toPrecision(6)));
  return value.toFixed(3).replace(/^-(0\.0+)$/, "$1");
}

/** The same with its sign always shown. */
export function differenceFigure(value: number): string {
  const text = figure(value);
  return value > 0 && text !== "0.000" ? `+${text}` : text;
}

export function intervalText([from, to]: readonly [number, number]): string {
  return `[${differenceFigure(from)}, ${differenceFigure(to)}]`;
}

export function pValueFigure(p: number): string {
  if (!Number.isFinite(p)) return String(p);
  if (p >= 0.9995) return "1";
  if (p >= 0.001) return p.toFixed(3);
  return p === 0 ? "<1e-300" : p.toExponential(0);
}

/** Percent; what is there but small is never shown as 0. */
export function shareFigure(share: number): string {
  const percent = share * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.05) return "<0.1 %";
  if (percent > 99.95 && percent < 100) return ">99.9 %";
  return `${Number(percent.toFixed(1))} %`;
}

export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  let size = bytes;
  while (size >= 1024 && power < units.length - 1) {
    size /= 1024;
    power += 1;
  }
  return power === 0 ? `${bytes} bytes` : `${size.toFixed(1)} ${units[power]}`;
}

/** To the second, UTC: 2015-12-31 14:05:09Z */
export function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? "unknown time"
    : `${date.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** Enough of an id to name the model, as REF takes it. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
