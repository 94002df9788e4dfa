/**
 * The agent's state file, `agent.state` in the state directory: read once, replaced whole and durably at each change.
 * After a crash the file holds the state before or after the change.
 *
 * Refused: a damaged file (`state-damaged`), a missing one beside generations (`state-missing`), and one of another
 * chain or another key (`state-foreign`). None of these is ever taken for a fresh start.
 *
 * @module
 */
import { join } from "node:path";
import type { Hash, PublicKey } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { writeDurably } from "../common/durable_file.ts";
import { type AgentState, decodeState, encodeState, freshState } from "./state.ts";

/** Whose state it must be. */
export interface StateOwner {
  readonly genesisId: Hash;
  readonly self: PublicKey;
}

/** The state in memory, and what makes a change of it durable. */
export interface StateStore {
  /** As it is on disk. */
  readonly current: () => AgentState;
  /** Changes some fields; durable when it resolves. */
  readonly update: (change: Partial<AgentState>) => Promise<void>;
}

/** Path of the state file. */
export function statePath(stateDir: string): string {
  return join(stateDir, "agent.state");
}

/** Path of the directory that holds the generations. */
export function generationsPath(stateDir: string): string {
  return join(stateDir, "generations");
}

/** Opens the state of an agent that holds the state directory's lock; makes a fresh one at the first start. */
export async function openState(stateDir: string, owner: StateOwner): Promise<StateStore> {
  const path = statePath(stateDir);
  const write = (next: AgentState) =>
    writeDurably(path, encodeState(platformCrypto.hash, next), { mode: 0o600 });
  let state = await readState(stateDir) ?? await begin();
  refuseForeign(state, { owner, path });

  /** Durable before the first generation: that one without a state would look like a lost memory. */
  async function begin(): Promise<AgentState> {
    await refuseForgotten(stateDir);
    const fresh = freshState(owner);
    await write(fresh);
    return fresh;
  }

  return {
    current: () => state,
    update: async (change) => {
      const next = { ...state, ...change };
      await write(next);
      state = next;
    },
  };
}

/** Reads the state; null when there is no file. */
export async function readState(stateDir: string): Promise<AgentState | null> {
  const path = statePath(stateDir);
  let bytes: Bytes;
  try {
    bytes = await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw new VnfchainError(`agent state ${path}: the system refuses to read it`, {
      code: "state-access",
      cause,
    });
  }
  const decoded = decodeState(platformCrypto.hash, bytes);
  if (decoded.ok) return decoded.value;
  throw new VnfchainError(`agent state ${path}: damaged: ${decoded.detail}`, {
    code: "state-damaged",
    hint:
      "restore it from a copy, or make this VNF anew with a new key; without it the agent cannot tell old " +
      "configurations from new ones, so it does not start",
  });
}

/** Generations without a state: something took the memory of what was applied. */
async function refuseForgotten(stateDir: string): Promise<void> {
  const generations = generationsPath(stateDir);
  let entries: readonly Deno.DirEntry[] = [];
  try {
    entries = await Array.fromAsync(Deno.readDir(generations));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (entries.length === 0) return;
  throw new VnfchainError(`agent state ${statePath(stateDir)}: missing, but ${generations} is not empty`, {
    code: "state-missing",
    hint: "restore it from a copy, or make this VNF anew with a new key",
  });
}

function refuseForeign(state: AgentState, { owner, path }: { owner: StateOwner; path: string }): void {
  const wrong = (what: string) =>
    new VnfchainError(`agent state ${path}: ${what}`, {
      code: "state-foreign",
      hint: "each VNF and each chain has a state directory of its own",
      exitCode: EXIT.usage,
    });
  if (!equal(state.genesisId, owner.genesisId)) {
    throw wrong(`of the chain ${toHex(state.genesisId)}, wanted ${toHex(owner.genesisId)}`);
  }
  if (!equal(state.self, owner.self)) {
    throw wrong(`of the key ${publicKeyToText(state.self)}, wanted ${publicKeyToText(owner.self)}`);
  }
}
