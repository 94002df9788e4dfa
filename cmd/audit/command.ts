/**
 * `vnfchain audit`: proves a chain's whole history from genesis, and shows what some keys did in it. Exit code 0 only
 * when everything holds.
 *
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { readKeyFile } from "../common/key_file.ts";
import { examples, JSON_OPTION, PASSPHRASE_OPTION } from "../common/options.ts";
import { Ended } from "../common/program.ts";
import { readReceiptFile } from "../common/receipt_file.ts";
import { readSecretFile } from "../common/secret_file.ts";
import { makeHistory } from "./history.ts";
import { openSource } from "./open_source.ts";
import { openProgress } from "./progress.ts";
import type { ReceiptFile } from "./receipts.ts";
import { jsonReporter, type Reporter, textReporter } from "./reporter.ts";
import { auditChain, type AuditResult } from "./run.ts";

/** The command's options. A type, not an interface: commander wants an index signature. */
export type AuditCommandOptions = {
  readonly chain: string;
  readonly federation: string;
  readonly key?: readonly string[] | undefined;
  readonly passphraseFile?: string | undefined;
  readonly receipt?: readonly string[] | undefined;
  readonly json?: true | undefined;
};

const HELP = `${
  examples(
    "node export --dir node-1 --out chain.archive",
    "audit --chain chain.archive --federation federation.json",
    "audit --chain http://127.0.0.1:8000 --federation federation.json --key tenant.pem",
    "audit --chain chain.archive --federation federation.json --receipt receipt.cbor --json",
  )
}

Exit codes: 0 everything holds, 1 a check failed, 2 wrong usage, 3 the node could not be reached.`;

/** The command, to be mounted. */
export function auditCommand(): CommandUnknownOpts {
  return new Command("audit")
    .description("Prove the whole history offline: every signature, certificate, link and root from genesis.")
    .requiredOption("-c, --chain <file|url>", "an archive that `vnfchain node export` wrote, or a node's URL")
    .requiredOption("-f, --federation <file>", "federation.json of the chain, from a source that you trust")
    .option("-k, --key <file>", "show the history of this private key; may be repeated", append)
    .option(...PASSPHRASE_OPTION)
    .option(
      "-r, --receipt <file>",
      "the chain must hold what this receipt confirms; may be repeated",
      append,
      [],
    )
    .option(...JSON_OPTION)
    .addHelpText("after", HELP)
    .action(run);
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function run(options: AuditCommandOptions): Promise<void> {
  const federation = await readFederationFile(options.federation);
  refuseLater(federation, options.federation);
  const keys = await readKeys(options);
  const receipts = await Promise.all((options.receipt ?? []).map(readReceipt));
  const about = { chain: options.chain, federation };
  const reporter = options.json === true ? jsonReporter(about) : textReporter(about);
  const result = await audit({ ...about, keys, receipts, reporter }).catch((error: unknown) => {
    reporter.abandon(error);
    throw error;
  });
  reporter.finish(result);
  if (!result.ok) throw new Ended(EXIT.failed);
}

async function audit(
  { chain, federation, keys, receipts, reporter }: {
    readonly chain: string;
    readonly federation: Federation;
    readonly keys: readonly PrivateKey[];
    readonly receipts: readonly ReceiptFile[];
    readonly reporter: Reporter;
  },
): Promise<AuditResult> {
  const source = await openSource(chain, federation);
  using progress = openProgress();
  const history = makeHistory(keys);
  return await auditChain({
    source,
    federation,
    receipts,
    onBlock: async (block) => {
      for await (const entry of history(block)) reporter.entry(entry);
      progress.show(block.header.height, source.share());
    },
  });
}

/** The chain starts with the first document; what a later one says of the members before it is not enough. */
function refuseLater({ document }: Federation, path: string): void {
  if (document.sequence === 0) return;
  throw new VnfchainError(
    `read federation document: ${path} is document ${document.sequence}, wanted the first`,
    {
      code: "federation-later",
      hint: "name the document that the chain began with: its sequence is 0",
      exitCode: EXIT.usage,
    },
  );
}

async function readKeys({ key = [], passphraseFile }: AuditCommandOptions): Promise<readonly PrivateKey[]> {
  const passphrase = passphraseFile === undefined ? {} : { passphrase: await readSecretFile(passphraseFile) };
  return await Promise.all(key.map((path) => readKeyFile(path, passphrase)));
}

async function readReceipt(name: string): Promise<ReceiptFile> {
  return { name, bytes: await readReceiptFile(name) };
}
