/**
 * `agent status`: what the state file says, for people, scripts and monitoring. It asks nobody and changes nothing, so
 * it may run beside the agent.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import { EXIT, type ExitCode, VnfchainError } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { escaped, print, printJson, table } from "../common/output.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import type { NodeRecord } from "../common/node_book.ts";
import { readRuntime, type Runtime } from "./runtime_file.ts";
import { type AgentState, type Installed, versionName } from "./state.ts";
import { readState, statePath } from "./state_store.ts";

/** How an agent is doing, as `--json` prints it. */
export interface AgentStatus {
  readonly publicKey: string;
  /** Newest verified header; null before the first. */
  readonly height: number | null;
  /** Of that header, by this machine's clock. */
  readonly ageMs: number | null;
  /**
   * By the header's age, by the agent's monotonic clock, or because no round of an agent has ended for as long as a
   * header may be old.
   */
  readonly stale: boolean;
  readonly halted: string | null;
  readonly inForce: InstalledStatus | null;
  /** An apply or a restore that is under way, or was interrupted. */
  readonly pending: (InstalledStatus & { readonly purpose: string }) | null;
  readonly quarantined: readonly {
    readonly configuration: string;
    readonly code: string;
    readonly detail: string;
  }[];
  readonly requests: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly nodes: readonly NodeStatus[];
  readonly lastError: { readonly time: string; readonly code: string; readonly detail: string } | null;
}

/** How a node has behaved. */
export interface NodeStatus {
  readonly node: string;
  readonly answered: number;
  /** Questions without an answer, or refused. */
  readonly failed: number;
  /** Answers that did not hold. */
  readonly lied: number;
  /** It is not asked until then, because of its last lie. */
  readonly leftOutUntil: string | null;
  readonly last: string | null;
}

/** A configuration on this VNF. */
export interface InstalledStatus {
  /** CID@VID. */
  readonly configuration: string;
  readonly generation: number;
  readonly transaction: string;
  /** Of the configuration's own content. */
  readonly sha256: string;
  readonly height: number;
}

/** Prints the status; exit code 4 when stale, 1 when halted. */
export async function printStatus(configPath: string, { json }: { json: boolean }): Promise<ExitCode> {
  const config = await readAgentConfig(configPath);
  const state = await readState(config.stateDir);
  if (state === null) {
    throw new VnfchainError(`agent state ${statePath(config.stateDir)}: there is none yet`, {
      code: "state-missing",
      hint: "start the agent first",
    });
  }
  const runtime = await readRuntime(config.stateDir);
  const status = statusOf(state, { config, runtime, nowMs: Date.now() });
  if (json) printJson(status);
  else print(statusText(status));
  if (status.halted !== null) return EXIT.failed;
  return status.stale ? EXIT.stale : EXIT.done;
}

/** The status that a state comes to at a time. */
export function statusOf(
  state: AgentState,
  { config: { maxStalenessMs }, runtime, nowMs }: {
    config: Pick<AgentConfig, "maxStalenessMs">;
    runtime: Runtime | null;
    nowMs: number;
  },
): AgentStatus {
  const { header, inForce, pending } = state;
  const ageMs = header === null ? null : nowMs - header.time;
  const last = state.errors.at(-1);
  const requests = new Map<string, number>();
  for (const { status } of state.requests) requests.set(status, (requests.get(status) ?? 0) + 1);
  return {
    publicKey: publicKeyToText(state.self),
    height: header?.height ?? null,
    ageMs,
    stale: ageMs === null || ageMs > maxStalenessMs ||
      (runtime !== null && (runtime.stale || nowMs - runtime.time > maxStalenessMs)),
    halted: state.halted,
    inForce: inForce === null ? null : installedStatus(inForce),
    pending: pending === null
      ? null
      : { purpose: pending.purpose, ...installedStatus(pending.configuration) },
    quarantined: state.quarantined.map((failed) => ({
      configuration: versionName(failed),
      code: failed.code,
      detail: failed.detail,
    })),
    requests: Object.fromEntries(requests),
    refusals: Object.fromEntries(state.refusals.map(({ code, count }) => [code, count])),
    nodes: (runtime?.nodes ?? []).map((record) => nodeStatus(record, nowMs)),
    lastError: last === undefined ? null : { ...last, time: new Date(last.time).toISOString() },
  };
}

function installedStatus(installed: Installed): InstalledStatus {
  return {
    configuration: versionName(installed),
    generation: installed.generation,
    transaction: toHex(installed.transaction),
    sha256: toHex(installed.contentHash),
    height: installed.position.height,
  };
}

function nodeStatus(record: NodeRecord, nowMs: number): NodeStatus {
  const { node, answered, failed, lied, last, leftOutUntil } = record;
  return {
    node,
    answered,
    failed,
    lied,
    leftOutUntil: leftOutUntil > nowMs ? new Date(leftOutUntil).toISOString() : null,
    last: last === null ? null : `${new Date(last.time).toISOString()}: ${last.code}: ${last.detail}`,
  };
}

function nodeText({ answered, failed, lied, leftOutUntil, last }: NodeStatus): string {
  const counts = `${answered} answers, ${failed} failures, ${lied} lies`;
  const leftOut = leftOutUntil === null ? "" : `, left out until ${leftOutUntil}`;
  return `${counts}${leftOut}${last === null ? "" : `; ${last}`}`;
}

function statusText(status: AgentStatus): string {
  const { inForce, pending, lastError } = status;
  const age = status.ageMs === null ? "" : `, ${Math.round(status.ageMs / 1000)} s old`;
  const rows: (readonly string[])[] = [
    ["key", status.publicKey],
    ["verified height", `${status.height ?? "none"}${age}${status.stale ? ", STALE" : ""}`],
    ["in force", inForce === null ? "nothing" : `${inForce.configuration}, generation ${inForce.generation}`],
  ];
  if (status.halted !== null) rows.push(["HALTED", status.halted]);
  if (pending !== null) rows.push([`pending ${pending.purpose}`, pending.configuration]);
  for (const { configuration, code, detail } of status.quarantined) {
    rows.push(["quarantined", `${configuration}: ${code}: ${detail}`]);
  }
  for (const [state, count] of Object.entries(status.requests)) {
    rows.push([`requests ${state}`, String(count)]);
  }
  for (const [code, count] of Object.entries(status.refusals)) rows.push([`refused ${code}`, String(count)]);
  for (const node of status.nodes) rows.push([`node ${node.node}`, nodeText(node)]);
  if (lastError !== null) {
    rows.push(["last error", `${lastError.time}: ${lastError.code}: ${lastError.detail}`]);
  }
  return table(rows.map((row) => row.map(escaped)));
}
