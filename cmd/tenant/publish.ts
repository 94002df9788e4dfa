/**
 * `vnfchain tenant publish`: a configuration for one VNF, encrypted to it and to the tenant unless told otherwise.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { publicKeyArgument } from "./arguments.ts";
import { examples } from "../common/options.ts";
import { publicationCommand, publishFile } from "./publication.ts";

/** The command. */
export function publishCommand(): CommandUnknownOpts {
  return publicationCommand("publish")
    .description("Publish a configuration for a VNF, and wait until the chain has it.")
    .requiredOption(
      "-t, --to <key>",
      "the VNF's public key, vc1…; the tenant's own is fine",
      publicKeyArgument,
    )
    .option("--plain", "do not encrypt: everybody may read it")
    .addHelpText(
      "after",
      examples(
        "tenant publish rules.nft --to vc1… --key tenant.pem --nodes http://a:8000,http://b:8000 --federation federation.json",
        "tenant publish rules.nft --to vc1… --cid CID --receipt rules.receipt    # the next version, with a profile",
        "tenant publish app.conf --to vc1… --before CID@3,CID --compress gzip",
      ),
    )
    .action(async (file, options) => {
      const audience = { recipient: options.to, encrypted: options.plain !== true };
      await publishFile(file, { options, audience });
    });
}
