/**
 * A network namespace with a loopback of its own, in which packets can be dropped: what goes wrong there nobody else
 * on the machine notices. Linux and root only.
 *
 * @module
 */
import assert from "node:assert/strict";

/** The namespace; disposing removes it. */
export interface Namespace extends Disposable {
  /** Words that run a command in it. */
  readonly prefix: readonly string[];
  /** From now on drops every packet of the TCP connections that stand, and of no others; gives how many those are. */
  readonly strandConnections: () => number;
}

/** Whether a namespace can be made here. */
export function hasNamespaces(): boolean {
  try {
    using namespace = makeNamespace("try");
    return run([...namespace.prefix, "nft", "list", "ruleset"]).success &&
      run([...namespace.prefix, "ss", "-V"]).success;
  } catch {
    return false;
  }
}

/** Makes one; the name tells it from others of this process. */
export function makeNamespace(name: string): Namespace {
  const full = `vnfchain-${Deno.pid}-${name}`;
  const prefix = ["ip", "netns", "exec", full];
  mustRun(["ip", "netns", "add", full]);
  const remove = () => void run(["ip", "netns", "del", full]);
  try {
    mustRun(["ip", "-n", full, "link", "set", "lo", "up"]);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    prefix,
    strandConnections: () => {
      const nft = (...words: readonly string[]) => mustRun([...prefix, "nft", ...words]);
      nft("add", "table", "inet", "test");
      nft("add", "chain", "inet", "test", "out", "{ type filter hook output priority 0; }");
      const ends = mustRun([...prefix, "ss", "-Htn", "state", "established"]).trim().split("\n");
      // Both ends are in here, so each connection stands in the list twice, once for each direction.
      for (const line of ends) {
        const [from, to] = line.trim().split(/\s+/).slice(-2).map((address) =>
          address.split(":").at(-1) ?? ""
        );
        nft("add", "rule", "inet", "test", "out", `tcp sport ${from} tcp dport ${to} drop`);
      }
      return ends.length / 2;
    },
    [Symbol.dispose]: remove,
  };
}

function mustRun(argv: readonly string[]): string {
  const { success, stdout, stderr } = run(argv);
  assert(success, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

function run([program, ...args]: readonly string[]): { success: boolean; stdout: string; stderr: string } {
  const { success, stdout, stderr } = new Deno.Command(program as string, { args }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}
