/**
 * `vnfchain node`: flags, help and examples.
 *
 * @module
 */
import { isIP } from "node:net";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { DEFAULT_PARAMETERS, type Parameters, quorumOf } from "../../core/federation.ts";
import { toHex } from "../../core/bytes.ts";
import { LOG_LEVELS } from "../common/log.ts";
import { print, printJson } from "../common/output.ts";
import type { AnyCommand } from "../common/program.ts";
import { exportChain } from "./export.ts";
import { runNode } from "./run.ts";
import { describeStatus, readNodeStatus } from "./status.ts";
import { makeTestnet } from "./testnet.ts";

/** The subcommand with its own subcommands. */
export function nodeCommand(): AnyCommand {
  return new Command("node")
    .description("Runs a member of the federation's chain")
    .enablePositionalOptions()
    .option("--dir <directory>", "the node's directory: key.pem, federation.json, node.toml, the chain")
    .option("--peers <peers>", "a federation document (FILE.json), or addresses: name=host:port,…")
    .option("--listen <host:port>", "where the other members reach this node; IPv6 as [::1]:7000")
    .option("--http <host:port>", "where clients reach this node")
    .option("--store <path|url>", "the chain's Deno KV: a file, or the URL of a KV Connect server")
    .addOption(logLevel())
    .option("--log-json", "log as JSON lines")
    .addHelpText("after", EXAMPLES)
    .action(async (flags, command) => {
      if (flags.dir === undefined) command.error("error: required option '--dir <directory>' not specified");
      await runNode({ ...flags, dir: flags.dir ?? "" });
    })
    .addCommand(testnetCommand())
    .addCommand(exportCommand())
    .addCommand(statusCommand());
}

const EXAMPLES = `
Examples:
  $ vnfchain node testnet --nodes 4 --dir net
  $ vnfchain node --dir net/node-1
  $ vnfchain node --dir net/node-1 --listen [::1]:7000 --http 127.0.0.1:8000
  $ vnfchain node export --dir net/node-1 --out chain.archive
`;

/** `--log-level`. */
function logLevel() {
  return new Option("--log-level <level>", "what to log").choices(LOG_LEVELS).default("info" as const);
}

function testnetCommand() {
  return new Command("testnet")
    .description("Makes a whole federation on this machine, for trying out: keys, certificates, directories")
    .requiredOption("--nodes <number>", "how many members", count)
    .requiredOption("--dir <directory>", "a new directory")
    .option(
      "--base-port <port>",
      "members talk on this port and the next ones, HTTP is 1000 higher",
      count,
      7000,
    )
    .option("--host <address>", "IP address that all listen on", host, "127.0.0.1")
    .option("--set <parameter=value>", "a federation parameter; may be repeated", parameter, {})
    .option("--json", "print one JSON document")
    .addHelpText("after", testnetHelp())
    .action(async ({ nodes, dir, basePort, host, set, json }) => {
      const options = { nodes, directory: dir, basePort, host, parameters: set };
      const federation = await makeTestnet(options, Date.now());
      const { members } = federation.document;
      if (json === true) {
        return printJson({
          genesisId: toHex(federation.genesisId),
          quorum: federation.quorum,
          nodes: members.map(({ name, peerAddress, apiUrl }) => ({
            name,
            directory: `${dir}/${name}`,
            peerAddress,
            apiUrl,
          })),
        });
      }
      print(
        `${dir}/federation.json: ${nodes} members, ${quorumOf(nodes)} decide, genesis ${
          toHex(federation.genesisId)
        }`,
      );
      for (const { name, apiUrl } of members) print(`vnfchain node --dir ${dir}/${name}    # ${apiUrl}`);
    });
}

function testnetHelp(): string {
  const parameters = Object.entries(DEFAULT_PARAMETERS).map(([name, value]) => `  ${name}=${value}`).join(
    "\n",
  );
  return `
Federation parameters for --set, with their values unless set:
${parameters}

Example:
  $ vnfchain node testnet --nodes 4 --dir net --set heartbeatMs=5000
`;
}

function exportCommand() {
  return new Command("export")
    .description("Writes the chain of a stopped node to an archive for \`vnfchain audit\`")
    .requiredOption("--dir <directory>", "the node's directory")
    .requiredOption("--out <file>", "the archive")
    .option("--store <path|url>", "the chain's Deno KV where it is not in the directory")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  $ vnfchain node export --dir net/node-1 --out chain.archive\n")
    .action(async (flags) => {
      const summary = await exportChain(flags);
      if (flags.json === true) return printJson(summary);
      print(
        `${flags.out}: ${summary.blocks} blocks, ${summary.transactions} transactions, ${summary.bytes} bytes`,
      );
    });
}

function statusCommand() {
  return new Command("status")
    .description("Asks a running node how it stands")
    .requiredOption("--node <url>", "the node's client address")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  $ vnfchain node status --node http://127.0.0.1:8000\n")
    .action(async ({ node, json }) => {
      const status = await readNodeStatus(node);
      return json === true ? printJson(status) : print(describeStatus(status));
    });
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535) {
    throw new InvalidArgumentError("wanted a number from 1 to 65535");
  }
  return value;
}

function host(text: string): string {
  if (!isIP(text)) throw new InvalidArgumentError("wanted an IP address");
  return text;
}

function parameter(text: string, before: Partial<Parameters>): Partial<Parameters> {
  const [name = "", value = ""] = text.split("=", 2);
  if (!Object.hasOwn(DEFAULT_PARAMETERS, name)) {
    throw new InvalidArgumentError(`parameters are ${Object.keys(DEFAULT_PARAMETERS).join(", ")}`);
  }
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("wanted parameter=whole number");
  return { ...before, [name]: Number(value) };
}
