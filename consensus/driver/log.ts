/**
 * What the driver tells the log.
 *
 * @module
 */

/** One entry: fixed text, whatever varies as a property. Never throws. */
export type DriverLog = (
  level: "debug" | "info" | "warning" | "error",
  text: string,
  properties?: Readonly<Record<string, string | number | boolean | null>>,
) => void;
