/** A chain of one block, and what members say about the second one. */
import { asHeight, asSignature, type Hash, type Round, type TxId } from "../../../core/brands.ts";
import { asTxId } from "../../../core/brands.ts";
import { makeHeader } from "../../../core/block_rules.ts";
import { type Certificate, makeCertificate } from "../../../core/certificate.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import type { Proposal, Tip } from "../../../core/ports.ts";
import { genesisTip, tipAfter } from "../../../core/tip.ts";
import type { CompactForm } from "../../../consensus/driver/compact_form.ts";
import { compactOf } from "../../../consensus/driver/compact_make.ts";
import type { Commit, Message, PrePrepare } from "../../../consensus/message.ts";
import { start } from "../../../consensus/start.ts";
import type { State } from "../../../consensus/state.ts";
import { step } from "../../../consensus/step.ts";
import type { Received } from "../../../consensus/driver/compact_inbox.ts";
import { verifyMessage } from "../../../consensus/verify.ts";
import { memberKey } from "../../support/federation.ts";
import { sha256 } from "../../support/sha256.ts";
import { makeProposal, toolsOf } from "../support/fixtures.ts";
import { commit, hashOf, makeScene, prePrepare, type Scene } from "../support/messages.ts";

/** Members on their second block; member 0 leads. */
export interface SecondBlock extends Scene {
  readonly n: number;
  /** Everybody's COMMIT for the first block. */
  readonly commits: readonly Commit[];
  /** A member's state at height 2; its chain holds a certificate by the first quorum unless told otherwise. */
  readonly stateOf: (member: number, certificate?: Certificate | null) => State;
}

/** Makes the chain. */
export function secondBlock(n = 4): SecondBlock {
  const first = makeScene(n);
  const { federation } = first;
  const proposal = makeProposal(first.tip, { proposer: 0, content: "first" });
  const commits = Array.from({ length: n }, (_, sender) => commit(first, { sender, proposal }));
  const subject = { height: asHeight(1), round: 0 as Round, blockHash: hashOf(proposal) };
  const certificateBy = (members: readonly number[]) =>
    makeCertificate(federation, {
      subject,
      votes: new Map(members.map((member) => [member, (commits[member] as Commit).signature])),
    });
  const quorum = Array.from({ length: federation.quorum }, (_, member) => member);
  const before = genesisTip(federation);
  const tipWith = (certificate: Certificate): Tip =>
    tipAfter({ block: { header: proposal.header }, certificate }, {
      before,
      change: null,
      crypto: platformCrypto,
    });
  const tip = tipWith(certificateBy(quorum));
  return {
    n,
    federation,
    tip,
    commits,
    stateOf: (self, certificate) => {
      const ours = certificate === undefined ? tip : { ...tip, certificate };
      return start({ tools: toolsOf(self), tip: ours, self, work: false, records: [] }).state;
    },
  };
}

/** Ids of transactions that nobody needs to have. */
export function idsOf(count: number, what = "transaction"): readonly TxId[] {
  return Array.from({ length: count }, (_, i) => asTxId(sha256(new TextEncoder().encode(`${what} ${i}`))));
}

/** Another block on the tip with these transactions. */
export function blockOf(
  { tip }: Scene,
  { ids, proposer = 0, nowMs = 1_900_000_000_000 }: {
    ids: readonly TxId[];
    proposer?: number;
    nowMs?: number;
  },
): Proposal {
  const header = makeHeader({
    tip,
    proposer: memberKey(proposer).publicKey,
    createdRound: 0 as Round,
    nowMs,
    ids,
    stateRoot: sha256(new Uint8Array(ids.length)) as Hash,
  }, platformCrypto);
  return { header, ids, parentCertificate: tip.certificate };
}

/** The leader's proposal of a block with these transactions. */
export function proposalOf(scene: Scene, ids: readonly TxId[]): PrePrepare {
  return prePrepare(scene, { sender: 0, height: 2, proposal: blockOf(scene, { ids }) });
}

/** A message in compact form. */
export function compact(message: Message): CompactForm {
  const form = compactOf(sha256, message);
  if (form === null) throw new Error(`a ${message.kind} has no compact form`);
  return form;
}

/** The state once a message was handed over. */
export function given(state: State, { from, message }: Received): State {
  return step(state, { kind: "message", from, message }).state;
}

/** A message as it comes in full. */
export function inFull({ federation }: Scene, message: Message & { sender: number }): Received {
  const verdict = verifyMessage(message, { federation, crypto: platformCrypto });
  if (!verdict.ok) throw new Error(verdict.detail);
  return { from: message.sender, message: verdict.value };
}

/** A message with a signature that does not hold. */
export function spoiled<M extends Message & { signature: unknown }>(message: M): M {
  return { ...message, signature: asSignature(new Uint8Array(64).fill(7)) };
}
