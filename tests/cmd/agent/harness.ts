/**
 * A VNF for tests: a state directory, a configuration file, a tenant, a chain and nodes over real HTTP, and the real
 * agent, run for one round at a time.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Cid } from "../../../core/brands.ts";
import { VnfchainError } from "../../../core/errors.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { readOrMakeKey } from "../../../cmd/agent/key.ts";
import { runAgent } from "../../../cmd/agent/run.ts";
import type { AgentState } from "../../../cmd/agent/state.ts";
import { readState } from "../../../cmd/agent/state_store.ts";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { TestChain } from "../../support/test_chain.ts";
import { configuration, request, type TestConfiguration } from "../../support/test_transactions.ts";
import { type TestNode, testNode, type TestNodeOptions } from "../../support/test_node.ts";
import type { Transaction } from "../../../core/transaction.ts";

/** What the test's VNF has beyond the least. */
export interface TestVnfOptions {
  readonly chain?: TestChain;
  /** Nodes; one honest one when left out. */
  readonly nodes?: number;
  readonly tenants?: readonly PrivateKey[];
  /** What answers instead of a node, by the node's index. */
  readonly instead?: (index: number) => TestNodeOptions["instead"];
  /** TOML: keys of the whole file, before the tables. */
  readonly keys?: string;
  /** TOML: `[[driver]]` tables. */
  readonly drivers?: (directory: string) => string;
}

/** The VNF and what surrounds it. */
export interface TestVnf extends AsyncDisposable {
  readonly directory: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly chain: TestChain;
  readonly nodes: readonly TestNode[];
  readonly node: TestNode;
  readonly tenant: PrivateKey;
  readonly key: PrivateKey;
  /** Runs one round; gives the exit code, or the code of the error that ended it. */
  readonly once: () => Promise<number | string>;
  /** A configuration from the tenant to the VNF, not yet on the chain. */
  readonly configuration: (options: Partial<TestConfiguration>) => Promise<Transaction>;
  /** The same, committed in a block of its own. */
  readonly publish: (options: Partial<TestConfiguration>) => Promise<Transaction>;
  /** A committed request from the tenant. */
  readonly request: (options?: { description?: string; cid?: Cid }) => Transaction;
  /** Names and texts of the generation in force. */
  readonly files: () => Promise<Readonly<Record<string, string>>>;
  readonly state: () => Promise<AgentState>;
  /** Writes the configuration file anew. */
  readonly configure: (options: Pick<TestVnfOptions, "keys" | "drivers">) => Promise<void>;
}

/** Makes one, with one empty block on its chain. */
export async function testVnf(options: TestVnfOptions = {}): Promise<TestVnf> {
  const temporary = await temporaryDirectory();
  const directory = temporary.path;
  const stateDir = `${directory}/state`;
  const configPath = `${directory}/agent.toml`;
  const chain = options.chain ?? new TestChain();
  if (chain.height === 0) chain.commit();
  const nodes = Array.from({ length: options.nodes ?? 1 }, (_, i) => {
    const instead = options.instead?.(i);
    return testNode(chain, instead === undefined ? {} : { instead });
  });
  const tenants = options.tenants ?? [generatePrivateKey()];
  const tenant = tenants[0] as PrivateKey;
  const key = await readOrMakeKey(stateDir);
  await Deno.writeTextFile(`${directory}/federation.json`, federationToJson(chain.federation));
  const configure = async ({ keys = "", drivers }: Pick<TestVnfOptions, "keys" | "drivers">) => {
    await Deno.writeTextFile(
      configPath,
      [
        `nodes = ${JSON.stringify(nodes.map(({ url }) => url))}`,
        `federation = "${directory}/federation.json"`,
        `state_dir = "${stateDir}"`,
        keys,
        ...tenants.map(({ publicKey }) => `[[tenant]]\nkey = "${publicKeyToText(publicKey)}"`),
        drivers?.(directory) ?? "",
      ].join("\n"),
    );
  };
  await configure(options);
  const make = (wanted: Partial<TestConfiguration>) =>
    configuration(chain.federation, { from: tenant, to: key.publicKey, content: "", ...wanted });
  return {
    directory,
    stateDir,
    configPath,
    chain,
    nodes,
    node: nodes[0] as TestNode,
    tenant,
    key,
    configure,
    once: () => once(configPath),
    configuration: make,
    publish: async (wanted) => {
      const transaction = await make(wanted);
      chain.commit([transaction]);
      return transaction;
    },
    request: (wanted = {}) => {
      const transaction = request(chain.federation, { from: tenant, to: key.publicKey, ...wanted });
      chain.commit([transaction]);
      return transaction;
    },
    files: () => filesIn(`${stateDir}/current`),
    state: async () => {
      const state = await readState(stateDir);
      assert.ok(state !== null, "the agent has no state yet");
      return state;
    },
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

async function once(configPath: string): Promise<number | string> {
  try {
    return await runAgent(configPath, { once: true, announce: () => {} });
  } catch (error) {
    if (error instanceof VnfchainError) return error.code;
    throw error;
  }
}

async function filesIn(directory: string): Promise<Readonly<Record<string, string>>> {
  let entries: readonly Deno.DirEntry[] = [];
  try {
    entries = await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const names = entries.map(({ name }) => name).filter((name) => /^\d{3}-/.test(name)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await Deno.readTextFile(`${directory}/${name}`)])),
  );
}

/** A `[[driver]]` that writes the numbers of what it applied, one a line, to `DIRECTORY/applied`. */
export function recordingDriver(directory: string): string {
  const script = 'basename "$1" >> "$2"';
  const apply = JSON.stringify(["/bin/sh", "-c", script, "sh", "{generation}", `${directory}/applied`]);
  return `[[driver]]\npreset = "exec"\napply = ${apply}\n`;
}

/** What a {@link recordingDriver} applied, in order. */
export async function appliedIn(directory: string): Promise<readonly number[]> {
  try {
    return (await Deno.readTextFile(`${directory}/applied`)).trim().split("\n").map(Number);
  } catch {
    return [];
  }
}
