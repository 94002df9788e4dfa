/** The real code under test, and how members look at messages: a verdict is remembered, since nothing changes it. */
import * as catchUp from "../../consensus/catch_up.ts";
import { isOfInterest } from "../../consensus/interest.ts";
import { leaderAt, leaderKeyAt } from "../../consensus/leader.ts";
import * as mempool from "../../consensus/mempool.ts";
import type { Message, Verified } from "../../consensus/message.ts";
import { highestVoteOf } from "../../consensus/peers.ts";
import { start } from "../../consensus/start.ts";
import { step } from "../../consensus/step.ts";
import { verifyMessage } from "../../consensus/verify.ts";
import { voteMessage } from "../../consensus/vote.ts";
import { decodeMessage, encodeMessage } from "../../consensus/wire.ts";
import { checkHeader } from "../../core/block_rules.ts";
import { verifyCertificate } from "../../core/certificate.ts";
import { checkChange, checkNext } from "../../core/federation_change.ts";
import { openTransition } from "../../core/state/transition.ts";
import { tipAfter } from "../../core/tip.ts";
import type { Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import type { DriverRules, Protocol } from "./types.ts";

/** The protocol as it ships. */
export const GENUINE: Protocol = {
  start,
  step,
  verifyMessage,
  encodeMessage,
  decodeMessage,
  isOfInterest,
  highestVoteOf,
  voteMessage,
  leaderAt,
  leaderKeyAt,
  checkHeader,
  verifyCertificate,
  openTransition,
  checkChange,
  checkNext,
  tipAfter,
  mempool,
  catchUp,
};

/** A driver that does everything right. */
export const ALL_RULES: DriverRules = {
  persistBeforeSend: true,
  reloadJournal: true,
  acknowledgeDurable: true,
  verifySynced: true,
  batchesBeforeTip: true,
  holdBeforeValidated: true,
  checkClock: true,
  checkDuplicates: true,
  ignorePool: true,
  hearShownVotes: true,
};

/** Verifies each message object once a federation: a broadcast reaches many. */
export function rememberVerdicts(protocol: Protocol): Protocol["verifyMessage"] {
  const verdicts = new WeakMap<Message, Map<Federation, Verdict<Verified>>>();
  return (message, context) => {
    const known = verdicts.get(message) ?? new Map<Federation, Verdict<Verified>>();
    verdicts.set(message, known);
    const found = known.get(context.federation);
    if (found !== undefined) return found;
    const verdict = protocol.verifyMessage(message, context);
    known.set(context.federation, verdict);
    return verdict;
  };
}
