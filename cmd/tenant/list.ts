/**
 * `vnfchain tenant list`: what the tenant has published. Every row is proved, and so is that none is missing.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { PublicKey } from "../../core/brands.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { examples } from "../common/options.ts";
import { escaped, note, print, printJson, table } from "../common/output.ts";
import { publicKeyArgument } from "./arguments.ts";
import { openContext, type TenantContext } from "./context.ts";
import { type Row, rowOf } from "./opening.ts";
import { accessCommand } from "./options.ts";
import { readFeeds } from "./versions.ts";

/** The command. */
export function listCommand(): CommandUnknownOpts {
  return accessCommand("list")
    .summary("List the tenant's publications.")
    .description(
      "List the tenant's publications, oldest first: templates, and what went to the recipients that the profile " +
        "names; or to one recipient alone. Times are those that the sender states; heights are certified.",
    )
    .option("-t, --to <key>", "what went to this key alone", publicKeyArgument)
    .addHelpText("after", examples("tenant list", "tenant list --to vc1… --json"))
    .action(async (options) => {
      const context = await openContext(options);
      const recipients = options.to === undefined ? allRecipients(context) : [options.to];
      const sender = context.key.publicKey;
      const { head, feeds } = await readFeeds(context, {
        wanted: recipients.map((recipient) => ({ sender, recipient })),
        keep: rowOf,
      });
      const rows = feeds.flat().sort((a, b) => a.height - b.height || a.index - b.index);
      const time = new Date(head.time).toISOString();
      if (options.json) return printJson({ height: head.height, time, transactions: rows });
      for (const recipient of recipients) printFeed(recipient, rows);
      note(`${rows.length} transactions, all there are up to height ${head.height}, ${time}`);
      if (recipients.every((recipient) => recipient === null)) {
        note("only templates were looked for: give --to, or set recipients in the profile");
      }
    });
}

/** Templates first, then each recipient once. */
function allRecipients({ recipients }: TenantContext): readonly (PublicKey | null)[] {
  const distinct = new Map(recipients.map((key) => [publicKeyToText(key), key]));
  return [null, ...distinct.values()];
}

function printFeed(recipient: PublicKey | null, rows: readonly Row[]): void {
  const name = recipient === null ? null : publicKeyToText(recipient);
  const own = rows.filter((row) => row.recipient === name);
  if (own.length === 0) return;
  print(name === null ? "templates" : `to ${name}`);
  print(table([
    ["  height", "time", "type", "cid@vid", "transaction", "description"],
    ...own.map(({ height, index, time, type, cid, vid, transaction, description }) => [
      `  ${height}.${index}`,
      time,
      type,
      `${cid}@${vid}`,
      transaction,
      escaped(description),
    ]),
  ]));
}
