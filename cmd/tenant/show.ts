/**
 * `vnfchain tenant show`: one transaction, proved: a configuration by a look-up at a certified height, any transaction
 * by its receipt or in its feed. Its content is opened when the tenant's key can.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { PublicKey } from "../../core/brands.ts";
import { equal, toBase64, toHex } from "../../core/bytes.ts";
import { type Verdict, VnfchainError } from "../../core/errors.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import type { OpenedConfiguration } from "../../core/platform/configuration.ts";
import { TYPE } from "../../core/transaction.ts";
import { examples } from "../common/options.ts";
import { escaped, note, print, printJson, table } from "../common/output.ts";
import { publicKeyArgument, referenceToText, type Wanted, wantedArgument } from "./arguments.ts";
import { checkOutputPath, displayed, textOf, writeOutput } from "./content_output.ts";
import { openContext, type TenantContext } from "./context.ts";
import { type Details, detailsOf, openOwn } from "./opening.ts";
import { accessCommand } from "./options.ts";
import { findConfiguration, findTransaction, readFeeds } from "./versions.ts";

/** The command. */
export function showCommand(): CommandUnknownOpts {
  return accessCommand("show")
    .description("Show a transaction by its id, or a configuration by CID (the latest version) or CID@VID.")
    .argument("<id|cid[@vid]>", "what to show", wantedArgument)
    .option("-t, --to <key>", "look an id up among what was published to this key alone", publicKeyArgument)
    .option("-o, --out <file>", "write the content, as it was published, to a file with mode 0600")
    .addHelpText(
      "after",
      examples("tenant show CID", "tenant show CID@2 --out rules.nft", "tenant show ID --json"),
    )
    .action(async (wanted, options) => {
      await checkOutputPath(options.out);
      const context = await openContext(options);
      const placed = await find(context, { wanted, to: options.to });
      const { payload } = placed.transaction;
      const opened = payload.type === TYPE.configuration ? await openOwn(context, payload) : null;
      if (options.out !== undefined) await writeContent(options.out, opened);
      const details = detailsOf(placed);
      if (options.json) return printJson({ ...details, content: contentToJson(opened, options.out) });
      printDetails(details);
      printOpened(opened, options.out);
    });
}

/** A CID and an id look alike: a CID is looked for first, because that it is not there can be proved. */
async function find(
  context: TenantContext,
  { wanted, to }: { wanted: Wanted; to: PublicKey | undefined },
): Promise<PlacedTransaction> {
  const { cid, vid, id } = wanted;
  const configuration = await findConfiguration(context, { cid, vid });
  if (configuration !== null) return configuration;
  if (id === null) {
    throw unknown(`no configuration ${referenceToText(wanted)} is on the chain, which is proved`);
  }
  if (to === undefined) {
    const transaction = await findTransaction(context, id);
    if (transaction !== null) return transaction;
    throw unknown(`no configuration has the CID ${toHex(id)}, and no node knows a transaction with that id`);
  }
  const { feeds } = await readFeeds(context, {
    wanted: [{ sender: context.key.publicKey, recipient: to }],
    keep: (placed) => equal(placed.transaction.id, id) ? placed : undefined,
  });
  const [transaction] = feeds.flat();
  if (transaction !== undefined) return transaction;
  throw unknown(`neither a CID nor what was published to that key is ${toHex(id)}, which is proved`);
}

function unknown(message: string): VnfchainError {
  return new VnfchainError(message, {
    code: "unknown",
    hint: "a transaction that was sent may not be committed yet",
  });
}

type Opening = Verdict<OpenedConfiguration> | null;

async function writeContent(path: string, opened: Opening): Promise<void> {
  if (opened?.ok === true) return await writeOutput(path, opened.value.bytes, { mode: 0o600, done: "" });
  throw opened === null
    ? new VnfchainError(`write ${path}: a request has no content`, { code: "content-format" })
    : new VnfchainError(`write ${path}: ${opened.detail}`, {
      code: opened.code,
      hint: "show it without --out to see what can be read without its content",
    });
}

function contentToJson(opened: Opening, out: string | undefined) {
  if (opened === null) return null;
  if (!opened.ok) return { unreadable: opened.code };
  const { content: { type, name, length, sha256 }, bytes } = opened.value;
  const about = { type, name, length, sha256: toHex(sha256) };
  if (out !== undefined) return { ...about, file: out };
  const text = textOf(bytes);
  return text === undefined ? { ...about, base64: toBase64(bytes) } : { ...about, text };
}

function printDetails(details: Details): void {
  const rows: readonly (readonly [string, string | number | null])[] = [
    ["transaction", details.transaction],
    ["position", `height ${details.height}, index ${details.index}`],
    ["type", details.type],
    ["cid", details.cid],
    ["vid", details.vid],
    ["sender", details.sender],
    ["recipient", details.recipient ?? "everybody"],
    ["time", `${details.time}, as the sender states it`],
    ["description", details.description],
    ["compression", details.compression],
    ["encryption", details.encryption],
    ["apply before", details.applyBefore.join(", ")],
    ["apply after", details.applyAfter.join(", ")],
    ["in reply to", details.inReplyTo],
    ["reply to", details.replyTo],
  ];
  const shown = rows.filter(([, value]) => value !== null && value !== "");
  print(table(shown.map(([name, value]) => [name, escaped(String(value))])));
}

function printOpened(opened: Opening, out: string | undefined): void {
  if (opened === null) return;
  if (!opened.ok) return note(`content: not readable here: ${opened.code}: ${opened.detail}`);
  const { content: { type, name, length, sha256 }, bytes } = opened.value;
  print(table([
    ["content", `${escaped(type)}${name === null ? "" : `, ${escaped(name)}`}, ${length} bytes`],
    ["sha256", toHex(sha256)],
  ]));
  if (out !== undefined) return;
  const text = textOf(bytes);
  print(text === undefined ? "binary: write it to a file with --out" : `\n${displayed(text)}`);
}
