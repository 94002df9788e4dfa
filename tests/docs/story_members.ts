/**
 * The part of the documents' examples that passes between members: votes on the story's second block, the handshake
 * of two of them, sealed frames, and the vote journal.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { blockHash, type RawBlock } from "../../core/block.ts";
import { asHeight, asRound, type Hash } from "../../core/brands.ts";
import { type Bytes, concat, fromHex, u32be, u64be, utf8 } from "../../core/bytes.ts";
import { taggedHash } from "../../core/hashing.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { Proposal } from "../../core/ports.ts";
import { encodeShape } from "../../core/shape.ts";
import { certifiedHeaderShape } from "../../core/certified_header.ts";
import { compactOf } from "../../consensus/driver/compact_make.ts";
import { encodeFrame, type Frame } from "../../consensus/driver/frames.ts";
import { encodeArchiveHeader, encodeRawBlock } from "../../core/archive.ts";
import { encodeHello } from "../../consensus/driver/hello.ts";
import { encodeEvidence } from "../../consensus/evidence.ts";
import { encodeRecord } from "../../consensus/journal.ts";
import type { Message, PreparedCertificate, VoteMessage } from "../../consensus/message.ts";
import { encodeFrame as withLength } from "../../consensus/tcp/frame.ts";
import {
  encodeGreeting,
  encodeProof,
  proofMessage,
  transcriptHash,
} from "../../consensus/tcp/handshake_message.ts";
import { beginSession, KIND, sessionKeys } from "../../consensus/tcp/session.ts";
import { bareVote, voteMessage } from "../../consensus/vote.ts";
import { encodeMessage } from "../../consensus/wire.ts";
import { MEMBERS, repeated, type Story } from "./story.ts";

const { hash } = platformCrypto;

type Example = [string, Uint8Array];
/** A message that lacks its sender and signature. */
type Unsigned<M> = M extends unknown ? Omit<M, "sender" | "signature"> : never;

/** Everything between members, by name; `also:RULE:NAME` is not in the document, and checked like the rest. */
export async function memberExamples(story: Story): Promise<readonly Example[]> {
  const votes = makeVotes(story);
  return [
    ...voteExamples(story, votes),
    ...recordExamples(story, votes),
    ...await linkExamples(story, votes),
  ];
}

interface Votes {
  readonly prePrepare: VoteMessage;
  readonly prepare: VoteMessage;
  readonly commit: VoteMessage;
  readonly roundChange: VoteMessage;
  readonly preparedRoundChange: VoteMessage;
  readonly later: VoteMessage;
  /** By the sender of `commit`, which it does not own up to. */
  readonly forgetful: VoteMessage;
  readonly proposal: Proposal;
  readonly prepares: PreparedCertificate["prepares"];
}

function makeVotes({ federation, blocks: [, block], ids }: Story): Votes {
  const { header, parentCertificate } = block;
  const proposal: Proposal = { header, parentCertificate, ids };
  const at = { height: header.height, round: asRound(0), blockHash: blockHash(hash, header) };
  const cast = (sender: number, unsigned: Unsigned<VoteMessage>): VoteMessage => {
    const { sign } = MEMBERS[sender] as PrivateKey;
    return { ...unsigned, sender, signature: sign(voteMessage(federation, unsigned)) } as VoteMessage;
  };
  const prepares = [0, 1, 2].map((sender) => {
    const { signature } = cast(sender, { kind: "prepare", ...at });
    return { sender, signature };
  });
  const round = asRound(1);
  const prepared: PreparedCertificate = { ...at, proposal, prepares };
  const roundChanges = [0, 1, 2].map((sender) =>
    cast(sender, { kind: "round-change", height: at.height, round, prepared })
  );
  return {
    proposal,
    prepares,
    prePrepare: cast(0, {
      kind: "pre-prepare",
      ...at,
      proposal,
      justification: { roundChanges: [], prepares: [] },
    }),
    prepare: cast(1, { kind: "prepare", ...at }),
    commit: cast(2, { kind: "commit", ...at }),
    roundChange: cast(3, { kind: "round-change", height: at.height, round, prepared: null }),
    preparedRoundChange: roundChanges[0] as VoteMessage,
    forgetful: cast(2, { kind: "round-change", height: at.height, round, prepared: null }),
    later: cast(1, {
      kind: "pre-prepare",
      ...at,
      round,
      proposal,
      justification: {
        roundChanges: roundChanges.map(({ sender, signature }) => ({ sender, signature, prepared: at })),
        prepares,
      },
    }),
  };
}

/** A message in compact form, without the frame's first byte. */
function compact(message: Message): Bytes {
  const form = compactOf(hash, message);
  return form === null ? new Uint8Array() : encodeFrame(form).subarray(1);
}

function voteExamples({ federation, blocks }: Story, votes: Votes): Example[] {
  const decided: Message = { kind: "decided", block: blocks[1] as RawBlock };
  const { prePrepare, prepare, commit, roundChange, preparedRoundChange, later } = votes;
  return [
    ["prepare-message", voteMessage(federation, prepare)],
    ["round-change-message", voteMessage(federation, roundChange)],
    ["pre-prepare", encodeMessage(prePrepare)],
    ["prepare", encodeMessage(prepare)],
    ["commit", encodeMessage(commit)],
    ["round-change", encodeMessage(roundChange)],
    ["decided", encodeMessage(decided)],
    ["compact-prepare", compact(prepare)],
    ["compact-proposal", compact(prePrepare)],
    ["also:compact-vote:commit", compact(commit)],
    ["also:message:prepared round change", encodeMessage(preparedRoundChange)],
    ["also:message:pre-prepare in round 1", encodeMessage(later)],
  ];
}

function recordExamples({ federation }: Story, votes: Votes): Example[] {
  const { hash: federationHash } = federation;
  const { prepare, commit, roundChange, proposal, prepares, forgetful } = votes;
  const vote = (message: Message, beside: { block?: Proposal; prepares?: Votes["prepares"] } = {}) =>
    encodeRecord({ version: 1, type: 1, federationHash, message, block: null, prepares: [], ...beside });
  const records: readonly Bytes[] = [vote(roundChange)];
  const { publicKey } = MEMBERS[2] as PrivateKey;
  const evidence = encodeEvidence({ federationHash, first: bareVote(commit), second: bareVote(forgetful) });
  return [
    ["vote-record", vote(roundChange)],
    [
      "seen-record",
      encodeRecord({
        version: 1,
        type: 2,
        seen: [{ member: publicKey, shown: { federationHash, vote: bareVote(commit) } }],
      }),
    ],
    ["journal-file", journalFile(records)],
    ["also:journal-record:prepare", vote(prepare, { block: proposal })],
    ["also:journal-record:commit", vote(commit, { prepares })],
    ["evidence", evidence],
    ["also:archive-header:with evidence", encodeArchiveHeader(federation, [evidence])],
  ];
}

function journalFile(records: readonly Bytes[]): Bytes {
  return concat(
    utf8("vnfvote1"),
    ...records.flatMap((record, number) => {
      const length = u32be(record.length);
      return [
        length,
        taggedHash(hash, "vnfchain/journal-length/1", u64be(number), length).slice(0, 4),
        taggedHash(hash, "vnfchain/journal-record/1", u64be(number), record).slice(0, 8),
        record,
      ];
    }),
  );
}

/** PrivateKeyInfo of an X25519 key up to its 32 bytes (RFC 8410 §7). */
const X25519_PREFIX = fromHex("302e020100300506032b656e04220420") as Bytes;

function x25519(byte: number) {
  const der = Buffer.from(concat(X25519_PREFIX, repeated(byte)));
  const secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(secret);
  const bytes: Bytes = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  return { secret, publicKey, bytes };
}

/** Member a dials member b. */
async function linkExamples({ federation, blocks, ids }: Story, { commit }: Votes): Promise<Example[]> {
  const { genesisId } = federation;
  const ends = { dialer: x25519(0xd1), listener: x25519(0xd2) };
  const [a, b] = MEMBERS as readonly [PrivateKey, PrivateKey];
  const greet = (key: PrivateKey, nonce: number, agreementKey: Bytes) =>
    encodeGreeting({
      version: 1,
      genesisId,
      federation: federation.hash,
      key: key.publicKey,
      nonce: repeated(nonce),
      agreementKey,
    });
  const greetings = {
    dialer: greet(a, 0x51, ends.dialer.bytes),
    listener: greet(b, 0x52, ends.listener.bytes),
  };
  const shared: Bytes = new Uint8Array(
    diffieHellman({ privateKey: ends.dialer.secret, publicKey: ends.listener.publicKey }),
  );
  const transcript: Hash = transcriptHash(hash, greetings);
  const keys = sessionKeys({ shared, transcript });
  const hello = encodeHello({ height: asHeight(1), shown: null });
  const message = proofMessage(hash, {
    genesisId,
    role: "dialer",
    ownKey: a.publicKey,
    peerKey: b.publicKey,
    greetings: { own: greetings.dialer, peer: greetings.listener },
    hello,
  });
  const proof = encodeProof({ signature: a.sign(message), hello });
  const dialer = await beginSession(keys, "dialer");
  const sealedProof = await dialer.seal(KIND.proof, proof);
  const height = encodeFrame({ kind: "height", height: asHeight(2) });
  const [, { header, certificate, transactions }] = blocks;
  const afterKind = (frame: Frame) => encodeFrame(frame).subarray(1);
  const decided = [encodeRawBlock(blocks[1])];
  return [
    ["also:head:of block 2", encodeShape(certifiedHeaderShape, { header, certificate })],
    ["also:frame-transactions:two", afterKind({ kind: "transactions", transactions })],
    ["also:frame-ids:two", afterKind({ kind: "want", ids })],
    ["also:frame-get-blocks:one", afterKind({ kind: "getBlocks", from: header.height, count: 1 })],
    ["also:frame-blocks:one", afterKind({ kind: "blocks", from: header.height, blocks: decided })],
    ["dialer-greeting", greetings.dialer],
    ["listener-greeting", greetings.listener],
    ["greeting-frame", withLength(greetings.dialer)],
    ["transcript-hash", transcript],
    ["shared-secret", shared],
    ["dialer-key", keys.dialer],
    ["listener-key", keys.listener],
    ["hello", hello],
    ["hello-hash", taggedHash(hash, "vnfchain/handshake-hello/1", hello)],
    ["proof-message", message],
    ["proof", proof],
    ["sealed-proof", withLength(sealedProof)],
    ["height-frame", height],
    ["sealed-height", withLength(await dialer.seal(KIND.data, height))],
    [
      "also:hello:with a vote",
      encodeHello({
        height: blocks[1].header.height,
        shown: { federationHash: federation.hash, vote: bareVote(commit) },
      }),
    ],
  ];
}
