/**
 * `vnfchain agent`: the agent inside the VNF. See run.ts for what it does.
 *
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT, type ExitCode } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { openLog } from "../common/log.ts";
import { examples, JSON_OPTION, LOG_JSON_OPTION, logLevelOption } from "../common/options.ts";
import { print, printJson } from "../common/output.ts";
import { Ended } from "../common/program.ts";
import { readAgentConfig } from "./config.ts";
import { fingerprint, readOrMakeKey } from "./key.ts";
import { applyBundle, runAgent } from "./run.ts";
import { printStatus } from "./status.ts";

const CONFIG_OPTION = ["--config <file>", "the agent's configuration, TOML"] as const;

const HELP = `${
  examples(
    "agent --config /etc/vnfchain/agent.toml            # poll and apply until stopped",
    "agent --config /etc/vnfchain/agent.toml --once     # one round",
    "agent status --config /etc/vnfchain/agent.toml     # what is in force; exit code 4 when stale",
    "agent key --config /etc/vnfchain/agent.toml        # the VNF's public key",
  )
}

Signals: SIGHUP polls at once; SIGINT and SIGTERM end it between two steps.
Exit codes with --once: 0 nothing to do or confirmed, 1 refused or rolled back, 2 wrong configuration,
3 no node answered, 4 stale.`;

/** The command, to be mounted. Its actions throw; the caller prints the error and exits by its code. */
export function agentCommand(): CommandUnknownOpts {
  return new Command("agent")
    .description("Verify and apply a VNF's configurations; opens no port.")
    // Not required by the parser, which would then ask for it before a subcommand too.
    .option(...CONFIG_OPTION)
    .option("--once", "poll and apply once, then exit")
    .addOption(logLevelOption())
    .option(...LOG_JSON_OPTION)
    .addHelpText("after", HELP)
    .addCommand(statusCommand())
    .addCommand(applyCommand())
    .addCommand(keyCommand())
    .action(async ({ config, once, logJson, logLevel }, command) => {
      if (config === undefined) {
        return command.error("error: required option '--config <file>' not specified");
      }
      openLog({ json: logJson, level: logLevel });
      endWith(await runAgent(config, { once: once === true, announce: print }));
    });
}

function endWith(code: ExitCode): void {
  // Whatever there is to say was said.
  if (code !== EXIT.done) throw new Ended(code);
}

function applyCommand() {
  return new Command("apply")
    .description("Apply what a bundle brings, without any node; the running agent must be stopped before.")
    .requiredOption(...CONFIG_OPTION)
    .requiredOption("--bundle <file>", "the file that `vnfchain tenant bundle` wrote")
    .addOption(logLevelOption())
    .option(...LOG_JSON_OPTION)
    .addHelpText(
      "after",
      examples("agent apply --config /etc/vnfchain/agent.toml --bundle vnf.bundle") +
        "\n\nExit codes: 0 nothing to do or confirmed, 1 refused or rolled back, 2 wrong usage, 4 too old\n" +
        "(bundle_max_age in the configuration, 7d).",
    )
    .action(async ({ config, bundle, logJson, logLevel }) => {
      openLog({ json: logJson, level: logLevel });
      endWith(await applyBundle(config, { bundle, announce: print }));
    });
}

function statusCommand() {
  return new Command("status")
    .description("Show what is in force and how fresh it is.")
    .requiredOption(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async ({ config, json }) => endWith(await printStatus(config, { json: json === true })));
}

function keyCommand() {
  return new Command("key")
    .description("Show the VNF's public key; makes the key at need.")
    .requiredOption(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(async ({ config, json }) => {
      const { stateDir } = await readAgentConfig(config);
      const { publicKey } = await readOrMakeKey(stateDir);
      if (json === true) {
        printJson({ publicKey: publicKeyToText(publicKey), fingerprint: fingerprint(publicKey) });
      } else print(publicKeyToText(publicKey));
    });
}
