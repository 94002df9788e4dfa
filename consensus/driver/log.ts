/**
 * What the driver tells the log, and how a member is kept from filling it.
 *
 * @module
 */

/** One entry: fixed text, whatever varies as a property. Never throws. */
export type DriverLog = (
  level: "debug" | "info" | "warning" | "error",
  text: string,
  properties?: Readonly<Record<string, string | number | boolean | null>>,
) => void;

const INTERVAL_MS = 1000;

/**
 * Lets through one entry a second for each text, member and code; the next one says in `leftOut` how many were left
 * out. Texts are fixed and members and codes few: so is what is kept.
 */
export function limitLog(log: DriverLog, nowMs: () => number): DriverLog {
  const seen = new Map<string, { sinceMs: number; leftOut: number }>();
  return (level, text, properties = {}) => {
    const key = `${text} ${properties["member"]} ${properties["code"]}`;
    const last = seen.get(key);
    const now = nowMs();
    if (last !== undefined && now >= last.sinceMs && now < last.sinceMs + INTERVAL_MS) {
      last.leftOut++;
      return;
    }
    seen.set(key, { sinceMs: now, leftOut: 0 });
    const leftOut = last?.leftOut ?? 0;
    log(level, text, leftOut === 0 ? properties : { ...properties, leftOut });
  };
}
