/** The `engines` ranges of npm packages, as far as they are met in practice: `||`, comparators, `^`, `~`, `x`, hyphens. */

type Version = readonly [number, number, number];

/** Every comparator of the grammar comes down to `from <= version < before`; both are optional. */
interface Span {
  readonly from?: Version;
  readonly before?: Version;
}

const comparatorPattern = /^(>=|<=|>|<|=|\^|~)?v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$/;

function compare(one: Version, other: Version): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

/** The first version after all those that agree with `given`'s parts: 20 -> 21.0.0, 20.1 -> 20.2.0. */
function nextAfter(given: readonly number[]): Version {
  if (given.length === 0) return [Number.POSITIVE_INFINITY, 0, 0];
  if (given.length === 1) return [given[0]! + 1, 0, 0];
  return given.length === 2 ? [given[0]!, given[1]! + 1, 0] : [given[0]!, given[1]!, given[2]! + 1];
}

function spanOf(text: string): Span {
  const match = comparatorPattern.exec(text);
  if (match === null) throw new Error(`the version range ${JSON.stringify(text)} is not understood`);
  const parts = [match[2], match[3], match[4]];
  const wild = parts.findIndex((part) => part === undefined || /[xX*]/.test(part));
  const given = parts.slice(0, wild < 0 ? 3 : wild).map(Number);
  const low: Version = [given[0] ?? 0, given[1] ?? 0, given[2] ?? 0];
  switch (match[1]) {
    case ">=":
      return { from: low };
    case "<":
      return { before: low };
    case ">":
      return { from: nextAfter(given) };
    case "<=":
      return { before: nextAfter(given) };
    case "^": {
      const firstUsed = given.findIndex((part) => part > 0);
      return { from: low, before: nextAfter(given.slice(0, firstUsed < 0 ? given.length : firstUsed + 1)) };
    }
    case "~":
      return { from: low, before: nextAfter(given.slice(0, 2)) };
    default:
      return { from: low, before: nextAfter(given) };
  }
}

function holds(version: Version, { from, before }: Span): boolean {
  return (
    (from === undefined || compare(version, from) >= 0) &&
    (before === undefined || compare(version, before) < 0)
  );
}

/**
 * Whether `version` (three numbers) is in `range`, by the grammar of npm's semver without pre-releases.
 *
 * @throws Error  the range is not understood: better than to let it pass
 */
export function rangeAccepts(range: string, version: string): boolean {
  const numbers = version.split(".").map(Number);
  const wanted: Version = [numbers[0]!, numbers[1]!, numbers[2]!];
  return range.split("||").some((alternative) => {
    const text = alternative
      .trim()
      .replace(/^(\S+)\s+-\s+(\S+)$/, ">=$1 <=$2")
      .replace(/([<>=^~])\s+/g, "$1");
    const parts = text === "" ? ["*"] : text.split(/\s+/);
    return parts.map(spanOf).every((span) => holds(wanted, span));
  });
}
