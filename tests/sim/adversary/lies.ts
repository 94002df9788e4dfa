/** Lies about heights, decided blocks, and what was seen of others. */
import type { ShownVote } from "../../../consensus/shown_vote.ts";
import { bareVote, type Vote } from "../../../consensus/vote.ts";
import { blockHash as hashOf, type RawBlock } from "../../../core/block.ts";
import type { Hash, Height, Round, Signature } from "../../../core/brands.ts";
import { equal, toHex } from "../../../core/bytes.ts";
import { makeCertificate, signersOf } from "../../../core/certificate.ts";
import type { Frame } from "../types.ts";
import { asFrame, badSignature, blockVote, indexOf, ownBlock, some, transactionsOf } from "./craft.ts";
import { tallyName } from "./knowledge.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/** Claims to be far ahead, or at nothing. */
export const wrongHeights: MakeBehaviour = (self) => ({
  onTick: () => {
    if (self.random.chance(0.4)) return;
    self.count();
    self.send(some(self), { kind: "height", height: someHeight(self) });
    if (self.random.chance(0.3)) {
      self.send(some(self), {
        kind: "getBlocks",
        from: someHeight(self),
        count: self.random.pick([0, 1, 2 ** 40]),
      });
    }
  },
  hello: (_peer, honest) => {
    if (self.random.chance(0.3)) return honest;
    self.count();
    return { ...honest, height: someHeight(self) };
  },
});

function someHeight({ random, place }: Puppet): Height {
  const { height } = place();
  return random.pick([
    0,
    1,
    height - 1,
    height,
    height + 1,
    height + 1_000,
    Number.MAX_SAFE_INTEGER,
  ]) as Height;
}

/** Gives blocks that are cut, changed, not those asked for, or not decided: asked, and unasked. */
export const badBlocks: MakeBehaviour = (self) => {
  const { random, knowledge } = self;
  let told: Hash | null = null;

  /** A block that is decided but for one vote, as if it were. */
  function nearly({ height, round, blockHash }: Place & { blockHash: Hash }): void {
    if ((told !== null && equal(told, blockHash)) || self.place().height !== height) return;
    const { tallies, proposals } = knowledge.at(height);
    const tally = tallies.get(tallyName({ kind: "commit", round, blockHash }));
    const proposal = proposals.get(toHex(blockHash));
    if (tally === undefined || proposal === undefined || self.index() < 0) return;
    const { document: { members }, quorum } = self.federation();
    const votes = new Map(
      [...tally.signatures].filter(([sender]) => sender < members.length).slice(0, quorum - 1),
    );
    if (votes.size < quorum - 1) return;
    told = blockHash;
    const certificate = makeCertificate(self.federation(), { subject: { height, round, blockHash }, votes });
    const transactions = transactionsOf(self, proposal).map(({ bytes }) => bytes);
    const { header, parentCertificate } = proposal;
    const block: RawBlock = { version: 1, header, parentCertificate, transactions, certificate };
    self.count();
    knowledge.note({ kind: "decided", block });
    self.send(random.chance(0.5) ? self.victims : some(self), asFrame({ kind: "decided", block }));
  }

  return {
    filter: (sending) => {
      const { frame } = sending;
      const changed = frame.kind === "blocks" ? badAnswer(self, frame) : badDecided(self, frame);
      if (changed === frame || random.chance(0.2)) return [sending];
      self.count();
      return [{ ...sending, frame: changed }];
    },
    blocks: (honest) => {
      if (random.chance(0.3)) return honest;
      self.count();
      return random.chance(0.2) ? [] : honest.map((block) => spoil(self, block));
    },
    onFrame: ({ frame, from }) => {
      if (frame.kind === "message" && frame.message.kind === "commit") nearly(frame.message);
      if (frame.kind !== "getBlocks" || frame.from !== self.place().height || self.index() < 0) return;
      self.count();
      self.send(from, { kind: "blocks", from: frame.from, blocks: [inventBlock(self)] });
    },
    onTick: () => {
      const { knowledge: { decided } } = self;
      if (random.chance(0.3)) {
        self.count();
        self.send(some(self), { kind: "height", height: self.place().height });
      }
      if (decided.length === 0 || random.chance(0.5)) return;
      self.count();
      const frame = asFrame({ kind: "decided", block: spoil(self, random.pick(decided)) });
      self.send(some(self), frame);
    },
  };
};

/** A block on the tip that nobody has decided, "certified" by its own votes and signatures that are none. */
function inventBlock(self: Puppet): RawBlock {
  const { random, tip, port } = self;
  const { height } = self.place();
  const rounds = Array.from({ length: self.federation().document.members.length }, (_, i) => i as Round);
  const round = rounds.find((each) => port.protocol.leaderAt(tip(), each) === self.index()) ?? 0 as Round;
  const { header, parentCertificate } = ownBlock(self, { round });
  const blockHash = hashOf(port.crypto.hash, header);
  const votes = new Map<number, Signature>();
  for (const ally of self.allies()) {
    const { sender, signature } = blockVote(self, { kind: "commit", height, round, blockHash }, ally);
    votes.set(sender, signature);
  }
  for (let i = 0; votes.size < self.federation().quorum; i++) {
    if (!votes.has(i)) votes.set(i, badSignature(random));
  }
  const certificate = makeCertificate(self.federation(), { subject: { height, round, blockHash }, votes });
  return { version: 1, header, parentCertificate, transactions: [], certificate };
}

function badAnswer(self: Puppet, frame: Extract<Frame, { kind: "blocks" }>): Frame {
  const { random } = self;
  const { from, blocks } = frame;
  switch (random.below(5)) {
    case 0:
      return { ...frame, blocks: [] };
    case 1:
      return { ...frame, from: from + 1 as Height };
    case 2:
      return { ...frame, blocks: random.shuffled(blocks) };
    case 3:
      return { ...frame, blocks: [...blocks, ...blocks] };
    default:
      return { ...frame, blocks: blocks.map((block) => spoil(self, block)) };
  }
}

function badDecided(self: Puppet, frame: Frame): Frame {
  if (frame.kind !== "message" || frame.message.kind !== "decided") return frame;
  return asFrame({ kind: "decided", block: spoil(self, frame.message.block) });
}

/** A decided block with one thing wrong. */
function spoil(self: Puppet, block: RawBlock): RawBlock {
  const { random } = self;
  const { header, certificate, transactions } = block;
  switch (random.below(5)) {
    case 0:
    case 1:
      return { ...block, certificate: oneShort(self, block) };
    case 2:
      return { ...block, header: { ...header, time: header.time + 1 } };
    case 3:
      return { ...block, transactions: transactions.slice(1) };
    default:
      return {
        ...block,
        certificate: { ...certificate, signatures: certificate.signatures.map(() => badSignature(random)) },
      };
  }
}

/** The same certificate with one signature less than a quorum. */
function oneShort({ federation, random }: Puppet, { certificate }: RawBlock): RawBlock["certificate"] {
  const { document: { members }, quorum } = federation();
  const signers = signersOf(certificate.bitmap, members.length) ?? [];
  const votes = signers.map((signer, i) => [signer, certificate.signatures[i]] as const);
  const kept = random.shuffled(votes).slice(0, quorum - 1).flatMap(([signer, signature]) =>
    signature === undefined ? [] : [[signer, signature] as const]
  );
  const { height, round, blockHash } = certificate;
  return makeCertificate(federation(), { subject: { height, round, blockHash }, votes: new Map(kept) });
}

/** Shows peers old votes of theirs, votes of others, and votes that they never cast; or none. */
export const shownVotes: MakeBehaviour = (self) => ({
  hello: (peer, honest) => {
    const { random, federation, knowledge: { votes } } = self;
    self.count();
    const index = indexOf(self, peer);
    const theirs = votes.filter((vote) => vote.sender === index);
    const show = (vote: Vote): ShownVote => ({ federationHash: federation().hash, vote: bareVote(vote) });
    switch (random.below(5)) {
      case 0:
        return { ...honest, shown: null };
      case 1:
        return { ...honest, shown: theirs.length > 0 ? show(random.pick(theirs)) : null };
      case 2:
        return { ...honest, shown: votes.length > 0 ? show(random.pick(votes)) : null };
      case 3:
        return { ...honest, shown: invented(self, index) };
      default:
        return honest;
    }
  },
});

/** A vote far ahead that the peer never cast; its signature is none, or is that of an earlier vote. */
function invented({ random, federation, place, knowledge: { votes } }: Puppet, sender: number): ShownVote {
  const theirs = votes.filter((vote) => vote.sender === sender);
  const signature = theirs.length > 0 && random.chance(0.5)
    ? random.pick(theirs).signature
    : badSignature(random);
  const height = place().height + random.pick([0, 1, 1_000_000]) as Height;
  const vote: Vote = {
    kind: "round-change",
    height,
    round: 7 as Round,
    sender: Math.max(0, sender),
    signature,
    prepared: null,
  };
  return { federationHash: federation().hash, vote };
}
