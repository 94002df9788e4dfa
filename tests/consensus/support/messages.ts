/** Messages of members that the test plays itself, and one real member that gets them. */
import assert from "node:assert/strict";
import { blockHash } from "../../../core/block.ts";
import type { Height, Round } from "../../../core/brands.ts";
import type { Federation } from "../../../core/federation.ts";
import type { Proposal, Tip } from "../../../core/ports.ts";
import { genesisTip } from "../../../core/tip.ts";
import type { Action, Event } from "../../../consensus/events.ts";
import { justify, NO_JUSTIFICATION } from "../../../consensus/justification.ts";
import type {
  Commit,
  Justification,
  Message,
  Prepare,
  PreparedCertificate,
  PrePrepare,
  RoundChange,
  VoteMessage,
} from "../../../consensus/message.ts";
import type { Unsigned } from "../../../consensus/own_vote.ts";
import { start } from "../../../consensus/start.ts";
import type { State } from "../../../consensus/state.ts";
import { step } from "../../../consensus/step.ts";
import { verifyMessage } from "../../../consensus/verify.ts";
import { voteMessage } from "../../../consensus/vote.ts";
import { memberKey } from "../../support/federation.ts";
import { sha256 } from "../../support/sha256.ts";
import { ED25519, makeFederation, makeProposal, toolsOf } from "./fixtures.ts";
import { actionLine, type BlockNames } from "./trace.ts";

/** Where and by whom a played vote is cast; height 1 unless said otherwise. */
export interface Where {
  readonly sender: number;
  readonly round?: number;
  readonly height?: number;
}

/** What members send on one tip. */
export interface Scene {
  readonly federation: Federation;
  readonly tip: Tip;
}

/** A federation of `n` before its first block. */
export function makeScene(n: number): Scene {
  const federation = makeFederation(n);
  return { federation, tip: genesisTip(federation) };
}

/** Signs with a member's key whatever it is told to. */
export function signAs<M extends VoteMessage>(
  { federation }: Scene,
  unsigned: Unsigned<M> & { sender: number },
): M {
  const signature = memberKey(unsigned.sender).sign(voteMessage(federation, unsigned as VoteMessage));
  return { ...unsigned, signature } as unknown as M;
}

function placed({ sender, round = 0, height = 1 }: Where): { sender: number; round: Round; height: Height } {
  return { sender, round: round as Round, height: height as Height };
}

/** The hash of a proposal's block. */
export function hashOf({ header }: Proposal): Prepare["blockHash"] {
  return blockHash(sha256, header);
}

/** A block by the leader of a round; other `content` makes another block. */
export function blockBy(
  { tip }: Scene,
  proposer: number,
  options: { round?: number; content?: string } = {},
): Proposal {
  const { round: createdRound = 0, content = "" } = options;
  return makeProposal(tip, { proposer, createdRound, content });
}

/** A PRE-PREPARE. */
export function prePrepare(
  scene: Scene,
  { proposal, justification = NO_JUSTIFICATION, ...where }: Where & {
    proposal: Proposal;
    justification?: Justification;
  },
): PrePrepare {
  const vote = {
    kind: "pre-prepare",
    ...placed(where),
    blockHash: hashOf(proposal),
    proposal,
    justification,
  } as const;
  return signAs<PrePrepare>(scene, vote);
}

/** A PREPARE. */
export function prepare(scene: Scene, { proposal, ...where }: Where & { proposal: Proposal }): Prepare {
  return signAs<Prepare>(scene, { kind: "prepare", ...placed(where), blockHash: hashOf(proposal) });
}

/** A COMMIT. */
export function commit(scene: Scene, { proposal, ...where }: Where & { proposal: Proposal }): Commit {
  return signAs<Commit>(scene, { kind: "commit", ...placed(where), blockHash: hashOf(proposal) });
}

/** A ROUND-CHANGE. */
export function roundChange(
  scene: Scene,
  { prepared = null, ...where }: Where & { prepared?: PreparedCertificate | null },
): RoundChange {
  return signAs<RoundChange>(scene, { kind: "round-change", ...placed(where), prepared });
}

/** The proof that `by` prepared a block in a round. */
export function preparedBy(
  scene: Scene,
  { proposal, by, round = 0 }: { proposal: Proposal; by: readonly number[]; round?: number },
): PreparedCertificate {
  const prepares = by.map((sender) => {
    const { signature } = prepare(scene, { sender, proposal, round });
    return { sender, signature };
  });
  return { round: round as Round, blockHash: hashOf(proposal), proposal, prepares };
}

/** The justification from ROUND-CHANGEs as an honest leader makes it. */
export function justifiedBy(roundChanges: readonly RoundChange[]): Justification {
  return justify(roundChanges).justification;
}

/** The event that a played message arrives; fails when it does not verify. */
export function arrival({ federation }: Scene, message: Message): Event {
  const verdict = verifyMessage(message, { federation, ...ED25519 });
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  const from = message.kind === "decided" ? 0 : message.sender;
  return { kind: "message", from, message: verdict.value };
}

/** A real member, not greeted by anybody. */
export function startMember({ tip }: Scene, self: number): State {
  return start({ tools: toolsOf(self), tip, self, work: false, records: [] }).state;
}

/** A real member that all others have greeted. */
export function greetedMember(scene: Scene, self: number): State {
  const others = scene.federation.document.members.map((_, member) => member).filter((member) =>
    member !== self
  );
  const greetings = others.map((member): Event => ({
    kind: "peerUp",
    member,
    height: 0 as Height,
    highest: null,
  }));
  return play(startMember(scene, self), greetings).state;
}

/** Posts events in turn; gives the last state and what the last event led to. */
export function play(
  state: State,
  events: readonly Event[],
): { readonly state: State; readonly actions: readonly Action[]; readonly all: readonly Action[] } {
  let actions: readonly Action[] = [];
  const all: Action[] = [];
  for (const event of events) {
    ({ state, actions } = step(state, event));
    all.push(...actions);
  }
  return { state, actions, all };
}

/** Actions as lines. */
export function lines(actions: readonly Action[], names: BlockNames): readonly string[] {
  return actions.map((action) => actionLine(action, names));
}
