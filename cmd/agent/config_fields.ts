/**
 * Strict access to a table of a configuration file: every key is known or refused, with the nearest known one as a
 * hint; every value has the type that is wanted. What is wrong is the operator's to mend: {@link VnfchainError}
 * `agent-config`, exit code 2, naming file and key.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import type { TomlTable, TomlValue } from "smol-toml";
import { EXIT, VnfchainError } from "../../core/errors.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A week: nothing that an agent waits for takes longer. */
const DURATION_MAX_MS = 7 * 24 * 3_600_000;

/** The error for a configuration file. */
export function configProblem(message: string, hint: string = ""): VnfchainError {
  return new VnfchainError(message, { code: "agent-config", hint, exitCode: EXIT.usage });
}

/** One table, read key by key. */
export class ConfigFields {
  readonly #table: TomlTable;
  readonly #where: string;

  /** Refuses keys that are not `known`. `where` stands before every message. */
  constructor(table: TomlTable, { where, known }: { where: string; known: readonly string[] }) {
    this.#table = table;
    this.#where = where;
    for (const key of Object.keys(table)) {
      if (known.includes(key)) continue;
      throw configProblem(
        `${where}: unknown key ${JSON.stringify(key)}`,
        `did you mean ${JSON.stringify(nearest(key, known))}?`,
      );
    }
  }

  /** Whether the key is there. */
  has(key: string): boolean {
    return Object.hasOwn(this.#table, key);
  }

  /** The error for a value. */
  wrong(key: string, wanted: string): VnfchainError {
    const is = this.has(key) ? `is not ${wanted}` : "is missing";
    return configProblem(`${this.#where}: ${key} ${is}`, this.has(key) ? "" : `${key} is ${wanted}`);
  }

  /** A text that is not empty. */
  text(key: string): string {
    const value = this.#table[key];
    if (typeof value !== "string" || value === "" || value.includes("\0")) throw this.wrong(key, "a text");
    return value;
  }

  /** An absolute path. */
  path(key: string): string {
    const value = this.text(key);
    if (!isAbsolute(value)) throw this.wrong(key, "an absolute path");
    return value;
  }

  /** An absolute path, or null when the key is not there. */
  optionalPath(key: string): string | null {
    return this.has(key) ? this.path(key) : null;
  }

  /** true or false. */
  flag(key: string, otherwise: boolean): boolean {
    const value = this.#table[key] ?? otherwise;
    if (typeof value !== "boolean") throw this.wrong(key, "true or false");
    return value;
  }

  /** A duration with its unit, in milliseconds: "500ms", "10s", "2m", "1h". */
  durationMs(key: string, otherwiseMs: number): number {
    if (!this.has(key)) return otherwiseMs;
    const match = /^(\d{1,9})(ms|s|m|h)$/.exec(this.text(key));
    const ms = match === null ? 0 : Number(match[1]) * (UNITS_MS[match[2] as string] as number);
    if (ms < 1 || ms > DURATION_MAX_MS) {
      throw this.wrong(key, `a duration from "1ms" to "168h", as "500ms", "10s" or "2m"`);
    }
    return ms;
  }

  /** A list of texts, none empty; or null when the key is not there. */
  optionalTexts(key: string): readonly string[] | null {
    if (!this.has(key)) return null;
    const value = this.#table[key] as TomlValue;
    const isText = (item: TomlValue) => typeof item === "string" && item !== "" && !item.includes("\0");
    if (!Array.isArray(value) || value.length === 0 || !value.every(isText)) {
      throw this.wrong(key, "a list of texts, none of them empty");
    }
    return value as string[];
  }

  /** A list of tables (`[[key]]`), empty when the key is not there. */
  tables(key: string): readonly TomlTable[] {
    const value = this.#table[key] ?? [];
    const isTable = (item: unknown) =>
      typeof item === "object" && item !== null && !Array.isArray(item) && !(item instanceof Date);
    if (!Array.isArray(value) || !value.every(isTable)) {
      throw this.wrong(key, `tables, written as [[${key}]]`);
    }
    return value as TomlTable[];
  }
}

/** The known word with the smallest edit distance. */
export function nearest(word: string, known: readonly string[]): string {
  return known.toSorted((a, b) => distance(word, a) - distance(word, b))[0] ?? "";
}

/** Levenshtein's distance, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] as number;
}
