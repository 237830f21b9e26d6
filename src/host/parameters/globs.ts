/** Patterns over tensor names: `*` is any run of characters (dots and slashes too), `?` any one, all else itself. */

export function globToRegExp(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => {
    if (sign === "*") return ".*";
    return sign === "?" ? "." : `\\${sign}`;
  });
  return new RegExp(`^${source}$`, "su");
}
