/** Transactions of the simulated clients. */
import { asCid, asHash, asTxId, type Cid, type Hash, type PublicKey, type TxId } from "../../core/brands.ts";
import { type Bytes, equal, toHex, utf8 } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/cbor.ts";
import { checkDocument } from "../../core/federation.ts";
import { type FederationChange, federationChangeShape } from "../../core/federation_change.ts";
import { LIMITS } from "../../core/limits.ts";
import { COMPRESSION, ENCRYPTION, type FederationPayload, nonceKey, TYPE } from "../../core/transaction.ts";
import { quickHash } from "./quick_crypto.ts";
import type { Random, SimTransaction } from "./types.ts";

/** What a client asks for; whatever is left out is drawn. */
export interface Wish {
  readonly isBroken?: boolean;
  readonly size?: number;
  readonly change?: FederationChange;
  /** A transaction whose CID and VID this one takes. */
  readonly rivalOf?: SimTransaction;
  /** One that any block can take at once. */
  readonly isPlain?: boolean;
}

/** Makes transactions and knows them again. */
export interface Clients {
  readonly make: (random: Random, wish?: Wish) => SimTransaction;
  readonly find: (id: TxId) => SimTransaction | undefined;
  /** A transaction from how it stands in a block. */
  readonly read: (bytes: Bytes) => SimTransaction | undefined;
  readonly missingId: () => TxId;
}

/** A transaction as it was drawn, before it has bytes. */
export interface Drawn {
  /** Unlike any other's. */
  readonly name: string;
  /** Which of the senders, 0 to 2. */
  readonly sender: number;
  /** Says which CID; of those with the same sender and text, the same. */
  readonly cid: string;
  readonly rivalOf: SimTransaction | undefined;
  readonly vid: number | null;
  readonly timestamp: number;
  readonly size: number;
  readonly isBroken: boolean;
  readonly change: FederationChange | null;
}

/** What gives a drawn transaction its bytes, and knows them again. */
export interface Bodies {
  readonly make: (
    drawn: Drawn,
  ) => Pick<SimTransaction, "id" | "nonceKey" | "cid" | "sender" | "size" | "change" | "bytes">;
  /** The id of what stands in a block; undefined when that is no transaction. */
  readonly read: (bytes: Bytes) => TxId | undefined;
}

const SENDERS = [0, 1, 2].map((i) => quickHash(utf8(`sender ${i}`)) as Uint8Array as PublicKey);

/** The payload of a change of the federation. */
export function changePayload(
  change: FederationChange,
  { sender, timestamp, nonce }: Pick<FederationPayload, "sender" | "timestamp" | "nonce">,
): FederationPayload {
  const { document: { genesisId, sequence } } = change;
  return {
    version: 1,
    type: TYPE.federation,
    cid: genesisId as Uint8Array as Cid,
    vid: sequence,
    compression: COMPRESSION.none,
    encryption: ENCRYPTION.none,
    description: "",
    sender,
    recipient: null,
    timestamp,
    nonce,
    body: change,
  };
}

/** What a transaction has beside its body. */
const ENVELOPE_BYTES = 250;

/** Opaque bodies, but for changes of the federation: the id stands for all. */
export const OPAQUE: Bodies = {
  make: (drawn) => {
    const { name, sender, cid, rivalOf, size } = drawn;
    const id = asTxId(quickHash(utf8(name)));
    const nonce = asHash(quickHash(utf8(`nonce of ${name}`)));
    const key = SENDERS[sender] as PublicKey;
    const shared = { id, sender: key, bytes: id as Uint8Array as Bytes };
    if (drawn.change === null) {
      return {
        ...shared,
        nonceKey: nonce,
        cid: rivalOf?.cid ?? asCid(quickHash(utf8(cid))),
        size,
        change: null,
      };
    }
    const { timestamp } = drawn;
    const change = changePayload(drawn.change, {
      sender: key,
      timestamp,
      nonce: nonce.slice(0, 16) as Bytes,
    });
    const body = encodeCbor(federationChangeShape.encode(drawn.change));
    return {
      ...shared,
      nonceKey: nonceKey(quickHash, change),
      cid: change.cid,
      size: body.length + ENVELOPE_BYTES,
      change,
    };
  },
  read: (bytes) => bytes.length === 32 ? asTxId(bytes) : undefined,
};

/** Makes clients. */
export function makeClients({ genesisId, wallMs, maxTransactionBytes, bodies }: {
  readonly genesisId: Hash;
  readonly wallMs: () => number;
  readonly maxTransactionBytes: number;
  readonly bodies: Bodies;
}): Clients {
  const known = new Map<string, SimTransaction>();
  const versions = new Map<number, number>();
  let count = 0;

  /** The next version, the same once more, or one that comes too early. */
  function drawVid(random: Random, cid: number): number {
    const latest = versions.get(cid) ?? 0;
    const vid = latest + (random.chance(0.7) ? 1 : random.chance(0.5) && latest > 0 ? 0 : 2);
    versions.set(cid, Math.max(latest, vid));
    return vid;
  }

  function make(random: Random, wish: Wish = {}): SimTransaction {
    const { change = null, isPlain = false } = wish;
    // A change of the federation has the chain's own CID, and its rivals are documents.
    const rivalOf = wish.rivalOf?.change === null ? wish.rivalOf : undefined;
    const isBroken = wish.isBroken === true || (change !== null && !isSound(change, genesisId));
    const name = `transaction ${count++}`;
    const cidIndex = random.below(4);
    const isVersion = change === null && !isPlain && random.chance(0.5);
    const drawnSize = 100 + random.below(random.chance(0.9) ? 900 : maxTransactionBytes - 100);
    const isAhead = change === null && !isPlain && random.chance(0.04);
    const vid = rivalOf !== undefined ? rivalOf.vid : isVersion ? drawVid(random, cidIndex) : null;
    const timestamp = Math.floor(wallMs()) + (isAhead ? LIMITS.timestampAheadMs + random.below(60_000) : 0);
    const body = bodies.make({
      name,
      // A CID has one owner.
      sender: isVersion ? cidIndex % SENDERS.length : random.below(SENDERS.length),
      cid: isVersion ? `cid ${cidIndex}` : `cid of ${name}`,
      rivalOf,
      vid,
      timestamp,
      size: wish.size ?? (isPlain || change !== null ? 100 : drawnSize),
      isBroken,
      change,
    });
    const transaction: SimTransaction = { ...body, vid, timestamp, isBroken };
    known.set(toHex(body.id), transaction);
    return transaction;
  }

  return {
    make,
    find: (id) => known.get(toHex(id)),
    read: (bytes) => {
      const id = bodies.read(bytes);
      return id === undefined ? undefined : known.get(toHex(id));
    },
    missingId: () => asTxId(quickHash(utf8(`missing ${count++}`))),
  };
}

/** Whether the rules between fields hold, which no member takes a transaction without. */
function isSound({ document }: FederationChange, genesisId: Hash): boolean {
  return equal(document.genesisId, genesisId) && checkDocument(document) === undefined;
}
