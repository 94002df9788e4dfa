/**
 * Configuration files in TOML, read strictly: a key that nobody asked for is an error that names the nearest known
 * one, so that a typing error never becomes a silent default.
 *
 * @module
 */
import { parse } from "smol-toml";
import { EXIT, VnfchainError } from "../../core/errors.ts";

/** A table of a file. Each getter notes its key as known; {@link TomlTable.finish} refuses the rest. */
export class TomlTable {
  readonly #values: Record<string, unknown>;
  readonly #place: string;
  readonly #known = new Set<string>();

  constructor(values: Record<string, unknown>, place: string) {
    this.#values = values;
    this.#place = place;
  }

  /** The error for a key whose value is not what is wanted. */
  wrong(key: string, wanted: string): VnfchainError {
    return invalid(`${this.#place}: ${key} is not ${wanted}`, "");
  }

  /** The value; `undefined` when the key is not there. */
  #get(key: string): unknown {
    this.#known.add(key);
    return this.#values[key];
  }

  /** Whether the key is there. */
  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  /** A text that need not be there. */
  text(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(key, "a text");
  }

  /** A text that must be there. */
  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined || value === "") throw invalid(`${this.#place}: ${key} is missing`, "");
    return value;
  }

  /** A list of texts; empty when the key is not there. */
  texts(key: string): readonly string[] {
    const value = this.#get(key) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.wrong(key, "a list of texts");
  }

  /** True or false, or `otherwise`. */
  flag(key: string, otherwise: boolean): boolean {
    const value = this.#get(key) ?? otherwise;
    if (typeof value === "boolean") return value;
    throw this.wrong(key, "true or false");
  }

  /** A number above 0, or `otherwise`. */
  positive(key: string, otherwise: number): number {
    const value = this.#get(key) ?? otherwise;
    if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
    throw this.wrong(key, "a number above 0");
  }

  /** A duration such as `500ms`, `10s`, `2m` or `1h`, in milliseconds, or `otherwise`. */
  durationMs(key: string, otherwise: number): number {
    const value = this.text(key);
    if (value === undefined) return otherwise;
    const ms = parseDuration(value);
    if (ms === undefined) throw this.wrong(key, "a duration such as 500ms, 10s, 2m or 1h");
    return ms;
  }

  /** An array of tables; empty when the key is not there. */
  tables(key: string): readonly TomlTable[] {
    const value = this.#get(key) ?? [];
    if (!Array.isArray(value)) throw this.wrong(key, "an array of tables");
    return value.map((item, i) => {
      if (typeof item !== "object" || item === null) throw this.wrong(key, "an array of tables");
      return new TomlTable(item as Record<string, unknown>, `${this.#place}: [[${key}]] ${i + 1}`);
    });
  }

  /** Refuses keys that nobody asked for. */
  finish(): void {
    for (const key of Object.keys(this.#values)) {
      if (this.#known.has(key)) continue;
      const near = [...this.#known].sort((a, b) => distance(key, a) - distance(key, b))[0];
      throw invalid(
        `${this.#place}: ${key} is no key`,
        near === undefined ? "" : `the nearest key is ${near}`,
      );
    }
  }
}

/** Reads a file; throws `config-missing` or `config-invalid`, both with exit code 2. */
export async function readTomlFile(path: string): Promise<TomlTable> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new VnfchainError(`read configuration: ${path} cannot be read`, {
      code: "config-missing",
      hint: "check the path and that this user may read it",
      exitCode: EXIT.usage,
      cause,
    });
  }
  try {
    return new TomlTable(parse(text) as Record<string, unknown>, path);
  } catch (cause) {
    throw invalid(`${path}: ${cause instanceof Error ? cause.message : "no TOML"}`, "", cause);
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration such as `10s` in milliseconds; `undefined` when it is none, or zero. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  const ms = Math.round(Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ""] ?? NaN));
  return ms > 0 ? ms : undefined;
}

function invalid(message: string, hint: string, cause?: unknown): VnfchainError {
  return new VnfchainError(`read configuration: ${message}`, {
    code: "config-invalid",
    hint,
    exitCode: EXIT.usage,
    cause,
  });
}

/** Levenshtein distance, for the hint. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] as number;
}
