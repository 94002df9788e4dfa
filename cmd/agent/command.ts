/**
 * `vnfchain agent`: the agent inside the VNF. See run.ts for what it does.
 *
 * @module
 */
import { Command, Option } from "@commander-js/extra-typings";
import { EXIT, type ExitCode } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { LOG_LEVELS, openLog } from "../common/log.ts";
import { print, printJson } from "../common/output.ts";
import { type AnyCommand, Ended } from "../common/program.ts";
import { readAgentConfig } from "./config.ts";
import { configProblem } from "./config_fields.ts";
import { fingerprint, readOrMakeKey } from "./key.ts";
import { runAgent } from "./run.ts";
import { printStatus } from "./status.ts";

const EXAMPLES = `
Examples:
  vnfchain agent --config /etc/vnfchain/agent.toml            poll and apply until stopped
  vnfchain agent --config /etc/vnfchain/agent.toml --once     one round
  vnfchain agent status --config /etc/vnfchain/agent.toml     what is in force; exit code 4 when stale
  vnfchain agent key --config /etc/vnfchain/agent.toml        the VNF's public key

Signals: SIGHUP polls at once; SIGINT and SIGTERM end it between two steps.
Exit codes with --once: 0 nothing to do or confirmed, 1 refused or rolled back, 2 wrong configuration,
3 no node answered, 4 stale.`;

/** The command, to be mounted. Its actions throw; the caller prints the error and exits by its code. */
export function agentCommand(): AnyCommand {
  return new Command("agent")
    .description("verify and apply a VNF's configurations; opens no port")
    .enablePositionalOptions()
    // Not required by the parser, which would then ask for it before a subcommand too.
    .option("--config <file>", "the agent's configuration, TOML")
    .option("--once", "poll and apply once, then exit")
    .option("--log-json", "log JSON lines")
    .addOption(
      new Option("--log-level <level>", "least severe level that is logged").choices(LOG_LEVELS).default(
        "info" as const,
      ),
    )
    .addHelpText("after", EXAMPLES)
    .addCommand(statusCommand())
    .addCommand(keyCommand())
    .action(async ({ config, once, logJson, logLevel }) => {
      if (config === undefined) throw configProblem("agent: no configuration named", "use --config FILE");
      openLog({ json: logJson, level: logLevel });
      endWith(await runAgent(config, { once: once === true, announce: print }));
    });
}

function endWith(code: ExitCode): void {
  // Whatever there is to say was said.
  if (code !== EXIT.done) throw new Ended(code);
}

function statusCommand() {
  return new Command("status")
    .description("show what is in force and how fresh it is")
    .requiredOption("--config <file>", "the agent's configuration, TOML")
    .option("--json", "print one JSON document")
    .action(async ({ config, json }) => endWith(await printStatus(config, { json: json === true })));
}

function keyCommand() {
  return new Command("key")
    .description("show the VNF's public key; makes the key at need")
    .requiredOption("--config <file>", "the agent's configuration, TOML")
    .option("--json", "print one JSON document")
    .action(async ({ config, json }) => {
      const { stateDir } = await readAgentConfig(config);
      const { publicKey } = await readOrMakeKey(stateDir);
      if (json === true) {
        printJson({ publicKey: publicKeyToText(publicKey), fingerprint: fingerprint(publicKey) });
      } else print(publicKeyToText(publicKey));
    });
}
