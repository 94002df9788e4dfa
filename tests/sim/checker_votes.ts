/** What must hold of the votes of correct nodes, over all their lives: invariants 5, 6 and 7. */
import { contradict } from "../../consensus/evidence.ts";
import { checkJustification } from "../../consensus/justification.ts";
import type { Prepare, PrePrepare, RoundChange, VoteMessage } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { comparePositions, NO_POSITION, positionOf, type VotePosition } from "../../consensus/vote.ts";
import { equal, toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Hello, NodeId, Violation } from "./types.ts";

/** Proposals about a height may come before the height does. */
const PROPOSAL_HEIGHTS = 4;

/** What is known of a correct node over all its lives. */
export interface Voter {
  /** What it signed, by height and place. */
  readonly signed: Map<number, Map<string, VoteMessage>>;
  highest: VotePosition;
  commit: { readonly height: number; readonly round: number; readonly blockHash: Uint8Array } | null;
  /** Proposals of late heights that reached it, by place and block. */
  readonly proposals: Map<string, PrePrepare>;
  /** Store and journal have gone back: what it signed before, it may sign anew unless somebody tells it. */
  isRestored: boolean;
  /** A correct peer showed it a vote of its own that it does not know: no vote up to this height. */
  mustFollow: number;
  /** What was said on links that are coming up. */
  readonly hellos: Map<NodeId, Hello>;
  /** Who has greeted it since its start. */
  readonly heard: Set<NodeId>;
  /** Its store has gone back since its last start: bodies may be gone for which the journal has votes. */
  hasLostBodies: boolean;
  /** Up to this height, its journal's last when that was found. */
  lostBodiesUpTo: number;
}

/** Checks votes. */
export interface VoteChecks {
  readonly of: (node: NodeId) => Voter;
  /** A vote leaves a node; whether its block is durable there. */
  readonly onVote: (
    node: NodeId,
    vote: {
      readonly message: VoteMessage;
      readonly state: State;
      readonly isHeld: (hash: string) => boolean;
    },
  ) => void;
  /** A proposal reaches a node. */
  readonly onProposal: (node: NodeId, message: PrePrepare) => void;
  /** A node takes up a greeting. */
  readonly onHeard: (node: NodeId, greeting: { readonly peer: NodeId; readonly before: State }) => void;
  readonly onStart: (node: NodeId, state: State) => void;
  /** A node has cast a vote that it had not cast before. */
  readonly onCast: (node: NodeId, state: State) => void;
}

/** Nobody has voted. */
export function makeVoteChecks(
  { crypto, isByzantine, nodeAt, fail }: {
    readonly crypto: CryptoPort;
    readonly isByzantine: (node: NodeId) => boolean;
    readonly nodeAt: (federation: Federation, index: number) => NodeId;
    readonly fail: (invariant: Violation["invariant"], detail: string) => void;
  },
): VoteChecks {
  const voters = new Map<NodeId, Voter>();
  const justified = new WeakSet<PrePrepare>();

  function of(node: NodeId): Voter {
    const found = voters.get(node);
    if (found !== undefined) return found;
    const made: Voter = {
      signed: new Map(),
      highest: NO_POSITION,
      commit: null,
      proposals: new Map(),
      isRestored: false,
      mustFollow: 0,
      hellos: new Map(),
      heard: new Set(),
      hasLostBodies: false,
      lostBodiesUpTo: 0,
    };
    voters.set(node, made);
    return made;
  }

  function onVote(node: NodeId, { message, state, isHeld }: Parameters<VoteChecks["onVote"]>[1]): void {
    const voter = of(node);
    const { kind, height, round } = message;
    const place = `${kind} ${height}/${round}`;
    const signed = voter.signed.get(height) ?? new Map<string, VoteMessage>();
    voter.signed.set(height, signed);
    const before = signed.get(place);
    // What was sent before may be sent again, by who only follows too: the same bytes promise nothing more.
    if (before !== undefined && equal(before.signature, message.signature)) return;
    if (height <= voter.mustFollow) {
      fail(7, `node ${node} sends ${place} though a peer has shown it a vote at height ${voter.mustFollow}`);
    }
    if (before !== undefined) {
      if (!voter.isRestored) fail(5, `node ${node} signs ${place} twice`);
      return;
    }
    signed.set(place, message);
    if (comparePositions(positionOf(message), voter.highest) > 0) voter.highest = positionOf(message);
    if (kind === "pre-prepare") onProposal(node, message);
    if (kind === "prepare" && height > voter.lostBodiesUpTo && !isHeld(toHex(message.blockHash))) {
      fail(3, `node ${node} sends ${place} for a block that is not durable there`);
    }
    if (kind === "prepare" && round > 0) checkPrepare(node, { message, state });
    if (!voter.isRestored && kind === "round-change") {
      if (voter.commit?.height === height && voter.commit.round < round) {
        checkRoundChange(node, { message, commit: voter.commit });
      }
    }
    if (kind === "commit") voter.commit = message;
    if (voter.isRestored) return;
    const other = [...signed.values()].find((each) => contradict(each, message));
    if (other !== undefined) fail(5, `node ${node} contradicts its ${other.kind} by ${place}`);
  }

  function onProposal(node: NodeId, message: PrePrepare): void {
    const voter = of(node);
    const { height, round, blockHash } = message;
    for (const [name, each] of voter.proposals) {
      if (each.height < height - PROPOSAL_HEIGHTS) voter.proposals.delete(name);
    }
    voter.proposals.set(`${height}/${round} ${toHex(blockHash)}`, message);
  }

  /** Above round 0 only what a quorum's ROUND-CHANGEs justify: so it may be another block than one committed to. */
  function checkPrepare(
    node: NodeId,
    { message: { height, round, blockHash }, state }: { readonly message: Prepare; readonly state: State },
  ): void {
    const proposal = of(node).proposals.get(`${height}/${round} ${toHex(blockHash)}`);
    const context = { federation: state.tip.federation, crypto };
    if (proposal === undefined) {
      fail(6, `node ${node} prepares at ${height}/${round} what nobody proposed to it`);
    } else if (!justified.has(proposal)) {
      const refusal = checkJustification(proposal, context);
      if (refusal === undefined) justified.add(proposal);
      else {fail(
          6,
          `node ${node} prepares a block at ${height}/${round} against the rules: ${refusal.detail}`,
        );}
    }
  }

  function checkRoundChange(
    node: NodeId,
    { message: { height, round, prepared }, commit }: {
      readonly message: RoundChange;
      readonly commit: NonNullable<Voter["commit"]>;
    },
  ): void {
    if (prepared !== null && prepared.round >= commit.round) return;
    fail(6, `node ${node} asks for ${height}/${round} without its lock of round ${commit.round}`);
  }

  return {
    of,
    onVote,
    onProposal,
    onHeard: (node, { peer, before }) => {
      const voter = of(node);
      voter.heard.add(peer);
      const hello = voter.hellos.get(peer);
      voter.hellos.delete(peer);
      // What a Byzantine peer shows need not be true.
      if (hello === undefined || hello.shown === null || isByzantine(peer)) return;
      const { vote } = hello.shown;
      if (comparePositions(positionOf(vote), before.position) <= 0) return;
      voter.mustFollow = Math.max(voter.mustFollow, vote.height);
      if (!voter.isRestored) fail(7, `node ${node} does not know its own vote at height ${vote.height}`);
    },
    onCast: (node, { height, tip: { federation } }) => {
      const heard =
        federation.document.members.filter((_, i) => of(node).heard.has(nodeAt(federation, i))).length;
      if (heard < federation.quorum - 1) {
        fail(7, `node ${node} votes at height ${height}, greeted by ${heard} alone`);
      }
    },
    onStart: (node, state) => {
      const voter = of(node);
      voter.mustFollow = 0;
      voter.hellos.clear();
      voter.heard.clear();
      // The journal may have a vote that was never sent, for a block that the store has lost since.
      if (voter.hasLostBodies) voter.lostBodiesUpTo = state.position.height;
      voter.hasLostBodies = false;
      if (voter.isRestored || comparePositions(state.position, voter.highest) >= 0) return;
      fail(7, `node ${node} starts below a vote that it has sent at height ${voter.highest.height}`);
    },
  };
}
