/**
 * Which copies are alike: nothing that they will ever do differs, so one stands for all of them. For that a copy forgets
 * after each round what cannot matter to the votes to come: votes for rounds that it has left (but for COMMITs, which
 * count for ever, and ROUND-CHANGEs), what it has witnessed, and, once it has decided, everything but its block. So
 * nobody is accused by votes of different rounds here; that no correct member's votes contradict each other is checked
 * where they are cast.
 */
import { toHex } from "../../core/bytes.ts";
import type { Hash } from "../../core/brands.ts";
import type { PreparedReference, Vote } from "../../consensus/vote.ts";
import type { Certificate } from "../../core/certificate.ts";
import type { PreparedCertificate, RoundChange } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { placeOf } from "./twins_checks.ts";
import type { Copy } from "./twins_world.ts";

const names = new WeakMap<Hash, string>();

function nameOf(hash: Hash): string {
  const found = names.get(hash) ?? toHex(hash);
  names.set(hash, found);
  return found;
}

/** A copy without what cannot matter any more. */
export function forget({ state, decided, signed }: Copy): Copy {
  if (decided !== null) return { state: { ...state, witnessed: new Map() }, decided, signed: new Map() };
  const { round, own, votes, rounds } = state;
  const isNow = <V extends Vote>(vote: V | null) => vote !== null && vote.round >= round ? vote : null;
  const { commit, roundChange } = own;
  const kept = [isNow(own.prePrepare), isNow(own.prepare), commit, roundChange];
  const places = new Set(kept.filter((vote) => vote !== null).map(placeOf));
  return {
    decided,
    signed: new Map([...signed].filter(([place]) => places.has(place))),
    state: {
      ...state,
      witnessed: new Map(),
      own: {
        commit,
        roundChange,
        prePrepare: isNow(own.prePrepare),
        prepare: isNow(own.prepare),
      },
      votes: {
        ...votes,
        prePrepares: new Map([...votes.prePrepares].filter(([, vote]) => isNow(vote) !== null)),
        prepares: new Map([...votes.prepares].filter(([, vote]) => isNow(vote) !== null)),
      },
      rounds: new Map([...rounds].filter(([, shown]) => shown >= round)),
    },
  };
}

/** A text that copies which have forgotten have in common when they are alike, and only then. */
export function likenessOf({ state, decided }: Copy): string {
  const { self } = state;
  if (decided !== null) return `${self} decided ${certificateText(decided.certificate)}`;
  return [
    `${self} at ${state.height}/${state.round}, work ${state.work}, heartbeat ${state.heartbeatDue}`,
    `timers ${state.timers.round} ${state.timers.resend}`,
    `voted ${state.position.round}/${state.position.step}, up to ${state.followUntil}`,
    `own ${ownText(state)}`,
    `lock ${lockText(state.prepared)}`,
    `blocks ${[...state.blocks.keys()].sort().join()}`,
    `current ${state.current === null ? "" : `${nameOf(state.current.blockHash)} ${state.current.status}`}`,
    `build ${state.build?.round} ${state.build?.proposal === null}`,
    `votes ${votesText(state)}`,
    `rounds ${entriesText(state.rounds, String)}`,
    `outcome ${outcomeText(state)}`,
    `heights ${entriesText(state.peers.heights, String)}`,
    `future ${state.future.size}`,
  ].join("\n");
}

function referenceText(prepared: PreparedReference | null): string {
  return prepared === null ? "" : `${prepared.round}/${nameOf(prepared.blockHash)}`;
}

/** With the quorum: its votes are witnessed wherever the lock is shown. */
function lockText(prepared: PreparedCertificate | null): string {
  return prepared === null
    ? ""
    : `${referenceText(prepared)} by ${prepared.prepares.map(({ sender }) => sender)}`;
}

function certificateText({ round, blockHash, bitmap }: Certificate): string {
  return `${round}/${nameOf(blockHash)} by ${bitmap.join()}`;
}

function ownText({ own: { prePrepare, prepare, commit, roundChange } }: State): string {
  return [...[prePrepare, prepare, commit].map(referenceText), changeText(roundChange)].join(" | ");
}

function votesText({ votes: { prePrepares, prepares, commits, roundChanges } }: State): string {
  const votes = [prePrepares, prepares, commits].map((slots) => entriesText(slots, referenceText));
  return [...votes, entriesText(roundChanges, changeText)].join(" | ");
}

function changeText(vote: RoundChange | null): string {
  return vote === null ? "" : `${vote.round} ${lockText(vote.prepared)}`;
}

function outcomeText({ outcome }: State): string {
  if (outcome === null) return "";
  const { certificate, signers, handed } = outcome;
  return `${certificateText(certificate)} from ${signers.join()} ${handed}`;
}

/** Entries in order of member. */
function entriesText<V>(entries: ReadonlyMap<number, V>, textOf: (value: V) => string): string {
  return [...entries].sort(([a], [b]) => a - b).map(([member, value]) => `${member}:${textOf(value)}`).join();
}
