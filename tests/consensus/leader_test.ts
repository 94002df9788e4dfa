/** Whose turn it is. */
import assert from "node:assert/strict";
import type { Height, PublicKey, Round } from "../../core/brands.ts";
import type { Tip } from "../../core/ports.ts";
import { genesisTip } from "../../core/tip.ts";
import { leaderAt } from "../../consensus/leader.ts";
import { memberKey } from "../support/federation.ts";
import { makeFederation, makeProposal } from "./support/fixtures.ts";

/** A tip at a height whose block a key proposed. */
function tipBy(
  proposer: PublicKey,
  { height, tenureBlocks = 64 }: { height: number; tenureBlocks?: number },
): Tip {
  const federation = makeFederation(4, { tenureBlocks });
  const genesis = genesisTip(federation);
  const { header } = makeProposal(genesis, { proposer: 0 });
  return {
    ...genesis,
    parent: { ...genesis.parent, height: height as Height },
    header: { ...header, height: height as Height, proposer },
  };
}

const member = (index: number) => memberKey(index).publicKey;

const ROWS = [
  ["the first member leads the first height", genesisTip(makeFederation(4)), 0, 0],
  ["the leader changes with the round", genesisTip(makeFederation(4)), 5, 1],
  ["the last proposer leads on", tipBy(member(2), { height: 10 }), 0, 2],
  ["the round counts from the last proposer", tipBy(member(2), { height: 10 }), 3, 1],
  ["the next member leads at a height divisible by the tenure", tipBy(member(2), { height: 63 }), 0, 3],
  ["after the last member comes the first", tipBy(member(3), { height: 63 }), 0, 0],
  [
    "with a tenure of one the leader changes each height",
    tipBy(member(1), { height: 7, tenureBlocks: 1 }),
    0,
    2,
  ],
  ["a proposer that is no member any more counts as the first", tipBy(member(9), { height: 10 }), 0, 0],
] as const;

for (const [what, tip, round, leader] of ROWS) {
  Deno.test(`leaderAt(): ${what}`, () => {
    assert.equal(leaderAt(tip, round as Round), leader);
  });
}
