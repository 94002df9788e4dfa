/**
 * Where the demonstration takes place: a firewall between real network namespaces where they can be made, otherwise a
 * file on this host.
 *
 * @module
 */
import type { NetworkOptions } from "../support/network.ts";
import { type Hosts, makeHosts } from "./hosts.ts";
import { mustRun, run } from "./shell.ts";

/** A rule set's version: what it says, and which of the server's ports a client reaches under it. */
export interface Version {
  readonly text: string;
  readonly open: readonly number[];
  readonly closed: readonly number[];
}

/** A place with a VNF in it. */
export interface Scene extends AsyncDisposable {
  readonly description: string;
  /** Words that run a command where nodes and tenant are. */
  readonly cloud: readonly string[];
  /** Words that run a command in the VNF. */
  readonly vnf: readonly string[];
  /** Where the nodes are, for the test network. */
  readonly place: NetworkOptions["place"];
  /** The agent's `[[driver]]` table. */
  readonly driver: string;
  /** Versions one after the other; the first is what the VNF does before it has any. */
  readonly versions: readonly [Version, Version, Version];
  /** What the VNF does now, and whether that is the version's. */
  readonly observe: (version: Version) => Promise<{ readonly holds: boolean; readonly evidence: string }>;
  /** What listens in the VNF; empty is what it should be. */
  readonly listening: (pid: number) => Promise<string>;
}

const PORTS = [23, 80, 443];

const rules = (dropped: string) =>
  `table ip firewall {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip saddr 10.77.2.0/24 tcp dport { ${dropped} } counter drop
  }
}
`;

/** A firewall between namespaces, with real packets. */
export async function firewallScene(): Promise<Scene> {
  const hosts = await makeHosts(PORTS);
  return {
    description: "four network namespaces: client - vnf (nftables) - server, and the operators' cloud",
    cloud: hosts.on("cloud"),
    vnf: hosts.on("vnf"),
    place: { host: hosts.cloudAddress, prefix: hosts.on("cloud") },
    driver: `preset = "nftables"`,
    versions: [
      { text: "", open: PORTS, closed: [] },
      { text: rules("23"), open: [80, 443], closed: [23] },
      { text: rules("23, 80"), open: [443], closed: [23, 80] },
    ],
    observe: (version) => observePackets(hosts, version),
    listening: async () => (await mustRun([...hosts.on("vnf"), "ss", "-Hlntup"])).trim(),
    [Symbol.asyncDispose]: () => hosts[Symbol.asyncDispose](),
  };
}

async function observePackets(hosts: Hosts, { open, closed }: Version) {
  const reached = await Promise.all(PORTS.map((port) => hosts.passes(port)));
  const evidence = PORTS.map((port, i) => `tcp ${port} ${reached[i] === true ? "passes" : "blocked"}`).join(
    ", ",
  );
  const holds = PORTS.every((port, i) => (reached[i] ? open : closed).includes(port));
  return { holds, evidence };
}

/** A file that a program installs, where no namespaces can be made. */
export function fileScene({ directory, reason }: { directory: string; reason: string }): Scene {
  const installed = `${directory}/installed`;
  return {
    description: `a file on this host (${reason})`,
    cloud: [],
    vnf: [],
    place: undefined,
    driver: `preset = "exec"
check = ["/usr/bin/test", "-d", "{generation}"]
apply = ["/bin/cp", "-RT", "{generation}", "${installed}"]
export = ["/bin/cat", "${installed}/000-rules.nft"]`,
    versions: [
      { text: "", open: [], closed: [] },
      { text: rules("23"), open: [], closed: [] },
      { text: rules("23, 80"), open: [], closed: [] },
    ],
    observe: async ({ text }) => {
      const now = await Deno.readTextFile(`${installed}/000-rules.nft`).catch(() => "");
      return { holds: now === text, evidence: now === "" ? "no file" : `the file has ${now.length} bytes` };
    },
    listening: async (pid) => {
      const { text } = await run(["ss", "-Hlntup"]);
      return text.split("\n").filter((line) => line.includes(`pid=${pid},`)).join("\n");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
