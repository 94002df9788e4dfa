/**
 * `vnfchain tenant`: the tenant's commands. A tenant publishes configurations for its VNFs and reads them back; it
 * trusts no node, only the federation document that it was given.
 *
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { examples } from "../common/options.ts";
import { bundleCommand } from "./bundle.ts";
import { keygenCommand } from "./keygen.ts";
import { listCommand } from "./list.ts";
import { publishCommand } from "./publish.ts";
import { requestCommand } from "./request.ts";
import { showCommand } from "./show.ts";
import { templateCommand } from "./template.ts";
import { verifyReceiptCommand } from "./verify_receipt.ts";

/** The command that `main.ts` mounts. Its actions throw; the caller prints the error and exits by its code. */
export function tenantCommand(): CommandUnknownOpts {
  return new Command("tenant")
    .description("Publish configurations for VNFs, ask VNFs for their state, read what was published.")
    .addCommand(keygenCommand())
    .addCommand(publishCommand())
    .addCommand(templateCommand())
    .addCommand(requestCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(bundleCommand())
    .addCommand(verifyReceiptCommand())
    .addHelpText(
      "after",
      `${
        examples(
          "tenant keygen --out tenant.pem",
          "tenant publish rules.nft --to vc1… --key tenant.pem --nodes http://a:8000,http://b:8000 --federation federation.json",
          "tenant list --to vc1…",
        )
      }

Key, nodes and federation may stand in a profile, ~/.config/vnfchain/tenant.toml:
  key = "tenant.pem"
  nodes = ["http://a:8000", "http://b:8000"]
  federation = "federation.json"
  recipients = ["vc1…"]

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody reached or time-out, 4 answers too old.`,
    );
}
