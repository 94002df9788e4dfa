/**
 * Options that several subcommands have, in the same words everywhere.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { LOG_LEVELS, type LogLevel } from "./log.ts";

/** `--json`. */
export const JSON_OPTION = ["--json", "print one JSON document"] as const;

/** `--passphrase-file`. */
export const PASSPHRASE_OPTION = [
  "--passphrase-file <file>",
  "file with the private keys' passphrase, readable by its owner alone",
] as const;

/** `--log-json`. */
export const LOG_JSON_OPTION = ["--log-json", "log as JSON, one object a line"] as const;

/** `--log-level`. */
export function logLevelOption(): Option<
  "--log-level <level>",
  undefined,
  "info",
  undefined,
  false,
  LogLevel
> {
  return new Option("--log-level <level>", "the least severe level that is logged")
    .choices(LOG_LEVELS)
    .default("info" as const);
}

/** The examples at the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return ["", "Examples:", ...lines.map((line) => `  $ vnfchain ${line}`)].join("\n");
}
