/**
 * Durations as people write them, on the command line and in configuration files.
 *
 * @module
 */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration such as `500ms`, `1.5s`, `2m`, `1h` or `7d`, in milliseconds; `undefined` when it is none, or zero. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  const ms = Math.round(Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ""] ?? NaN));
  return ms > 0 ? ms : undefined;
}
