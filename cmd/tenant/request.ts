/**
 * `vnfchain tenant request`: asks a VNF for its state and waits for the answer. The request names a fresh CID of the
 * VNF's; so the answer is found by one proved look-up, nobody else can give it, and there can be no second one.
 *
 * @module
 */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { PublicKey } from "../../core/brands.ts";
import { equal, toBase64, toHex } from "../../core/bytes.ts";
import { makeCid } from "../../core/cid.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { KnownHeader } from "../../core/certified_header.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import type { OpenedConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import {
  COMPRESSION,
  ENCRYPTION,
  type RequestPayload,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import type { NodeFailure } from "../common/nodes.ts";
import { examples } from "../common/options.ts";
import { escaped, note, printJson } from "../common/output.ts";
import { pause } from "../common/pause.ts";
import {
  COMPRESSION_NAMES,
  type CompressionName,
  descriptionArgument,
  durationArgument,
  publicKeyArgument,
} from "./arguments.ts";
import { signPayload } from "./configuration.ts";
import { defaultCompression } from "./content_input.ts";
import { checkOutputPath, printContent, writeOutput } from "./content_output.ts";
import { openContext, type TenantContext } from "./context.ts";
import { openOwn } from "./opening.ts";
import { accessCommand, type AccessOptions, type OutputOptions } from "./options.ts";
import { submitAndWait } from "./submit.ts";
import { lookUp } from "./versions.ts";
import { interrupted, startWaiting } from "./waiting.ts";

type RequestOptions = AccessOptions & OutputOptions & {
  readonly to: PublicKey;
  readonly plain?: true | undefined;
  readonly compress?: CompressionName | undefined;
  readonly description: string;
  readonly out?: string | undefined;
  readonly timeout: number;
};

const TIMEOUT_MS = 120_000;
/** Between two looks for the answer: agents poll every few seconds. */
const PAUSE_MS = 1000;

/** The command. */
export function requestCommand(): CommandUnknownOpts {
  return accessCommand("request")
    .description("Ask a VNF for its state, and wait for the answer.")
    .requiredOption("-t, --to <key>", "the VNF's public key, vc1…", publicKeyArgument)
    .option("--plain", "let the answer not be encrypted: everybody may read it")
    .addOption(new Option("--compress <algorithm>", "how to compress the answer").choices(COMPRESSION_NAMES))
    .option(
      "--description <text>",
      "public description of the answer, at most 256 bytes",
      descriptionArgument,
      "",
    )
    .option("-o, --out <file>", "write the answer to a file with mode 0600 instead of standard output")
    .addOption(
      new Option("--timeout <duration>", "how long to wait").argParser(durationArgument).default(
        TIMEOUT_MS,
        "2m",
      ),
    )
    .addHelpText(
      "after",
      examples("tenant request --to vc1… --out state.nft", "tenant request --to vc1… --timeout 10m --json"),
    )
    .action(request);
}

async function request(options: RequestOptions): Promise<void> {
  await checkOutputPath(options.out);
  const context = await openContext(options);
  const endMs = performance.now() + options.timeout;
  const transaction = signPayload(context, requestPayload(context, options));
  using waiting = startWaiting(`waiting for the answer to request ${toHex(transaction.id)}`);
  const { signal } = waiting;
  await submitAndWait(context, { transaction, timeoutMs: options.timeout, signal });
  const answer = await waitForAnswer(context, { transaction, endMs, signal });
  await deliver({ transaction, answer, opened: await openAnswer(context, answer) }, options);
}

function requestPayload(
  { key }: TenantContext,
  { to, plain, compress, description }: RequestOptions,
): RequestPayload {
  return {
    version: 1,
    type: TYPE.request,
    cid: makeCid(platformCrypto.hash, { owner: to, random: randomBytes(16) }),
    vid: 1,
    compression: COMPRESSION[compress ?? defaultCompression()],
    encryption: plain === true ? ENCRYPTION.none : ENCRYPTION.hpke,
    description,
    sender: key.publicKey,
    recipient: to,
    timestamp: Date.now(),
    nonce: randomBytes(16),
    body: { replyTo: key.publicKey },
  };
}

/** Looks until the answer is proved to be there. Failures on the way are tried again until the time is up. */
async function waitForAnswer(
  context: TenantContext,
  { transaction, endMs, signal }: { transaction: Transaction; endMs: number; signal: AbortSignal },
): Promise<PlacedTransaction> {
  const wanted = { cid: transaction.payload.cid, vid: 1 };
  const laterHint = `the answer may still come: vnfchain tenant show ${toHex(wanted.cid)}@1`;
  let known: KnownHeader | null = null;
  let failures: readonly NodeFailure[] = [];
  let first = 0;
  for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) {
    const outcome = await lookUp(context, {
      configurations: [wanted],
      known,
      first,
      signal: AbortSignal.any([signal, AbortSignal.timeout(leftMs)]),
    });
    if (signal.aborted) throw interrupted(`request ${toHex(transaction.id)} was sent`, laterHint);
    failures = outcome.failures;
    if (outcome.ok) {
      first = context.nodes.indexOf(outcome.node);
      known = outcome.value.head;
      const found = outcome.value.configuration(wanted);
      if (found.ok && found.value !== null) return checkAnswer(transaction, found.value);
    }
    await pause(PAUSE_MS, signal);
  }
  const troubles = failures.map(({ node, code, detail }) => `; ${node}: ${code}: ${detail}`).join("");
  throw new VnfchainError(`request ${toHex(transaction.id)}: no answer in time${troubles}`, {
    code: "timeout",
    hint: laterHint,
    exitCode: EXIT.unreachable,
  });
}

/** The CID is the VNF's, so this is what it published there; whether it is the answer is still to be seen. */
function checkAnswer(asked: Transaction, answer: PlacedTransaction): PlacedTransaction {
  const { payload } = answer.transaction;
  const { sender, recipient } = asked.payload;
  const fits = payload.type === TYPE.configuration && recipient !== null && payload.recipient !== null &&
    payload.body.inReplyTo !== null && equal(payload.body.inReplyTo, asked.id) &&
    equal(payload.sender, recipient) && equal(payload.recipient, sender);
  if (fits) return answer;
  throw new VnfchainError(
    `request ${toHex(asked.id)}: transaction ${toHex(answer.transaction.id)} stands where the answer should`,
    { code: "transaction-fields", hint: "the VNF published something else under the CID: ask again" },
  );
}

async function openAnswer(context: TenantContext, { transaction }: PlacedTransaction) {
  const { payload, id } = transaction;
  if (payload.type === TYPE.configuration) {
    const opened = await openOwn(context, payload);
    if (opened.ok) return opened.value;
    throw new VnfchainError(`open answer ${toHex(id)}: ${opened.detail}`, {
      code: opened.code,
      hint: "the VNF's answer does not hold: look at its agent's log, and ask again",
    });
  }
  throw new VnfchainError(`open answer ${toHex(id)}: it is a request`, { code: "transaction-type" });
}

async function deliver(
  { transaction, answer, opened }: {
    transaction: Transaction;
    answer: PlacedTransaction;
    opened: OpenedConfiguration;
  },
  { out, json }: RequestOptions,
): Promise<void> {
  const { content, bytes } = opened;
  const cid = toHex(transaction.payload.cid);
  if (out !== undefined) {
    const done = `the answer is on the chain: vnfchain tenant show ${cid}@1`;
    await writeOutput(out, bytes, { mode: 0o600, done });
  }
  const answerId = toHex(answer.transaction.id);
  if (json) {
    return printJson({
      transaction: toHex(transaction.id),
      answer: answerId,
      cid,
      height: answer.height,
      bytes: bytes.length,
      contentType: content.type,
      ...(out === undefined ? { base64: toBase64(bytes) } : {}),
    });
  }
  if (out === undefined) printContent(bytes);
  const type = escaped(content.type);
  note(`answer ${answerId} at height ${answer.height}, ${type}, ${bytes.length} bytes, cid ${cid}`);
}
