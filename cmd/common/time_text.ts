/**
 * Times from a chain as text. A lying quorum may certify a time that no calendar has.
 *
 * @module
 */

/** The last millisecond that a date can hold (ECMA-262, Time Values). */
const MAX_MS = 8_640_000_000_000_000;

/** ISO 8601, or the number of milliseconds when no date can hold it. */
export function timeText(ms: number): string {
  return ms <= MAX_MS ? new Date(ms).toISOString() : `${ms} ms after 1970`;
}

/** A duration for people, in its two largest units. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${ms / 1000} s`;
}
