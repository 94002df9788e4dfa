/**
 * `vnfchain tenant bundle`: one file that proves a VNF's configurations, for a VNF that reaches no node. It holds whole
 * feeds, as certified now; the VNF takes what is new to it.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Bytes } from "../../core/bytes.ts";
import { encodeBundle, verifyBundle } from "../../core/bundle.ts";
import type { KnownHeader } from "../../core/certified_header.ts";
import { assert, type Verdict, VnfchainError } from "../../core/errors.ts";
import { decodeTransitions, type FederationTransition } from "../../core/federation_following.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { decodePollAnswer, encodePollAnswer, type PollConfiguration } from "../../core/poll.ts";
import type { Feed } from "../../core/state/keys.ts";
import { TYPE } from "../../core/transaction.ts";
import { requestNode } from "../common/http_client.ts";
import { askNodes, failedQuestion } from "../common/nodes.ts";
import { examples } from "../common/options.ts";
import { print, printJson } from "../common/output.ts";
import { publicKeyArgument, publicKeysArgument } from "./arguments.ts";
import { checkOutputPath, writeOutput } from "./content_output.ts";
import { openContext, type TenantContext } from "./context.ts";
import { accessCommand } from "./options.ts";
import { failedLookup, lookUp, readFeeds } from "./versions.ts";

/** The command. */
export function bundleCommand(): CommandUnknownOpts {
  return accessCommand("bundle")
    .description("Write a file that proves a VNF's configurations, for a VNF that reaches no node.")
    .requiredOption("-t, --to <key>", "the VNF", publicKeyArgument)
    .requiredOption("-o, --out <file>", "the file to write")
    .option("--also <keys>", "other tenants of the VNF, separated by commas", publicKeysArgument)
    .addHelpText(
      "after",
      examples(
        "tenant bundle --to vc1… --out vnf.bundle",
        "agent apply --config agent.toml --bundle vnf.bundle    # on the VNF",
      ),
    )
    .action(async ({ to, out, also = [], json, ...options }) => {
      await checkOutputPath(out);
      const context = await openContext(options);
      const feeds = [context.key.publicKey, ...also].map((sender): Feed => ({ sender, recipient: to }));
      const { bytes, head, transactions } = await makeBundle(context, feeds);
      await writeOutput(out, bytes, { mode: 0o644, done: "" });
      const summary = {
        file: out,
        bytes: bytes.length,
        height: head.height,
        time: new Date(head.time).toISOString(),
        transactions,
      };
      if (json) printJson(summary);
      else print(`${out}: ${transactions} transactions, certified at height ${head.height}, ${summary.time}`);
    });
}

interface Made {
  readonly bytes: Bytes;
  readonly head: KnownHeader;
  readonly transactions: number;
}

/** Blocks come while the feeds are read: an answer that has more than was read is asked for again. */
const TRIES = 5;

async function makeBundle(context: TenantContext, feeds: readonly Feed[]): Promise<Made> {
  let problem: Verdict<unknown> = { ok: true, value: null };
  for (let i = 0; i < TRIES; i++) {
    const { feeds: placed } = await readFeeds(context, { wanted: feeds, keep: (each) => each });
    refuseTooLong(placed);
    const configurations = referencesOf(placed);
    const answer = await proofOf(context, { feeds, configurations, placed });
    const bytes = encodeBundle({
      changes: await allChanges(context),
      feeds,
      configurations,
      answer,
    });
    const followed = feeds.map((feed) => ({ ...feed, state: null }));
    const verified = verifyBundle(bytes, {
      feeds: followed,
      known: null,
      trusted: context.federation,
      crypto: platformCrypto,
    });
    if (verified.ok) {
      const { head, configuration } = verified.value.poll;
      const missing = configurations.map(configuration).find((found) => !found.ok);
      if (missing === undefined) return { bytes, head, transactions: placed.flat().length };
      problem = missing;
    } else problem = verified;
  }
  assert(!problem.ok, "a bundle without a problem was returned");
  throw new VnfchainError(`make bundle: ${problem.detail}`, {
    code: problem.code,
    hint: "the feed may grow faster than it can be read: try again",
  });
}

function refuseTooLong(feeds: readonly (readonly PlacedTransaction[])[]): void {
  const bytes = feeds.flat().reduce((sum, { transaction }) => sum + transaction.bytes.length, 0);
  const rows = Math.max(0, ...feeds.map(({ length }) => length));
  if (bytes <= LIMITS.bundleBytes / 2 && rows <= LIMITS.pollRows) return;
  throw new VnfchainError(`make bundle: ${rows} transactions in a feed, ${bytes} bytes in all`, {
    code: "too-large",
    hint: `a bundle holds whole feeds, of ${LIMITS.pollRows} transactions and ${
      LIMITS.bundleBytes / 2
    } bytes at most`,
  });
}

/** What the configurations that the VNF may apply refer to: those of the newest of each feed. */
function referencesOf(feeds: readonly (readonly PlacedTransaction[])[]): readonly PollConfiguration[] {
  return feeds.flatMap((placed) => {
    const newest = placed.findLast(({ transaction: { payload } }) => payload.type === TYPE.configuration);
    const payload = newest?.transaction.payload;
    return payload?.type === TYPE.configuration
      ? [...payload.body.applyBefore, ...payload.body.applyAfter]
      : [];
  });
}

/** A node's proof for the feeds, with all transactions put in: whoever has them can make the answer whole. */
async function proofOf(
  context: TenantContext,
  { feeds, configurations, placed }: {
    readonly feeds: readonly Feed[];
    readonly configurations: readonly PollConfiguration[];
    readonly placed: readonly (readonly PlacedTransaction[])[];
  },
): Promise<Bytes> {
  let raw: Bytes | undefined;
  const outcome = await lookUp(context, {
    feeds: feeds.map((feed) => ({ ...feed, state: null })),
    configurations,
    onAnswer: (answer) => raw = answer,
  });
  if (!outcome.ok) throw failedLookup("make bundle", outcome.failures);
  assert(raw !== undefined, "an answer that was taken was told");
  const decoded = decodePollAnswer(raw);
  assert(decoded.ok, "an answer that verified can be decoded");
  const whole = placed.map((feed) =>
    feed.map(({ height, index, transaction: { id, bytes } }) => ({ height, index, id, transaction: bytes }))
  );
  return encodePollAnswer({ ...decoded.value, feeds: whole });
}

/** All changes of the federation: the VNF may hold an earlier document than the tenant. */
async function allChanges({ nodes, trust }: TenantContext): Promise<readonly FederationTransition[]> {
  if (trust.current().document.sequence === 0) return [];
  const outcome = await askNodes(nodes, {
    ask: (node) => requestNode(new URL("/v1/federation/changes?after=0", node)),
    judge: decodeTransitions,
  });
  if (!outcome.ok) throw failedQuestion("make bundle", outcome.failures);
  return outcome.value;
}
