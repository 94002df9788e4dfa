/**
 * `vnfchain tenant template`: a configuration for everybody, not encrypted, that others refer to with `--before` and
 * `--after`.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { examples } from "../common/options.ts";
import { publicationCommand, publishFile } from "./publication.ts";

/** The command. */
export function templateCommand(): CommandUnknownOpts {
  return publicationCommand("template")
    .description("Publish a template: no recipient, not encrypted, for others to refer to.")
    .addHelpText(
      "after",
      examples(
        'tenant template base.nft --description "base rules" --key vendor.pem --nodes http://a:8000 --federation federation.json',
        "tenant template base.nft --cid CID    # the next version, with a profile",
      ),
    )
    .action(async (file, options) => {
      await publishFile(file, { options, audience: { recipient: null, encrypted: false } });
    });
}
