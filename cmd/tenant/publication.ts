/**
 * Publishing, as `publish` and `template` share it: read, find the next version, build, send, wait for the proof,
 * keep the receipt. Nothing is sent before all that can fail here was done.
 *
 * @module
 */
import { type Command, Option } from "@commander-js/extra-typings";
import type { Cid, PublicKey } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { makeCid, ownsCid } from "../../core/cid.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import type { Reference, Transaction } from "../../core/transaction.ts";
import { note, print, printJson, table } from "../common/output.ts";
import { usageError } from "../common/program.ts";
import {
  cidArgument,
  COMPRESSION_NAMES,
  type CompressionName,
  descriptionArgument,
  durationArgument,
  referencesArgument,
} from "./arguments.ts";
import { signConfiguration } from "./configuration.ts";
import { chooseCompression, type ContentInput, readContent } from "./content_input.ts";
import { checkOutputPath, writeOutput } from "./content_output.ts";
import { openContext, type TenantContext } from "./context.ts";
import { accessCommand, type AccessOptions, type OutputOptions } from "./options.ts";
import { type ProvedReceipt, submitAndWait, submitOnly } from "./submit.ts";
import { nextVid } from "./versions.ts";
import { startWaiting } from "./waiting.ts";

/** The flags that both commands have. */
export type PublicationOptions = AccessOptions & OutputOptions & {
  readonly cid?: Cid | undefined;
  readonly before?: readonly Reference[] | undefined;
  readonly after?: readonly Reference[] | undefined;
  readonly compress?: CompressionName | undefined;
  readonly description: string;
  readonly receipt?: string | undefined;
  readonly wait: boolean;
  readonly timeout: number;
};

/** Who it is for. */
export interface Audience {
  /** Null for everybody. */
  readonly recipient: PublicKey | null;
  readonly encrypted: boolean;
}

/** Default time for the whole of sending and waiting. */
const TIMEOUT_MS = 120_000;

/** A command with a file argument and these flags. */
export function publicationCommand(name: string): Command<[string], PublicationOptions> {
  return accessCommand(name)
    .argument("<file>", "content to publish; - for standard input")
    .option("--cid <cid>", "publish the next version of this CID; without it a new CID is made", cidArgument)
    .option(
      "--before <cid[@vid]>",
      "apply these before it; repeatable, or separated by commas",
      referencesArgument,
    )
    .option(
      "--after <cid[@vid]>",
      "apply these after it; repeatable, or separated by commas",
      referencesArgument,
    )
    .addOption(
      new Option("--compress <algorithm>", "default: whatever makes it smaller").choices(COMPRESSION_NAMES),
    )
    .option("--description <text>", "public description, at most 256 bytes", descriptionArgument, "")
    .option(
      "--receipt <file>",
      "keep the receipt: it proves the publication with the federation document alone",
    )
    .option("--no-wait", "do not wait until it is committed")
    .addOption(
      new Option("--timeout <duration>", "how long to wait").argParser(durationArgument).default(
        TIMEOUT_MS,
        "2m",
      ),
    );
}

/** Publishes one file and prints what came of it. */
export async function publishFile(
  path: string,
  { options, audience }: { options: PublicationOptions; audience: Audience },
): Promise<void> {
  if (!options.wait && options.receipt !== undefined) {
    throw usageError("--receipt and --no-wait exclude each other", "without waiting there is no receipt");
  }
  await checkOutputPath(options.receipt);
  const context = await openContext(options);
  const content = await readContent(path);
  if (!options.json) tellAbout(content);
  const compression = await chooseCompression(content.bytes, options.compress);
  const cid = options.cid ?? newCid(context);
  const transaction = await signConfiguration(context, {
    content,
    cid,
    vid: options.cid === undefined ? 1 : await nextVersion(context, cid),
    compression: compression.compression,
    encrypted: audience.encrypted,
    description: options.description,
    recipient: audience.recipient,
    applyBefore: options.before ?? [],
    applyAfter: options.after ?? [],
  });
  const receipt = await send(context, { transaction, options });
  if (receipt !== null) await keepReceipt(options.receipt, receipt);
  const height = receipt?.header.height ?? null;
  const { vid } = transaction.payload;
  if (options.json) return printJson({ transaction: toHex(transaction.id), cid: toHex(cid), vid, height });
  print(table([
    ["transaction", toHex(transaction.id)],
    ["cid", toHex(cid)],
    ["vid", String(vid)],
    ["height", height === null ? "not waited for" : String(height)],
    ["compression", `${compression.name}, ${content.bytes.length} to ${compression.length} bytes`],
    ["encryption", audience.encrypted ? "to recipient and sender" : "none"],
  ]));
}

async function send(
  context: TenantContext,
  { transaction, options }: { transaction: Transaction; options: PublicationOptions },
): Promise<ProvedReceipt | null> {
  using waiting = startWaiting(`waiting until transaction ${toHex(transaction.id)} is committed`);
  const submission = { transaction, timeoutMs: options.timeout, signal: waiting.signal };
  if (options.wait) return await submitAndWait(context, submission);
  await submitOnly(context, submission);
  return null;
}

function tellAbout({ bytes, nameRefused }: ContentInput): void {
  if (nameRefused !== undefined) note(`note: published without a name: ${nameRefused}`);
  if (bytes.length === 0) note("note: the content is empty; agents apply that with allow_empty alone");
}

function newCid({ key }: TenantContext): Cid {
  return makeCid(platformCrypto.hash, { owner: key.publicKey, random: randomBytes(16) });
}

async function nextVersion(context: TenantContext, cid: Cid): Promise<number> {
  if (ownsCid(platformCrypto.hash, { owner: context.key.publicKey, cid })) return await nextVid(context, cid);
  throw new VnfchainError(`publish: CID ${toHex(cid)} belongs to another key`, {
    code: "cid-owner",
    hint: "use the key that made it, or leave --cid out for a new one",
    exitCode: EXIT.failed,
  });
}

async function keepReceipt(path: string | undefined, receipt: ProvedReceipt): Promise<void> {
  if (path === undefined) return;
  const done = `transaction ${toHex(receipt.transaction.id)} is committed at height ${receipt.header.height}`;
  await writeOutput(path, receipt.bytes, { mode: 0o644, done });
}
