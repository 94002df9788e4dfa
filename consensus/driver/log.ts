/**
 * What the driver tells the log, and how a member is kept from filling it.
 *
 * @module
 */
import { makeEntryRate } from "../../core/entry_rate.ts";

/** One entry: fixed text, whatever varies as a property. Never throws. */
export type DriverLog = (
  level: "debug" | "info" | "warning" | "error",
  text: string,
  properties?: Readonly<Record<string, string | number | boolean | null>>,
) => void;

/**
 * Lets through one entry a second for each text, member and code; the next one says in `leftOut` how many were left
 * out. Texts are fixed and members and codes few: so is what is kept.
 */
export function limitLog(log: DriverLog, nowMs: () => number): DriverLog {
  const rate = makeEntryRate(nowMs);
  return (level, text, properties = {}) => {
    const leftOut = rate(`${text} ${properties["member"]} ${properties["code"]}`);
    if (leftOut !== null) log(level, text, leftOut === 0 ? properties : { ...properties, leftOut });
  };
}
