/**
 * `vnfchain node`: flags, help and examples.
 *
 * @module
 */
import { isIP } from "node:net";
import { Command, type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import { DEFAULT_PARAMETERS, type Parameters, quorumOf } from "../../core/federation.ts";
import { toHex } from "../../core/bytes.ts";
import { examples, JSON_OPTION, LOG_JSON_OPTION, logLevelOption } from "../common/options.ts";
import { print, printJson } from "../common/output.ts";
import { describeList, listEvidence } from "./evidence.ts";
import { exportChain } from "./export.ts";
import { runNode } from "./run.ts";
import { describeStatus, readNodeStatus } from "./status.ts";
import { makeTestnet } from "./testnet.ts";

/** The subcommand with its own subcommands. */
export function nodeCommand(): CommandUnknownOpts {
  return new Command("node")
    .description("Run a node of the federation's chain: a member, or an observer that follows it.")
    // Not required by the parser, which would then ask for it before a subcommand too.
    .option("--dir <directory>", "the node's directory: key.pem, federation.json, node.toml, the chain")
    .option("--peers <peers>", "a federation document (FILE.json), or addresses: name=host:port,…")
    .option("--listen <host:port>", "where the other members reach this node; IPv6 as [::1]:7000")
    .option("--http <host:port>", "where clients reach this node")
    .option("--store <path|url>", "the chain's Deno KV: a file, or the URL of a KV Connect server")
    .option(
      "--observe <urls>",
      "nodes to follow the chain from while this node is no member or cut off: URL,URL,…",
    )
    .addOption(logLevelOption())
    .option(...LOG_JSON_OPTION)
    .addHelpText(
      "after",
      examples(
        "node testnet --nodes 4 --dir net",
        "node --dir net/node-1",
        "node --dir net/node-1 --listen [::1]:7000 --http 127.0.0.1:8000",
        "node --dir observer --http 127.0.0.1:9000 --observe http://127.0.0.1:8000,http://127.0.0.1:8001",
        "node export --dir net/node-1 --out chain.archive",
      ),
    )
    .action(async (flags, command) => {
      const { dir } = flags;
      if (dir === undefined) return command.error("error: required option '--dir <directory>' not specified");
      await runNode({ ...flags, dir });
    })
    .addCommand(testnetCommand())
    .addCommand(exportCommand())
    .addCommand(statusCommand())
    .addCommand(evidenceCommand());
}

function testnetCommand() {
  return new Command("testnet")
    .description("Make a whole federation on this machine, for trying out: keys, certificates, directories.")
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
    .option(...JSON_OPTION)
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
${examples("node testnet --nodes 4 --dir net --set heartbeatMs=5000")}`;
}

function exportCommand() {
  return new Command("export")
    .description("Write a stopped node's chain, and its evidence, to an archive for `vnfchain audit`.")
    .requiredOption("--dir <directory>", "the node's directory")
    .requiredOption("--out <file>", "the archive")
    .option("--store <path|url>", "the chain's Deno KV where it is not in the directory")
    .option(...JSON_OPTION)
    .addHelpText("after", examples("node export --dir net/node-1 --out chain.archive"))
    .action(async (flags) => {
      const summary = await exportChain(flags);
      if (flags.json === true) return printJson(summary);
      print(
        `${flags.out}: ${summary.blocks} blocks, ${summary.transactions} transactions, ` +
          `${summary.evidence} proofs against members, ${summary.bytes} bytes`,
      );
    });
}

function statusCommand() {
  return new Command("status")
    .description("Ask a running node how it stands.")
    .requiredOption("--node <url>", "the node's client address")
    .option(...JSON_OPTION)
    .addHelpText("after", examples("node status --node http://127.0.0.1:8000"))
    .action(async ({ node, json }) => {
      const status = await readNodeStatus(node);
      return json === true ? printJson(status) : print(describeStatus(status));
    });
}

function evidenceCommand() {
  return new Command("evidence")
    .description("List the proofs that a node has kept against members that contradicted themselves.")
    .requiredOption("--dir <directory>", "the node's directory; the node may run")
    .option(...JSON_OPTION)
    .addHelpText("after", examples("node evidence --dir net/node-1"))
    .action(async ({ dir, json }) => {
      const evidence = await listEvidence(dir);
      return json === true ? printJson({ evidence }) : print(describeList(evidence));
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
