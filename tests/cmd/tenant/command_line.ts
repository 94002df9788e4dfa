/**
 * The real command line, as a process of its own in an empty home directory.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { createKeyFile } from "../../../cmd/common/key_file.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { type Finished, type Running, type RunOptions, startProgram } from "../../support/program.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary_directory.ts";
import { startChain, type TestChain } from "./chain.ts";
import { startNode, type TestNode } from "./node.ts";

/** Where the runtime keeps packages: without it, each process in its own home would load them anew. */
const DENO_DIR = denoDirectory();

function denoDirectory(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return (JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string }).denoDir;
}

/** Starts `vnfchain tenant …` with a home directory of its own. */
export function startTenant(
  args: readonly string[],
  { home, ...options }: Omit<RunOptions, "env"> & { home: string },
): Running {
  return startProgram(["tenant", ...args], { ...options, env: { HOME: home, DENO_DIR, NO_COLOR: "1" } });
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
  readonly run: (...args: readonly string[]) => Promise<Finished>;
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
  const run = (...args: readonly string[]) => startTenant(args, { home: directory.path }).finished;
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
export function failed({ code, stdout, stderr }: Finished, wanted: { code: number; error: RegExp }): void {
  equal(code, wanted.code, stderr);
  equal(wanted.error.test(stderr), true, `${stderr}\ndoes not match ${wanted.error}`);
  equal(stdout, "");
}
