/**
 * The mutants: each is the code with one rule broken, and the simulation must find every one. Rules of the protocol are
 * broken by a textual replacement in a copy of the sources, whose text must occur exactly once; those of the driver
 * and the disk by a switch of the simulated one.
 */
import type { Bias } from "../draw.ts";
import type { DriverRules } from "../types.ts";

/** A replacement in one source file. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A mutant by name. */
export interface MutantCase {
  readonly name: string;
  readonly patches?: readonly Patch[];
  readonly rules?: Partial<DriverRules>;
  /** What the schedules have in which it is hunted. */
  readonly bias?: Bias;
  /** Quorums of 2f + 1, put into the federation that the code under test is given. */
  readonly isSmallQuorum?: true;
}

const JUSTIFICATION = "consensus/justification.ts";
const CHANGE = "core/federation_change.ts";

/** A case that shows itself where the federation changes. */
function changing(...args: Parameters<typeof patched>): MutantCase {
  return { ...patched(...args), bias: "federation" };
}

/** In place of the check of approvals: they may be those of any federation that was in force before. */
const EARLIER = [
  "const before: Federation[] = [];",
  "function checkApprovals(",
  "  change: FederationChange,",
  '  { federation, crypto }: Pick<ChangeContext, "federation" | "crypto">,',
  "): Refusal | undefined {",
  "  if (!before.some(({ hash }) => equal(hash, federation.hash))) before.push(federation);",
  "  const problem = checkApprovalsUnder(change, { federation, crypto });",
  "  if (problem === undefined) return undefined;",
  "  const own = before.filter(({ genesisId }) => equal(genesisId, federation.genesisId));",
  "  const holds = (each: Federation) => checkApprovalsUnder(change, { federation: each, crypto }) === undefined;",
  "  return own.some(holds) ? undefined : problem;",
  "}",
].join("\n");

/** A case that changes one file in one or more places. */
function patched(name: string, file: string, ...pairs: readonly (readonly [string, string])[]): MutantCase {
  return { name, patches: pairs.map(([find, replace]) => ({ file, find, replace })) };
}

/**
 * A case in which a vote's signature is taken whatever it says of one thing: the code gives all the texts that would
 * do. What is signed stays as it is, so that the members' own votes are as good as before.
 */
function loosened(name: string, code: readonly string[]): MutantCase {
  const texts = [
    "function textsOf(federation: Federation, { vote, crypto }: { vote: VoteSubject; crypto: CryptoPort }) {",
    ...code,
    "}",
  ];
  return patched(name, "consensus/quorum.ts", [
    "/** What signatures are judged against. */",
    `${texts.join("\n")}\n/** What signatures are judged against. */`,
  ], [
    'import { type Federation, memberAt } from "../core/federation.ts";',
    'import { type Federation, federationOf, memberAt } from "../core/federation.ts";',
  ], [
    "  return crypto.verify(memberAt(federation, vote.sender).key, voteMessage(federation, vote), vote.signature);",
    "  const { key } = memberAt(federation, vote.sender);\n" +
    "  return textsOf(federation, { vote, crypto }).some((text) => crypto.verify(key, text, vote.signature));",
  ], [
    "    !crypto.verify(\n" +
    "      memberAt(federation, entry.sender).key,\n" +
    "      voteMessage(federation, subjectOf(entry)),\n" +
    "      entry.signature,\n" +
    "    )\n",
    "    !textsOf(federation, { vote: subjectOf(entry), crypto }).some((text) =>\n" +
    "      crypto.verify(memberAt(federation, entry.sender).key, text, entry.signature)\n" +
    "    )\n",
  ]);
}

/** Every mutant of the list, in its order; where the list leaves a choice, each choice is one. */
export const MUTANTS: readonly MutantCase[] = [
  { name: "quorum 2f+1", isSmallQuorum: true },
  patched("duplicate signers counted", "consensus/quorum.ts", [
    "sender <= previous ||",
    "sender < previous ||",
  ]),
  patched("PREPAREs mixed across rounds", "consensus/commit.ts", [
    "signaturesFor(draft.votes.prepares, { round, blockHash })",
    "new Map([...draft.votes.prepares.values()].filter((vote) => equal(vote.blockHash, blockHash)).map((vote) => " +
    "[vote.sender, vote.signature] as const))",
  ]),
  patched("COMMITs mixed across rounds", "consensus/commit.ts", [
    "`${vote.round}/${toHex(vote.blockHash)}`",
    "toHex(vote.blockHash)",
  ], [
    "signaturesFor(draft.votes.commits, found)",
    "new Map([...draft.votes.commits.values()].filter((vote) => equal(vote.blockHash, found.blockHash)).map((vote) => " +
    "[vote.sender, vote.signature] as const))",
  ]),
  patched("lowest prepared round chosen", JUSTIFICATION, [
    "each.round > highest.round",
    "each.round < highest.round",
  ]),
  patched("prepared value ignored by the new leader", JUSTIFICATION, [
    "const bound = highestPrepared(inOrder.map(({ prepared }) => prepared));",
    "const bound = null as PreparedCertificate | null;",
  ]),
  patched("no justification check above round 0", JUSTIFICATION, [
    "  const fresh = header.createdRound === round;\n",
    "  const fresh = header.createdRound === round;\n  if (round > 0) return undefined;\n",
  ]),
  patched("inner PREPAREs unverified", JUSTIFICATION, [
    "  return checkQuorum(prepares, {",
    "  return undefined;\n  return checkQuorum(prepares, {",
  ]),
  patched("PREPAREs not bound to the prepared round", JUSTIFICATION, [
    "  return checkQuorum(prepares, {",
    "  for (let lower = 0; lower < round; lower++) {\n" +
    '    const subjectOf = () => ({ kind: "prepare", height, round: lower as Round, blockHash }) as const;\n' +
    "    if (checkQuorum(prepares, { context, subjectOf }) === undefined) return undefined;\n" +
    "  }\n  return checkQuorum(prepares, {",
  ]),
  { name: "send before persist", rules: { persistBeforeSend: false } },
  { name: "vote journal not reloaded", rules: { reloadJournal: false } },
  patched("prepared value dropped at a round change", "consensus/round_change.ts", [
    'castVote(draft, { kind: "round-change", height, round, prepared });',
    'castVote(draft, { kind: "round-change", height, round, prepared: null });',
  ]),
  patched("double vote after restart", "consensus/start.ts", [
    "    position,\n",
    "    position: { height, round: 0 as Round, step: 0 },\n",
  ], ["resume: height > 0 ? { height, part } : null", "resume: null"]),
  loosened("signature without type", [
    'const kinds = vote.kind === "round-change" ? [vote.kind] : ["pre-prepare", "prepare", "commit"];',
    "return kinds.map((kind) => voteMessage(federation, { ...vote, kind }));",
  ]),
  loosened("signature without chain", [
    'const document = { ...federation.document, name: "another chain" };',
    "const other = federationOf(crypto.hash, document);",
    "return [federation, other].map((each) => voteMessage(each, vote));",
  ]),
  loosened("signature without height", [
    "const heights = Array.from({ length: Math.min(vote.height, 99) + 4 }, (_, height) => height);",
    "return heights.map((height) => voteMessage(federation, { ...vote, height }));",
  ]),
  loosened("signature without round", [
    "const rounds = Array.from({ length: Math.min(vote.round, 99) + 4 }, (_, round) => round);",
    "return rounds.map((round) => voteMessage(federation, { ...vote, round }));",
  ]),
  patched("stale timer after commit", "consensus/round_change.ts", [
    "  if (height !== draft.height || round !== draft.timers.round) return;\n",
    "  if (height > draft.height || round > draft.round) return;\n",
  ], ["if (round !== draft.round || !mayVote(draft)) return;", "if (!mayVote(draft)) return;"]),
  patched("no f+1 jump", "consensus/round_change.ts", [
    "  if (target === undefined) return false;\n",
    "  if (target === undefined || target > 0) return false;\n",
  ]),
  patched("uncapped timer", "consensus/timers.ts", [
    ", roundTimeoutMaxMs);",
    ", Math.max(roundTimeoutMaxMs, 1e12));",
  ]),
  { name: "no duplicate check across blocks", rules: { checkDuplicates: false } },
  { name: "acknowledged before durable", rules: { acknowledgeDurable: false } },
  patched("synced block with q−1 signatures taken", "core/certificate.ts", [
    "indexes.length < federation.quorum)",
    "indexes.length < federation.quorum - 1)",
  ]),
  { name: "synced block's certificate not verified", rules: { verifySynced: false } },
  {
    name: "future messages unbounded",
    patches: [
      {
        file: "consensus/future.ts",
        find: "  if (height > draft.height + LIMITS.futureHeights) return;\n",
        replace: "",
      },
      {
        file: "consensus/future.ts",
        find: "sameHeight.length >= LIMITS.futureMessages",
        replace: "sameHeight.length < 0",
      },
      {
        file: "consensus/interest.ts",
        find: "return height <= state.height + LIMITS.futureHeights ||",
        replace: "return height > 0 ||",
      },
    ],
  },
  patched("proposer unchecked", "consensus/pre_prepare.ts", [
    "if (round < draft.round || sender !== leaderAt(draft.tip, round)) return;",
    "if (round < draft.round) return;",
  ], ["equal(header.proposer, leaderKeyAt(tip, header.createdRound))", "header.proposer.length > 0"]),
  patched("time not after the parent's", "core/block_rules.ts", [
    "if (header.time <= parent.time)",
    "if (header.time < 0)",
  ]),
  { name: "time not compared with the clock", rules: { checkClock: false } },
  { name: "tip moved before the batches", rules: { batchesBeforeTip: false } },
  patched("leader base taken from the deciding round", "consensus/leader.ts", [
    "leaderAt({ parent, header, federation }: Tip,",
    "leaderAt({ parent, header, federation, certificate }: Tip,",
  ], [
    "memberIndex(federation, header.proposer));",
    "memberIndex(federation, header.proposer)) + (certificate?.round ?? 0);",
  ]),
  { name: "PREPARE before the bodies are durable", rules: { holdBeforeValidated: false } },
  patched("timer above round 0 without a quorum there", "consensus/timers.ts", [
    "membersAt(state, round) >= state.tip.federation.quorum",
    "membersAt(state, round) > 0",
  ]),
  patched("newer own vote shown by a peer ignored", "consensus/peers.ts", [
    "  if (isOwnVote(shown, context)) draft.followUntil = height;\n",
    "  if (isOwnVote(shown, context) && height < 0) draft.followUntil = height;\n",
  ]),
  patched("a member votes before a quorum has greeted it", "consensus/state.ts", [
    "peers.heard.size >= tip.federation.quorum - 1 ?",
    "peers.heard.size >= Math.min(1, tip.federation.quorum - 1) ?",
  ]),
  { name: "pool consulted for block validity", rules: { ignorePool: false } },
  changing("approvals of an old federation document taken again: the document before unchecked", CHANGE, [
    "if (document.sequence !== before.sequence + 1) {",
    "if (document.sequence < 0) {",
  ], ["if (!equal(document.previous, hash))", "if (document.previous.length === 0)"]),
  changing("approvals of an old federation document taken again: by members of any earlier one", CHANGE, [
    "function checkApprovals(",
    `${EARLIER}\nfunction checkApprovalsUnder(`,
  ]),
  changing("parent's certificate judged by the new federation", "core/block_rules.ts", [
    "{ tip: { parent, signedBy }, crypto }: HeaderContext,",
    "{ tip: { parent, federation: signedBy }, crypto }: HeaderContext,",
  ]),
  changing("change of the federation in force at once", "core/tip.ts", [
    "    federation: before.nextFederation,",
    "    federation: change ?? before.nextFederation,",
  ]),
  changing(
    "second change of the federation while one is pending",
    "core/state/transition.ts",
    [
      "const { federation, nextFederation, timeMs } = context;",
      "const { nextFederation, timeMs } = context;\n    const federation = federationChange ?? nextFederation;",
    ],
    ["if (federationChange !== null || !equal(federation.hash, nextFederation.hash)) {", "if (timeMs < 0) {"],
  ),
  changing("next federation of a header unchecked", "core/block_rules.ts", [
    " || !equal(header.nextFederation, nextFederation.hash)) {",
    " || nextFederation.hash.length === 0) {",
  ]),
  changing("approvals counted by entry", CHANGE, ["each.member > (all[i - 1]", "each.member >= (all[i - 1]"]),
  changing("q−1 approvals suffice", CHANGE, [
    "if (approvals.length < federation.quorum) {",
    "if (approvals.length < federation.quorum - 1) {",
  ]),
  changing("approvals unverified", CHANGE, [
    "if (!crypto.verify(memberAt(federation, index).key, message, signature)) {",
    "if (memberAt(federation, index).name === message.toString()) {",
  ]),
  changing("a new member names any block", CHANGE, [
    "if (block !== undefined && equal(block.hash, blockHash) && block.time >= oldestMs) continue;",
    "if (oldestMs !== block?.time && blockHash.length > 0) continue;",
  ]),
  changing("a new member need not sign", CHANGE, [
    "if (crypto.verify(key, message, signature)) continue;",
    "if (key.length > 0 && message.length > 0 && signature.length > 0) continue;",
  ]),
];
