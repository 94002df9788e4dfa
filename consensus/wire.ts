/**
 * How messages between members are written: CBOR arrays `[version, type, …]` (docs/FORMATS.md, "Consensus").
 * Decoding refuses whatever the shapes do not name, with code `message-format`; signatures are not looked at.
 *
 * @module
 */
import { headerShape, rawBlockShape } from "../core/block.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Cbor } from "../core/cbor.ts";
import { certificateShape } from "../core/certificate.ts";
import { refuse, type Verdict } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Proposal } from "../core/ports.ts";
import {
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  heightShape,
  list,
  nullable,
  record,
  roundShape,
  type Shape,
  type ShapeOf,
  signatureShape,
  txIdShape,
  uint,
} from "../core/shape.ts";
import type {
  Justification,
  JustifyingRoundChange,
  MemberSignature,
  Message,
  PreparedCertificate,
} from "./message.ts";
import type { BlockVote, BlockVoteKind, PreparedReference, Vote } from "./vote.ts";

const member = uint(LIMITS.members - 1);

/** How a proposal is encoded: `[header, parent's certificate, transaction ids]`. */
export const proposalShape: Shape<Proposal> = record({
  header: headerShape,
  parentCertificate: nullable(certificateShape),
  ids: list(txIdShape, LIMITS.blockTransactions),
});

const memberSignatureShape: Shape<MemberSignature> = record({ sender: member, signature: signatureShape });

/** How a quorum of PREPAREs is encoded. */
export const prepareListShape: Shape<readonly MemberSignature[]> = list(memberSignatureShape, LIMITS.members);

const preparedReferenceShape: Shape<PreparedReference> = record({ round: roundShape, blockHash: hashShape });

const preparedCertificateShape: Shape<PreparedCertificate> = record({
  round: roundShape,
  blockHash: hashShape,
  proposal: proposalShape,
  prepares: prepareListShape,
});

const justifyingRoundChangeShape: Shape<JustifyingRoundChange> = record({
  sender: member,
  signature: signatureShape,
  prepared: nullable(preparedReferenceShape),
});

const justificationShape: Shape<Justification> = record({
  roundChanges: list(justifyingRoundChangeShape, LIMITS.members),
  prepares: prepareListShape,
});

const cast = { height: heightShape, round: roundShape, sender: member, signature: signatureShape };

const TYPES = { "pre-prepare": 1, "prepare": 2, "commit": 3, "round-change": 4, "decided": 5 } as const;
type Kind = keyof typeof TYPES;

/** `[1, type, …fields]` on the wire; the version has no meaning of its own, so it is not kept. */
function versioned<K extends Kind, F extends Record<string, Shape<unknown>>>(
  kind: K,
  fields: F,
): Shape<{ readonly kind: K } & { readonly [N in keyof F]: ShapeOf<F[N]> }> {
  type Fields = { readonly kind: K } & { readonly [N in keyof F]: ShapeOf<F[N]> };
  const whole = record({ version: constant(1), type: constant(TYPES[kind]), ...fields }) as Shape<unknown>;
  return {
    encode: (value) => whole.encode({ version: 1, type: TYPES[kind], ...value }),
    decode: (value, path) => {
      const { version: _version, type: _type, ...rest } = whole.decode(value, path) as Record<
        string,
        unknown
      >;
      return { kind, ...rest } as Fields;
    },
  };
}

function blockVote<K extends BlockVoteKind>(kind: K): Shape<BlockVote<K>> {
  return versioned(kind, { ...cast, blockHash: hashShape }) as Shape<BlockVote<K>>;
}

/** Picks the shape by the type number, which stands second; an unknown number meets a shape that refuses it. */
function byType<T extends { readonly kind: Kind }>(
  shapes: { readonly [K in T["kind"]]: Shape<unknown> },
): Shape<T> {
  const shapeOf = (kind: T["kind"]) => shapes[kind] as Shape<T>;
  const kinds = Object.keys(shapes) as T["kind"][];
  return {
    encode: (value) => shapeOf(value.kind).encode(value),
    decode: (value, path) => {
      const type = Array.isArray(value) ? (value as readonly Cbor[])[1] : undefined;
      return shapeOf(kinds.find((kind) => TYPES[kind] === type) ?? kinds[0] as T["kind"]).decode(value, path);
    },
  };
}

/** How a message is encoded. */
export const messageShape: Shape<Message> = byType<Message>({
  "prepare": blockVote("prepare"),
  "commit": blockVote("commit"),
  "pre-prepare": versioned("pre-prepare", {
    ...cast,
    blockHash: hashShape,
    proposal: proposalShape,
    justification: justificationShape,
  }),
  "round-change": versioned("round-change", { ...cast, prepared: nullable(preparedCertificateShape) }),
  "decided": versioned("decided", { block: rawBlockShape }),
});

/** How a vote is encoded without what its message carries beside it: in evidence and in greetings. */
export const voteShape: Shape<Vote> = byType<Vote>({
  "prepare": blockVote("prepare"),
  "commit": blockVote("commit"),
  "pre-prepare": blockVote("pre-prepare"),
  "round-change": versioned("round-change", { ...cast, prepared: nullable(preparedReferenceShape) }),
});

/** Encodes a message; the same message gives the same bytes. */
export function encodeMessage(message: Message): Bytes {
  return encodeShape(messageShape, message);
}

/** Decodes what a member sent; refuses with `too-large`, `cbor` or `message-format`. */
export function decodeMessage(bytes: Uint8Array): Verdict<Message> {
  if (bytes.length > LIMITS.frameBytes) return refuse("too-large", `message of ${bytes.length} bytes`);
  return decodeShape(messageShape, bytes, { what: "message", code: "message-format" });
}
