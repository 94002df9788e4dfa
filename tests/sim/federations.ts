/** The federations of a schedule: the first, and the documents that operators write next. */
import {
  DEFAULT_PARAMETERS,
  type Federation,
  type FederationDocument,
  federationOf,
} from "../../core/federation.ts";
import type { Member, Parameters } from "../../core/federation.ts";
import { ZERO_HASH } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { EPOCH_MS } from "./clockwork.ts";
import { nodeKey } from "./quick_crypto.ts";
import type { Change, Plan } from "./plan.ts";
import type { NodeId } from "./types.ts";

/** Bytes of a block; small, so that blocks are full now and then. */
const BLOCK_BYTES = 10_000;

function memberOf(node: NodeId): Member {
  return {
    name: `node ${node}`,
    key: nodeKey(node).publicKey,
    certificate: new Uint8Array(),
    peerAddress: `node-${node}:7000`,
    apiUrl: `http://node-${node}:8000`,
  };
}

/** Who comes and who goes. */
export type Exchange = Pick<Change, "leaves" | "joins">;

/** The members after a change; who is to go and is none, or to come and is one, changes nothing. */
export function exchanged(before: readonly NodeId[], { leaves, joins }: Exchange): readonly NodeId[] {
  const coming = joins === null || before.includes(joins) ? [] : [joins];
  if (leaves === null || !before.includes(leaves)) return [...before, ...coming];
  return before.flatMap((node) => node === leaves ? coming : [node]);
}

/** The members before and after each change of a plan, if all of them come to pass. */
export function membersOf({ n, faults }: Pick<Plan, "n" | "faults">): readonly (readonly NodeId[])[] {
  const lists: (readonly NodeId[])[] = [Array.from({ length: n }, (_, node) => node)];
  for (const fault of faults) {
    if (fault.kind === "federation") lists.push(exchanged(lists.at(-1) as readonly NodeId[], fault));
  }
  return lists;
}

/** The first federation. */
export function makeFederation(
  plan: Plan,
  { hash, name }: { hash: HashFunction; name: string },
): Federation {
  const { n, tenureBlocks, roundTimeoutMs, roundTimeoutMaxMs, heartbeatMs } = plan;
  return federationOf(hash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: EPOCH_MS - 60_000,
    name,
    authority: new Uint8Array(),
    members: Array.from({ length: n }, (_, node) => memberOf(node)),
    parameters: {
      ...DEFAULT_PARAMETERS,
      tenureBlocks,
      roundTimeoutMs,
      roundTimeoutMaxMs,
      heartbeatMs,
      maxBlockBytes: BLOCK_BYTES,
      maxTransactionBytes: BLOCK_BYTES / 2,
    },
  });
}

/** The document after another: with these members, who keep what the document before says of them. */
export function nextDocument(
  { document, hash, genesisId }: Federation,
  { members, names = new Map(), timeMs, parameters = {} }: {
    readonly members: readonly NodeId[];
    /** Names of new members, where they are not their own. */
    readonly names?: ReadonlyMap<NodeId, string>;
    readonly timeMs: number;
    readonly parameters?: Partial<Parameters>;
  },
): FederationDocument {
  const described = members.map((node): Member => {
    const own = memberOf(node);
    const before = document.members.find(({ key }) => equal(key, own.key));
    return before ?? { ...own, name: names.get(node) ?? own.name };
  });
  return {
    ...document,
    genesisId,
    sequence: document.sequence + 1,
    previous: hash,
    time: Math.max(document.time + 1, Math.floor(timeMs)),
    members: withNames(described),
    parameters: { ...document.parameters, ...parameters },
  };
}

/** Who comes back may find its name taken. */
function withNames(members: readonly Member[]): readonly Member[] {
  const taken = new Set<string>();
  return members.map((member) => {
    const name = taken.has(member.name) ? `${member.name} again` : member.name;
    taken.add(name);
    return { ...member, name };
  });
}
