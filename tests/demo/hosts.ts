/**
 * Hosts for the demonstration: network namespaces, joined by veth pairs. A firewall VNF stands between a client and a
 * server; the operators' nodes and the tenant are on a network of their own, which the VNF reaches.
 *
 * ```
 * client 10.77.2.2 ── 10.77.2.1 ┐
 *                               vnf ── 10.77.1.2 ── 10.77.1.1 cloud (nodes, tenant)
 * server 10.77.3.2 ── 10.77.3.1 ┘
 * ```
 *
 * @module
 */
import { has, mustRun, run } from "./shell.ts";

/** A host's name in the demonstration. */
export type Host = "cloud" | "vnf" | "client" | "server";

/** The hosts; disposing removes them and whatever runs in them. */
export interface Hosts extends AsyncDisposable {
  /** Words that run a command on a host. */
  readonly on: (host: Host) => readonly string[];
  readonly cloudAddress: string;
  /** Whether a TCP connection from client to server comes through the VNF. */
  readonly passes: (port: number) => Promise<boolean>;
}

const LINKS: readonly { readonly host: Exclude<Host, "vnf">; readonly net: string }[] = [
  { host: "cloud", net: "10.77.1" },
  { host: "client", net: "10.77.2" },
  { host: "server", net: "10.77.3" },
];

/** Why there can be no hosts here; `undefined` when there can. */
export async function whyNoHosts(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "network namespaces are Linux's";
  if (Deno.uid() !== 0) return "network namespaces need root";
  for (const program of ["ip", "nft", "ss"]) if (!await has(program)) return `${program} is not installed`;
  const name = `vnfchain-try-${Deno.pid}`;
  const { code } = await run(["ip", "netns", "add", name]);
  if (code !== 0) return "network namespaces cannot be made here";
  await run(["ip", "netns", "del", name]);
  return undefined;
}

/** Makes the hosts. */
export async function makeHosts(ports: readonly number[]): Promise<Hosts> {
  const nameOf = (host: Host) => `vnfchain-${Deno.pid}-${host}`;
  const on = (host: Host) => ["ip", "netns", "exec", nameOf(host)];
  const all: readonly Host[] = ["cloud", "vnf", "client", "server"];
  let server: Deno.ChildProcess | undefined;

  async function remove(): Promise<void> {
    if (server !== undefined) {
      server.kill("SIGKILL");
      await server.status;
    }
    for (const host of all) await run(["ip", "netns", "del", nameOf(host)]);
  }

  try {
    for (const host of all) {
      await mustRun(["ip", "netns", "add", nameOf(host)]);
      await mustRun(["ip", "-n", nameOf(host), "link", "set", "lo", "up"]);
    }
    for (const { host, net } of LINKS) await join({ host: nameOf(host), vnf: nameOf("vnf"), to: host, net });
    await mustRun([...on("vnf"), "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    server = startServer(on("server"), ports);
    const passes = (port: number) => connects(on("client"), port);
    for (let i = 0; i < 50 && !await passes(ports[0] as number); i++) {
      await new Promise((done) => setTimeout(done, 100));
    }
    return { on, cloudAddress: "10.77.1.1", passes, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A veth pair between a host and the VNF, with a default route through the VNF. */
async function join(
  { host, vnf, to, net }: { host: string; vnf: string; to: Host; net: string },
): Promise<void> {
  const own = to === "cloud" ? `${net}.1` : `${net}.2`;
  const router = to === "cloud" ? `${net}.2` : `${net}.1`;
  await mustRun(["ip", "-n", vnf, "link", "add", to, "type", "veth", "peer", "name", "eth0", "netns", host]);
  await mustRun(["ip", "-n", host, "address", "add", `${own}/24`, "dev", "eth0"]);
  await mustRun(["ip", "-n", vnf, "address", "add", `${router}/24`, "dev", to]);
  await mustRun(["ip", "-n", host, "link", "set", "eth0", "up"]);
  await mustRun(["ip", "-n", vnf, "link", "set", to, "up"]);
  if (to !== "cloud") await mustRun(["ip", "-n", host, "route", "add", "default", "via", router]);
}

/** A TCP server that takes connections on some ports and closes them. */
function startServer(prefix: readonly string[], ports: readonly number[]): Deno.ChildProcess {
  const code = `for (const port of ${JSON.stringify(ports)}) {
    (async () => { for await (const c of Deno.listen({ port })) c.close(); })();
  }`;
  const argv = [...prefix, Deno.execPath(), "eval", code];
  return new Deno.Command(argv[0] as string, {
    args: argv.slice(1),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .spawn();
}

/** A connection that is dropped on the way is given up after a second. */
async function connects(prefix: readonly string[], port: number): Promise<boolean> {
  const { code } = await run([...prefix, "timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/10.77.3.2/${port}`]);
  return code === 0;
}
