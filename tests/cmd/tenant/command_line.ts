/**
 * The real command line, as a process of its own in an empty home directory.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { createKeyFile } from "../../../cmd/common/key_file.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary_directory.ts";
import { startChain, type TestChain } from "./chain.ts";
import { startNode, type TestNode } from "./node.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

/** Where the runtime keeps packages: without it, each process in its own home would load them anew. */
const DENO_DIR = denoDirectory();

function denoDirectory(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return (JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string }).denoDir;
}

/** What came of a process. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The bytes behind `stdout`. */
  readonly output: Uint8Array;
}

/** Starts `vnfchain tenant …`. */
export function spawnTenant(
  args: readonly string[],
  { home, stdin = "null" }: { home: string; stdin?: "null" | "piped" },
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, "tenant", ...args],
    env: { HOME: home, DENO_DIR, NO_COLOR: "1" },
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for a process. */
export async function ended(process: Deno.ChildProcess): Promise<Run> {
  const { code, stdout, stderr } = await process.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr), output: stdout };
}

/** A tenant with a key, a VNF's key, a chain and one honest node. */
export interface Scene extends AsyncDisposable {
  readonly directory: TemporaryDirectory;
  readonly chain: TestChain;
  readonly node: TestNode;
  readonly tenant: PrivateKey;
  readonly vnf: PrivateKey;
  /** The VNF's `vc1…`. */
  readonly to: string;
  /** Flags that name key, federation and, unless others are given, the honest node. */
  readonly access: (...nodes: readonly string[]) => readonly string[];
  /** Writes a file and gives its path. */
  readonly file: (name: string, content: string | Uint8Array) => Promise<string>;
  /** Runs `vnfchain tenant …`. */
  readonly run: (...args: readonly string[]) => Promise<Run>;
  /** Runs it with `--json`, checks that it ends well and prints one document and nothing else. */
  readonly json: (...args: readonly string[]) => Promise<Record<string, unknown>>;
}

/** Sets the scene. */
export async function scene(options: Parameters<typeof startChain>[0] = {}): Promise<Scene> {
  const directory = await temporaryDirectory();
  const chain = await startChain(options);
  const node = await startNode(chain);
  const [tenant, vnf] = [generatePrivateKey(), generatePrivateKey()];
  await createKeyFile(directory.file("tenant.pem"), tenant);
  await Deno.writeTextFile(directory.file("federation.json"), federationToJson(chain.federation));
  const run = (...args: readonly string[]) => ended(spawnTenant(args, { home: directory.path }));
  return {
    directory,
    chain,
    node,
    tenant,
    vnf,
    to: publicKeyToText(vnf.publicKey),
    access: (...nodes) => [
      "--key",
      directory.file("tenant.pem"),
      "--federation",
      directory.file("federation.json"),
      "--nodes",
      (nodes.length === 0 ? [node.url] : nodes).join(","),
    ],
    file: async (name, content) => {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(directory.file(name), bytes);
      return directory.file(name);
    },
    run,
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args, "--json");
      deepEqual([code, stderr], [0, ""]);
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: async () => {
      await node[Symbol.asyncDispose]();
      await chain[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Checks that a process failed as it should: exit code, a text in its error, and nothing on standard output. */
export function failed({ code, stdout, stderr }: Run, wanted: { code: number; error: RegExp }): void {
  equal(code, wanted.code, stderr);
  equal(wanted.error.test(stderr), true, `${stderr}\ndoes not match ${wanted.error}`);
  equal(stdout, "");
}
