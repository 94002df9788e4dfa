/**
 * Logs of node and agent: one line each on standard error, as text or as JSON. Text from outside goes into properties,
 * never into the message, and is escaped. Nothing secret is ever handed to a logger.
 *
 * @module
 */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { escaped, note } from "./output.ts";

/** Levels as `--log-level` takes them, lowest first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal"] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What is told beside a message. */
export type LogProperties = Readonly<Record<string, string | number | boolean | null>>;

/** Logs one line; the message is a fixed text, whatever varies is a property. */
export type LogMethod = (message: string, properties?: LogProperties) => void;

/** The logger of one part. */
export interface Log {
  /** For whoever looks for a fault. */
  readonly debug: LogMethod;
  /** Normal work. */
  readonly info: LogMethod;
  /** Something was refused or did not work, and work goes on. */
  readonly warning: LogMethod;
  /** Somebody has to look. */
  readonly error: LogMethod;
}

/** How much is logged, and how it looks. */
export interface LogOptions {
  /** One JSON object a line instead of text. */
  readonly json?: boolean | undefined;
  /** The lowest level that is shown; `info` when left out. */
  readonly level?: LogLevel | undefined;
}

const ROOT = "vnfchain";

/** Sets logging up for this process; a second call replaces the first. */
export function openLog(options: LogOptions = {}): void {
  const format = options.json === true ? jsonLine : textLine;
  configureSync({
    reset: true,
    sinks: { stderr: (entry) => note(format(entry)) },
    loggers: [
      { category: [ROOT], sinks: ["stderr"], lowestLevel: options.level ?? "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}

/** The logger of one part, as in `logOf("agent")`. */
export function logOf(area: string): Log {
  const logger = getLogger([ROOT, area]);
  return {
    debug: (message, properties = {}) => logger.debug(message, properties),
    info: (message, properties = {}) => logger.info(message, properties),
    warning: (message, properties = {}) => logger.warning(message, properties),
    error: (message, properties = {}) => logger.error(message, properties),
  };
}

function messageOf(entry: LogRecord): string {
  return entry.message.map((part) => typeof part === "string" ? part : String(part)).join("");
}

function areaOf({ category }: LogRecord): string {
  return category.slice(1).join(".");
}

function textLine(entry: LogRecord): string {
  const properties = Object.entries(entry.properties).map(([name, value]) => ` ${name}=${plain(value)}`);
  const head = `${new Date(entry.timestamp).toISOString()} ${entry.level.toUpperCase()} ${areaOf(entry)}:`;
  return escaped(`${head} ${messageOf(entry)}${properties.join("")}`);
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.:@/+-]+$/.test(text) ? text : JSON.stringify(text);
}

function jsonLine(entry: LogRecord): string {
  return escaped(JSON.stringify({
    time: new Date(entry.timestamp).toISOString(),
    level: entry.level,
    area: areaOf(entry),
    message: messageOf(entry),
    ...entry.properties,
  }));
}
