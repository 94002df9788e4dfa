/**
 * What the tenant's commands have in common on the command line: whoever talks to nodes takes `--key`, `--nodes` and
 * `--federation`, or reads them from a profile.
 *
 * @module
 */
import { Command, Option } from "@commander-js/extra-typings";
import { JSON_OPTION, PASSPHRASE_OPTION } from "../common/options.ts";
import { durationArgument, nodesArgument } from "./arguments.ts";

/** How a command reaches a chain, and as whom. A type, not an interface: commander wants an index signature. */
export type AccessOptions = {
  readonly key?: string | undefined;
  readonly nodes?: readonly string[] | undefined;
  readonly federation?: string | undefined;
  readonly profile?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly passphraseFile?: string | undefined;
  /** Milliseconds that a certified header may be behind this machine's clock. */
  readonly maxStaleness: number;
};

/** How a command prints. */
export type OutputOptions = { readonly json?: true | undefined };

const DEFAULT_STALENESS_MS = 120_000;

/** A command that talks to nodes with a tenant's key. */
export function accessCommand(name: string): Command<[], AccessOptions & OutputOptions> {
  return new Command(name)
    .option("-k, --key <file>", "private key: PKCS#8 PEM, readable by its owner alone")
    .option("-n, --nodes <urls>", "node addresses separated by commas, tried in this order", nodesArgument)
    .option("-f, --federation <file>", "federation.json of the chain; answers of another chain are refused")
    .option(
      "--profile <file>",
      "where key, nodes and federation stand otherwise (default: ~/.config/vnfchain/tenant.toml)",
    )
    .option(...PASSPHRASE_OPTION)
    .option("--token-file <file>", "file with the token that nodes want")
    .addOption(
      new Option("--max-staleness <duration>", "refuse answers that are proved for an older time")
        .argParser(durationArgument).default(DEFAULT_STALENESS_MS, "2m"),
    )
    .option(...JSON_OPTION);
}
