/**
 * `vnfchain tenant verify-receipt`: judges a receipt with nothing but a federation document: no key, no node, no
 * network.
 *
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { blockHash } from "../../core/block.ts";
import { toHex } from "../../core/bytes.ts";
import { signersOf } from "../../core/certificate.ts";
import { VnfchainError } from "../../core/errors.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type VerifiedReceipt, verifyReceipt } from "../../core/receipt.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { examples, JSON_OPTION } from "../common/options.ts";
import { escaped, print, printJson, table } from "../common/output.ts";
import { readReceiptFile } from "../common/receipt_file.ts";
import { detailsOf, timeToText } from "./opening.ts";

/** The command. */
export function verifyReceiptCommand(): CommandUnknownOpts {
  return new Command("verify-receipt")
    .description("Verify a receipt offline, with nothing but a federation document.")
    .argument("<receipt>", "the file that publish --receipt wrote")
    .requiredOption(
      "-f, --federation <file>",
      "federation.json of the chain, of the receipt's time or earlier",
    )
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      examples("tenant verify-receipt rules.receipt --federation federation.json") +
        "\n\nExit codes: 0 it holds, 1 it does not, 2 wrong usage.",
    )
    .action(async (path, { federation: federationPath, json }) => {
      const pinned = await readFederationFile(federationPath);
      const verdict = verifyReceipt(await readReceiptFile(path), { pinned, crypto: platformCrypto });
      if (!verdict.ok) {
        throw new VnfchainError(`verify receipt ${path}: ${verdict.detail}`, {
          code: verdict.code,
          hint: "it proves nothing under this federation document; was it of another chain, or later?",
        });
      }
      const summary = summaryOf(verdict.value);
      if (json) printJson(summary);
      else printSummary(summary);
    });
}

function summaryOf({ header, index, transaction, certificate, federation }: VerifiedReceipt) {
  const { members } = federation.document;
  const signers = signersOf(certificate.bitmap, members.length) ?? [];
  return {
    ok: true,
    ...detailsOf({ height: header.height, index, transaction }),
    block: toHex(blockHash(platformCrypto.hash, header)),
    committed: timeToText(header.time),
    genesisId: toHex(header.genesisId),
    federationSequence: federation.document.sequence,
    signers: signers.map((member) => members[member]?.name ?? ""),
    members: members.length,
  };
}

function printSummary(summary: ReturnType<typeof summaryOf>): void {
  const { signers, members } = summary;
  print(table([
    ["receipt", "holds"],
    ["transaction", summary.transaction],
    ["type", summary.type],
    ["cid", summary.cid],
    ["vid", String(summary.vid)],
    ["sender", summary.sender],
    ["recipient", summary.recipient ?? "everybody"],
    ["description", escaped(summary.description)],
    ["position", `height ${summary.height}, index ${summary.index}`],
    ["block", summary.block],
    ["committed", summary.committed],
    ["certified by", escaped(`${signers.length} of ${members} members: ${signers.join(", ")}`)],
    ["federation", `document ${summary.federationSequence} of chain ${summary.genesisId}`],
  ]));
}
