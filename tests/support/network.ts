/**
 * A network of real nodes on this machine, each a process of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runJson, type Running, startProgram } from "./program.ts";

/** What a network is made of. */
export interface NetworkOptions {
  readonly nodes: number;
  /** An empty directory. */
  readonly directory: string;
  /** Federation parameters that differ from the defaults. */
  readonly parameters?: Readonly<Record<string, number>>;
  /** Where the nodes run, when not on this host's loopback: a network namespace, with its address in it. */
  readonly place?: { readonly host: string; readonly prefix: readonly string[] };
  /** A node's flags beside its directory; members listen on the base port and the next ones. */
  readonly flags?: (index: number, basePort: number) => readonly string[];
  /** Starts a node's process where it is not just the program with these arguments. */
  readonly launch?: (index: number, args: readonly string[]) => Running;
  /** Whether the nodes are left to the test to start. */
  readonly isStopped?: boolean;
}

/** A network; disposing kills all nodes. */
export interface Network extends AsyncDisposable {
  readonly directory: string;
  readonly federation: string;
  /** Client addresses, by index from 0. */
  readonly urls: readonly string[];
  /** Starts a node, and waits until it is ready. */
  readonly start: (index: number) => Promise<void>;
  /** Ends a node at once. */
  readonly kill: (index: number, signal?: Deno.Signal) => Promise<void>;
  /** Sends a signal to a node that goes on afterwards, as SIGSTOP. */
  readonly signal: (index: number, signal: Deno.Signal) => void;
  readonly isRunning: (index: number) => boolean;
  /** Resolves once a node has ended by itself. */
  readonly ended: (index: number) => Promise<void>;
  /** Where a node keeps its key, chain and journal. */
  readonly directoryOf: (index: number) => string;
  readonly output: (index: number) => string;
  readonly status: (index: number) => Promise<StatusAnswer>;
  /** Resolves once the node's chain has the height. */
  readonly reached: (index: number, height: number, timeoutMs?: number) => Promise<void>;
}

/** What `GET /v1/status` answers, as far as tests look. */
export interface StatusAnswer {
  readonly height: number;
  readonly synced: boolean;
  readonly standing: string;
  readonly poolTransactions: number;
  readonly round: number;
  readonly peers: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly height: number;
  }[];
}

/** Makes a test network and starts all its nodes. */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const { nodes, directory, place = { host: "127.0.0.1", prefix: [] } } = options;
  const { host, prefix } = place;
  const basePort = prefix.length === 0 ? freePorts(nodes) : 7000;
  const sets = Object.entries(options.parameters ?? {}).flatMap((
    [name, value],
  ) => ["--set", `${name}=${value}`]);
  const federationDirectory = `${directory}/net`;
  await runJson([
    "node",
    "testnet",
    "--nodes",
    `${nodes}`,
    "--dir",
    federationDirectory,
    "--host",
    host,
    "--base-port",
    `${basePort}`,
    ...sets,
  ]);
  const urls = Array.from({ length: nodes }, (_, i) => `http://${host}:${basePort + 1000 + i}`);
  const running: (Running | undefined)[] = urls.map(() => undefined);
  const outputs: string[] = urls.map(() => "");

  async function start(index: number): Promise<void> {
    assert(running[index] === undefined, `node ${index + 1} runs already`);
    const args = ["node", "--dir", directoryOf(index), ...options.flags?.(index, basePort) ?? []];
    const node = options.launch?.(index, args) ?? startProgram(args, { prefix });
    running[index] = node;
    await node.saw("ready");
  }

  async function kill(index: number, signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const node = running[index];
    if (node === undefined) return;
    node.kill(signal);
    await ended(index);
  }

  async function ended(index: number): Promise<void> {
    const node = running[index];
    await node?.ended;
    if (node === undefined || running[index] !== node) return;
    running[index] = undefined;
    await node[Symbol.asyncDispose]();
    outputs[index] += node.output();
  }

  async function status(index: number): Promise<StatusAnswer> {
    const url = urls[index] as string;
    // From outside of the namespace the node cannot be reached: the program asks from inside.
    if (prefix.length > 0) return await runJson(["node", "status", "--node", url], { prefix });
    const response = await fetch(`${url}/v1/status`);
    return await response.json() as StatusAnswer;
  }

  async function reached(index: number, height: number, timeoutMs = 60_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const now = await status(index).catch(() => undefined);
      if (now !== undefined && now.height >= height) return;
      assert(
        performance.now() < endMs,
        `node ${index + 1} did not reach height ${height}: ${JSON.stringify(now)}\n${
          running[index]?.output()
        }`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  function directoryOf(index: number): string {
    return `${federationDirectory}/node-${index + 1}`;
  }

  const network: Network = {
    directory: federationDirectory,
    federation: `${federationDirectory}/federation.json`,
    urls,
    start,
    kill,
    signal: (index, signal) => running[index]?.kill(signal),
    ended,
    directoryOf,
    isRunning: (index) => running[index] !== undefined,
    output: (index) => outputs[index] + (running[index]?.output() ?? ""),
    status,
    reached,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(urls.map((_, index) => kill(index)));
    },
  };
  try {
    if (!options.isStopped) await Promise.all(urls.map((_, index) => start(index)));
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

/** A base port such that `count` ports from it, and from 1000 above it, are free now. */
function freePorts(count: number): number {
  for (let i = 0; i < 50; i++) {
    const base = 20_000 + Math.floor(Math.random() * 20_000);
    const ports = Array.from({ length: count }, (_, k) => [base + k, base + 1000 + k]).flat();
    if (ports.every(isFree)) return base;
  }
  throw new Error("no free ports");
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
