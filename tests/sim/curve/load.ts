/**
 * What is decided in a measurement: transactions of a fixed size, on a chain that is long already.
 *
 * @module
 */
import { asCid, asHeight, type Hash, type Round, ZERO_HASH } from "../../../core/brands.ts";
import { utf8 } from "../../../core/bytes.ts";
import { blockHash, type Header } from "../../../core/block.ts";
import { commitMessage, makeCertificate } from "../../../core/certificate.ts";
import { DEFAULT_PARAMETERS, type Federation, federationOf } from "../../../core/federation.ts";
import type { Proposal, Tip } from "../../../core/ports.ts";
import { genesisTip, tipAfter } from "../../../core/tip.ts";
import {
  COMPRESSION,
  ENCRYPTION,
  type Payload,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../../core/transaction.ts";
import { leaderKeyAt } from "../../../consensus/leader.ts";
import { makeHeader } from "../../../core/block_rules.ts";
import { nodeKey, QUICK_SIGNERS, quickHash } from "../quick_crypto.ts";

const { crypto, sign } = QUICK_SIGNERS;
const GENESIS_MS = 1_800_000_000_000;

/** A federation of `n` with the usual parameters. */
export function makeFederation(n: number): Federation {
  return federationOf(quickHash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: GENESIS_MS,
    name: "curve",
    authority: new Uint8Array(),
    members: Array.from({ length: n }, (_, index) => ({
      name: `member-${index}`,
      key: nodeKey(index).publicKey,
      certificate: new Uint8Array(),
      peerAddress: `127.0.0.1:${7000 + index}`,
      apiUrl: `http://127.0.0.1:${8000 + index}`,
    })),
    parameters: DEFAULT_PARAMETERS,
  });
}

/** The next block on a tip by the leader of round 0. */
export function makeBlock(tip: Tip, { ids, nowMs }: { ids: Proposal["ids"]; nowMs: number }): Proposal {
  const header = makeHeader({
    tip,
    proposer: leaderKeyAt(tip, 0 as Round),
    createdRound: 0 as Round,
    nowMs: GENESIS_MS + Math.ceil(nowMs),
    ids,
    stateRoot: quickHash(new Uint8Array(ids.length)),
  }, crypto);
  return { header, ids, parentCertificate: tip.certificate };
}

/** A tip at this height, made by member 0 and certified by the first quorum. */
export function tipAt(federation: Federation, height: number): Tip {
  const before = genesisTip(federation);
  const first = makeBlock(before, { ids: [], nowMs: 0 }).header;
  const header: Header = {
    ...first,
    height: asHeight(height),
    parentCertificate: quickHash(utf8("certificate")),
  };
  const subject = { height: header.height, round: 0 as Round, blockHash: blockHash(quickHash, header) };
  const message = commitMessage(federation, subject);
  const votes = new Map(
    Array.from(
      { length: federation.quorum },
      (_, member) => [member, sign(nodeKey(member), message)] as const,
    ),
  );
  const certificate = makeCertificate(federation, { subject, votes });
  return tipAfter({ block: { header }, certificate }, { before, change: null, crypto });
}

/** Configurations of exactly this size each. */
export function makeTransactions(
  { genesisId }: Federation,
  { count, bytes, what }: { count: number; bytes: number; what: string },
): readonly Transaction[] {
  const key = nodeKey(0);
  const made = (i: number, configurationBytes: number) => {
    const payload: Payload = {
      version: 1,
      type: TYPE.configuration,
      cid: asCid(quickHash(utf8(`${what} ${i}`))),
      vid: 1,
      compression: COMPRESSION.none,
      encryption: ENCRYPTION.none,
      description: "",
      sender: key.publicKey,
      recipient: key.publicKey,
      timestamp: GENESIS_MS,
      nonce: quickHash(utf8(`${what} nonce ${i}`)).subarray(0, 16),
      body: {
        applyBefore: [],
        applyAfter: [],
        inReplyTo: null,
        configuration: new Uint8Array(configurationBytes),
      },
    };
    return signTransaction(payload, {
      genesisId,
      hash: quickHash as (data: Uint8Array) => Hash,
      sign: (m) => sign(key, m),
    });
  };
  // Heads of strings grow with them, so the first guess may be a byte or two short.
  const guess = 2 * bytes - made(0, bytes).bytes.length;
  const content = guess + bytes - made(0, guess).bytes.length;
  const all = Array.from({ length: count }, (_, i) => made(i, content));
  const wrong = all.find((one) => one.bytes.length !== bytes);
  if (wrong !== undefined) throw new Error(`a transaction of ${wrong.bytes.length} bytes, wanted ${bytes}`);
  return all;
}
