/**
 * What a running agent shows to `agent status` beside its state: how the nodes behave, and whether it is stale by a
 * clock that nobody can set. `runtime.json` in the state directory; nothing depends on it, so one that is missing or
 * cannot be read is as none.
 *
 * @module
 */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { utf8 } from "../../core/bytes.ts";
import type { NodeRecord } from "../common/node_book.ts";

/** What it holds. Times in milliseconds since 1970, by the VNF's clock. */
export interface Runtime {
  readonly version: 1;
  /** When the last round ended. */
  readonly time: number;
  /** No newer header came for longer than allowed, by the monotonic clock. */
  readonly stale: boolean;
  readonly nodes: readonly NodeRecord[];
}

function pathIn(stateDir: string): string {
  return join(stateDir, "runtime.json");
}

/** Replaces the file; not synced: after a power cut it tells of an earlier round, or nothing. */
export async function writeRuntime(stateDir: string, runtime: Omit<Runtime, "version">): Promise<void> {
  const path = pathIn(stateDir);
  const text = JSON.stringify({ version: 1, ...runtime });
  await Deno.writeFile(`${path}.tmp`, utf8(text), { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

/** Reads the file; null when there is none that can be read. */
export async function readRuntime(stateDir: string): Promise<Runtime | null> {
  try {
    const value: unknown = JSON.parse(await Deno.readTextFile(pathIn(stateDir)));
    return isRuntime(value) ? value : null;
  } catch {
    return null;
  }
}

function isRuntime(value: unknown): value is Runtime {
  const { version, time, stale, nodes } = (value ?? {}) as Partial<Runtime>;
  return version === 1 && typeof time === "number" && typeof stale === "boolean" && Array.isArray(nodes) &&
    nodes.every(isRecord);
}

function isRecord(value: unknown): value is NodeRecord {
  const { node, answered, failed, lied, last, leftOutUntil } = (value ?? {}) as Partial<NodeRecord>;
  const { code, detail, time } = last ?? { code: "", detail: "", time: 0 };
  return typeof node === "string" && typeof code === "string" && typeof detail === "string" &&
    last !== undefined && [answered, failed, lied, leftOutUntil, time].every(Number.isFinite);
}
