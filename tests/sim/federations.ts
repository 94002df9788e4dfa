/** The federations of a schedule: the first, and those that its changes lead to. */
import { DEFAULT_PARAMETERS, type Federation, federationOf, type Member } from "../../core/federation.ts";
import { ZERO_HASH } from "../../core/brands.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { EPOCH_MS } from "./clockwork.ts";
import { nodeKey } from "./quick_crypto.ts";
import type { Fault, Plan } from "./plan.ts";
import type { NodeId } from "./types.ts";

/** Bytes of a block; small, so that blocks are full now and then. */
const BLOCK_BYTES = 8_000;

function memberOf(node: NodeId): Member {
  return {
    name: `node ${node}`,
    key: nodeKey(node).publicKey,
    certificate: new Uint8Array(),
    peerAddress: `node-${node}:7000`,
    apiUrl: `http://node-${node}:8000`,
  };
}

/** The members before and after each change, in the order of the plan. */
export function membersOf({ n, faults }: Pick<Plan, "n" | "faults">): readonly (readonly NodeId[])[] {
  const lists: NodeId[][] = [Array.from({ length: n }, (_, node) => node)];
  for (
    const change of faults.filter((each): each is Extract<Fault, { kind: "federation" }> =>
      each.kind === "federation"
    )
  ) {
    const { leaves, joins } = change;
    const before = lists.at(-1) as NodeId[];
    const isReplaced = leaves !== null && joins !== null;
    const kept = before.flatMap((node) => node !== leaves ? [node] : isReplaced ? [joins] : []);
    lists.push(joins === null || isReplaced ? kept : [...kept, joins]);
  }
  return lists;
}

/** All federations, by sequence. */
export function makeFederations(
  plan: Plan,
  { hash, name }: { hash: HashFunction; name: string },
): readonly Federation[] {
  const { tenureBlocks, roundTimeoutMs, roundTimeoutMaxMs, heartbeatMs } = plan;
  const made: Federation[] = [];
  for (const [sequence, members] of membersOf(plan).entries()) {
    const before = made[sequence - 1];
    made.push(federationOf(hash, {
      version: 1,
      genesisId: made[0]?.genesisId ?? ZERO_HASH,
      sequence,
      previous: before?.hash ?? ZERO_HASH,
      time: EPOCH_MS - 60_000,
      name,
      authority: new Uint8Array(),
      members: members.map(memberOf),
      parameters: {
        ...DEFAULT_PARAMETERS,
        tenureBlocks,
        roundTimeoutMs,
        roundTimeoutMaxMs,
        heartbeatMs,
        maxBlockBytes: BLOCK_BYTES,
        maxTransactionBytes: BLOCK_BYTES / 2,
      },
    }));
  }
  return made;
}
