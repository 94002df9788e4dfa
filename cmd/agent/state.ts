/**
 * What an agent must remember over a restart, and its format: the newest verified header and how far each feed was
 * verified (so that nothing older is ever taken again), the position processed, the configuration in force, an apply
 * that is under way, what failed here before, and the requests that were or must be answered.
 *
 * File: CBOR `[format, version, checksum, body]`, the checksum over the encoded body. A damaged file is refused, never
 * taken for a fresh start: whoever could make an agent forget could replay old configurations.
 *
 * @module
 */
import type { Cid, Hash, Height, PublicKey, TxId } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { certifiedHeaderShape, type KnownHeader } from "../../core/certified_header.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { type HashFunction, taggedHash } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import {
  bytesOf,
  bytesUpTo,
  cidShape,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  heightShape,
  list,
  mapped,
  nullable,
  publicKeyShape,
  record,
  type Shape,
  text,
  txIdShape,
  uint,
} from "../../core/shape.ts";
import { type FeedState, feedStateShape } from "../../core/state/values.ts";
import type { Compression, Encryption } from "../../core/transaction.ts";

/** A certified place on the chain. */
export interface Position {
  readonly height: Height;
  readonly index: number;
}

/** A feed, and how far it was taken over. */
export interface FeedProgress {
  readonly sender: PublicKey;
  readonly recipient: PublicKey | null;
  readonly state: FeedState | null;
  /** Nonce of the sender's last transaction; null before the first. */
  readonly lastNonce: Bytes | null;
}

/** A configuration that is a generation on this VNF. */
export interface Installed {
  readonly cid: Cid;
  readonly vid: number;
  readonly transaction: TxId;
  /** SHA-256 of the configuration's own content, uncompressed. */
  readonly contentHash: Hash;
  readonly position: Position;
  /** Height at which all references were resolved. */
  readonly resolvedAt: Height;
  /** Number of its directory. */
  readonly generation: number;
}

/** A change of the VNF that has begun: whoever finds it at a start finishes it. */
export interface Pending {
  /** `apply` brings a new generation; `restore` applies the one in force again. */
  readonly purpose: "apply" | "restore";
  readonly configuration: Installed;
}

/** A version that failed here, and is never tried again. */
export interface Quarantined {
  readonly cid: Cid;
  readonly vid: number;
  readonly code: string;
  readonly detail: string;
}

/** A request and what became of it. */
export interface KnownRequest {
  readonly id: TxId;
  readonly cid: Cid;
  readonly compression: Compression;
  readonly encryption: Encryption;
  readonly description: string;
  readonly replyTo: PublicKey;
  /** `due`: no answer made yet. `sent`: made, and not yet proved to be on the chain. */
  readonly status: "due" | "sent" | "done" | "failed";
  /** Failed attempts to make the answer. */
  readonly tries: number;
}

/** Something that went wrong, for `agent status`. */
export interface KnownError {
  /** Milliseconds since 1970, by the VNF's clock. */
  readonly time: number;
  readonly code: string;
  readonly detail: string;
}

/** The whole state. */
export interface AgentState {
  readonly genesisId: Hash;
  /** The VNF's own key. */
  readonly self: PublicKey;
  /** The newest verified. */
  readonly header: KnownHeader | null;
  readonly feeds: readonly FeedProgress[];
  /** Nothing at or below is looked at again; null before the first transaction. */
  readonly position: Position | null;
  readonly inForce: Installed | null;
  readonly pending: Pending | null;
  readonly quarantined: readonly Quarantined[];
  readonly requests: readonly KnownRequest[];
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  readonly errors: readonly KnownError[];
  /** Boot during which the configuration in force was last applied; empty when unknown. */
  readonly bootId: string;
  /** Why nothing may be applied until an operator has looked; null in peace. */
  readonly halted: string | null;
}

const FORMAT = "vnfchain/agent-state";
const DETAIL_BYTES = 2048;

function oneOf<T extends string>(...words: readonly T[]): Shape<T> {
  return mapped(text(32), {
    encode: (word: T) => word,
    decode: (word) => words.find((known) => known === word),
    wanted: words.join(" or "),
  });
}

const code = text(64);
const detail = text(DETAIL_BYTES);
const positionShape: Shape<Position> = record({ height: heightShape, index: uint() });
const installedShape: Shape<Installed> = record({
  cid: cidShape,
  vid: uint(),
  transaction: txIdShape,
  contentHash: hashShape,
  position: positionShape,
  resolvedAt: heightShape,
  generation: uint(),
});
const requestShape: Shape<KnownRequest> = record({
  id: txIdShape,
  cid: cidShape,
  compression: uint(2) as Shape<Compression>,
  encryption: uint(1) as Shape<Encryption>,
  description: text(LIMITS.descriptionBytes),
  replyTo: publicKeyShape,
  status: oneOf("due", "sent", "done", "failed"),
  tries: uint(),
});

const bodyShape: Shape<AgentState> = record({
  genesisId: hashShape,
  self: publicKeyShape,
  header: nullable(
    record({ height: heightShape, hash: hashShape, time: uint(), proof: certifiedHeaderShape }),
  ),
  feeds: list(
    record({
      sender: publicKeyShape,
      recipient: nullable(publicKeyShape),
      state: nullable(feedStateShape),
      lastNonce: nullable(bytesOf(16)),
    }),
    LIMITS.pollFeeds,
  ),
  position: nullable(positionShape),
  inForce: nullable(installedShape),
  pending: nullable(record({ purpose: oneOf("apply", "restore"), configuration: installedShape })),
  quarantined: list(record({ cid: cidShape, vid: uint(), code, detail }), LIMITS.agentQuarantine),
  requests: list(requestShape, LIMITS.agentRequests),
  refusals: list(record({ code, count: uint() }), 256),
  errors: list(record({ time: uint(), code, detail }), LIMITS.agentErrors),
  bootId: text(64),
  halted: nullable(detail),
});

const fileShape = record({
  format: text(FORMAT.length),
  version: constant(1),
  checksum: hashShape,
  body: bytesUpTo(LIMITS.agentStateBytes),
});

/** The state of an agent that has seen nothing yet. */
export function freshState({ genesisId, self }: { genesisId: Hash; self: PublicKey }): AgentState {
  return {
    genesisId,
    self,
    header: null,
    feeds: [],
    position: null,
    inForce: null,
    pending: null,
    quarantined: [],
    requests: [],
    refusals: [],
    errors: [],
    bootId: "",
    halted: null,
  };
}

/** Encodes the state as its file holds it. */
export function encodeState(hash: HashFunction, state: AgentState): Bytes {
  const body = encodeShape(bodyShape, state);
  return encodeShape(fileShape, { format: FORMAT, version: 1, checksum: checksumOf(hash, body), body });
}

/** Decodes a file; refuses with `cbor` or `state-format` whatever is not exactly what was written. */
export function decodeState(hash: HashFunction, bytes: Uint8Array): Verdict<AgentState> {
  const format = { what: "agent state", code: "state-format" } as const;
  const file = decodeShape(fileShape, bytes, format);
  if (!file.ok) return file;
  const { checksum, body } = file.value;
  if (file.value.format !== FORMAT) return refuse("state-format", "the file is no agent state");
  if (!equal(checksum, checksumOf(hash, body))) return refuse("state-format", "the checksum does not hold");
  const decoded = decodeShape(bodyShape, body, format);
  return decoded.ok ? accept(decoded.value) : decoded;
}

function checksumOf(hash: HashFunction, body: Bytes): Hash {
  return taggedHash(hash, "vnfchain/agent-state/1", body);
}

/** Whether (cid, vid) failed here before. */
export function isQuarantined(state: AgentState, { cid, vid }: { cid: Cid; vid: number }): boolean {
  return state.quarantined.some((failed) => failed.vid === vid && equal(failed.cid, cid));
}

/** The state with one more version in quarantine; the oldest goes when it is full. */
export function withQuarantined(state: AgentState, failed: Quarantined): Pick<AgentState, "quarantined"> {
  if (isQuarantined(state, failed)) return { quarantined: state.quarantined };
  const entry = { ...failed, detail: clipped(failed.detail) };
  return { quarantined: [...state.quarantined, entry].slice(-LIMITS.agentQuarantine) };
}

/** The state with one more error; the oldest goes when there are too many. */
export function withError(state: AgentState, error: KnownError): Pick<AgentState, "errors"> {
  const entry = { ...error, detail: clipped(error.detail) };
  return { errors: [...state.errors, entry].slice(-LIMITS.agentErrors) };
}

/** The state with refusals counted. */
export function withRefusals(
  state: AgentState,
  codes: readonly RefusalCode[],
): Pick<AgentState, "refusals"> {
  const counts = new Map(state.refusals.map(({ code, count }) => [code, count]));
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  return { refusals: [...counts].map(([code, count]) => ({ code, count })) };
}

/** Compares two positions: below, at or above 0. */
export function comparePositions(a: Position, b: Position): number {
  return a.height - b.height || a.index - b.index;
}

/** `CID@VID`, for people. */
export function versionName({ cid, vid }: { cid: Cid; vid: number }): string {
  return `${toHex(cid)}@${vid}`;
}

/** Cutting may halve a surrogate pair, and a node's JSON may hold half a one, which the codec takes for a bug of ours. */
function clipped(detail: string): string {
  return detail.slice(0, DETAIL_BYTES / 4).toWellFormed();
}
