/**
 * Configuration files in TOML, read strictly: a key that is not known is refused, with the nearest known one as a hint,
 * so that a typing error never becomes a silent default; every value has the type that is wanted. What is wrong is the
 * operator's to mend: `config-missing` or `config-invalid`, exit code 2, naming file and key.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import { parse, TomlError, type TomlTable as TomlValues } from "smol-toml";
import { assert, EXIT, VnfchainError } from "../../core/errors.ts";
import { parseDuration } from "./duration.ts";
import { nearest } from "./nearest.ts";

/** A week: nothing that a file sets takes longer. */
const DURATION_MAX_MS = 7 * 24 * 3_600_000;

/** One table of a file, read key by key. A getter asserts that its key is among the known ones. */
export interface TomlTable {
  /** Refuses keys other than these, in a table whose keys depend on a value in it. */
  readonly only: (keys: readonly string[]) => void;
  /** Whether the key is there. */
  readonly has: (key: string) => boolean;
  /** The error for a key that is missing, or whose value is not what is wanted. */
  readonly wrong: (key: string, wanted: string) => VnfchainError;
  /** The error for the table as a whole. */
  readonly invalid: (message: string, hint?: string) => VnfchainError;
  /** A text that need not be there; never empty. */
  readonly text: (key: string) => string | undefined;
  /** A text that must be there. */
  readonly requiredText: (key: string) => string;
  /** An absolute path that need not be there. */
  readonly path: (key: string) => string | undefined;
  /** An absolute path that must be there. */
  readonly requiredPath: (key: string) => string;
  /** A list of texts, none of them empty. */
  readonly texts: (key: string) => readonly string[] | undefined;
  /** True or false, or `otherwise`. */
  readonly flag: (key: string, otherwise: boolean) => boolean;
  /** A number above 0, or `otherwise`. */
  readonly positive: (key: string, otherwise: number) => number;
  /** A duration such as `500ms`, `10s` or `2m`, a week at most, in milliseconds; or `otherwiseMs`. */
  readonly durationMs: (key: string, otherwiseMs: number) => number;
  /** An array of tables with these keys; empty when the key is not there. */
  readonly tables: (key: string, keys: readonly string[]) => readonly TomlTable[];
}

/** How a file is read. */
export interface TomlFileOptions {
  /** The keys at its top. */
  readonly keys: readonly string[];
  /** A file that is not there is an empty one. */
  readonly optional?: boolean;
}

/** Reads a file; throws `config-missing` or `config-invalid`, both with exit code 2. */
export async function readTomlFile(path: string, { keys, optional }: TomlFileOptions): Promise<TomlTable> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (optional === true && cause instanceof Deno.errors.NotFound) return tableOf({}, { place: path, keys });
    throw new VnfchainError(`read configuration: ${path} cannot be read`, {
      code: "config-missing",
      hint: "check the path and that this user may read it",
      exitCode: EXIT.usage,
      cause,
    });
  }
  return parseToml(text, { place: path, keys });
}

/** What a table is read as. */
export interface TableContext {
  /** Stands before every message. */
  readonly place: string;
  /** The keys that it may hold. */
  readonly keys: readonly string[];
}

/** Reads a file's text; throws `config-invalid`. */
export function parseToml(text: string, context: TableContext): TomlTable {
  return tableOf(parsed(text, context.place), context);
}

function parsed(text: string, place: string): TomlValues {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // Only the place and the first line: the rest of the message quotes the file.
    const [reason] = cause.message.split("\n");
    throw invalid(`${place}:${cause.line}:${cause.column}: ${reason}`, "");
  }
}

function tableOf(values: TomlValues, { place, keys }: TableContext): TomlTable {
  const table: TomlTable = {
    only: (those) => refuseOthers(values, { place, keys: those }),
    has: (key) => get(key) !== undefined,
    wrong: (key, wanted) =>
      table.has(key)
        ? invalid(`${place}: ${key} is not ${wanted}`, "")
        : invalid(`${place}: ${key} is missing`, `${key} is ${wanted}`),
    invalid: (message, hint = "") => invalid(`${place}: ${message}`, hint),
    text: (key) => optional(key, isText, "a text"),
    requiredText: (key) => required(key, table.text(key), "a text"),
    path: (key) => optional(key, (value): value is string => isText(value) && isAbsolute(value), PATH),
    requiredPath: (key) => required(key, table.path(key), PATH),
    texts: (key) => optional(key, areTexts, "a list of texts, none of them empty"),
    flag: (key, otherwise) => optional(key, isFlag, "true or false") ?? otherwise,
    positive: (key, otherwise) => optional(key, isPositive, "a number above 0") ?? otherwise,
    durationMs: (key, otherwiseMs) => {
      const text = optional(key, isText, DURATION);
      const ms = text === undefined ? otherwiseMs : parseDuration(text);
      if (ms === undefined || ms > DURATION_MAX_MS) throw table.wrong(key, DURATION);
      return ms;
    },
    tables: (key, keys) =>
      (optional(key, areTables, `tables, written as [[${key}]]`) ?? [])
        .map((item, i) => tableOf(item, { place: `${place}: [[${key}]] ${i + 1}`, keys })),
  };

  function get(key: string): unknown {
    assert(keys.includes(key), `configuration key ${key} is read, but not known`);
    return Object.hasOwn(values, key) ? values[key] : undefined;
  }

  function optional<T>(key: string, is: (value: unknown) => value is T, wanted: string): T | undefined {
    const value = get(key);
    if (value === undefined || is(value)) return value;
    throw table.wrong(key, wanted);
  }

  function required(key: string, value: string | undefined, wanted: string): string {
    if (value === undefined) throw table.wrong(key, wanted);
    return value;
  }

  table.only(keys);
  return table;
}

const PATH = "an absolute path";
const DURATION = 'a duration from "1ms" to "168h", as "500ms", "10s" or "2m"';

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && value > 0 && Number.isFinite(value);
}

function areTables(value: unknown): value is readonly TomlValues[] {
  const isTable = (item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item) && !(item instanceof Date);
  return Array.isArray(value) && value.every(isTable);
}

function refuseOthers(values: TomlValues, { place, keys }: TableContext): void {
  for (const key of Object.keys(values)) {
    if (!keys.includes(key)) {
      throw invalid(`${place}: ${key} is no key`, `the nearest key is ${nearest(key, keys)}`);
    }
  }
}

function invalid(message: string, hint: string): VnfchainError {
  return new VnfchainError(`read configuration: ${message}`, {
    code: "config-invalid",
    hint,
    exitCode: EXIT.usage,
  });
}
