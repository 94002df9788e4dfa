import { equal, match, notEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { asHash, asHeight, asSignature, type Height, ZERO_HASH } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import {
  encodeFederation,
  type Federation,
  type FederationDocument,
  federationOf,
  type Member,
} from "../../core/federation.ts";
import {
  approvalMessage,
  type ChangeContext,
  checkChange,
  type FederationChange,
  federationChangeShape,
  joiningMessage,
  newcomersOf,
  type PastBlock,
} from "../../core/federation_change.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { decodeShape, encodeShape } from "../../core/shape.ts";
import {
  approvalOf,
  type ChangeOptions,
  joiningOf,
  makeChange,
  memberOf,
  type NamedBlock,
  nextDocument,
} from "../support/federation_changes.ts";
import { GENESIS_MS, makeFederation, memberKey, testFederation } from "../support/federation.ts";
import { testKey } from "../support/keys.ts";

const LIFETIME_MS = 3_600_000;
const BLOCK_MS = GENESIS_MS + 10 * LIFETIME_MS;
const keys: readonly PrivateKey[] = [
  ...Array.from({ length: 10 }, (_, index) => memberKey(index)),
  testKey("fifth"),
  testKey("sixth"),
];
const four = testFederation(4);
const { members, parameters } = four.document;
const fifth = memberOf(testKey("fifth"), { name: "fifth", index: 4 });
const sixth = memberOf(testKey("sixth"), { name: "sixth", index: 5 });

/** The chain below the change: blocks 1 to 9, one each ten minutes, the last one ten minutes before the change. */
const TIP = 9;
const SPACING_MS = 600_000;

function blockHashAt(height: number) {
  return asHash(crypto.hash(new TextEncoder().encode(`block ${height}`)));
}

function pastBlock(height: Height): PastBlock | undefined {
  if (height < 1 || height > TIP) return undefined;
  return { hash: blockHashAt(height), time: BLOCK_MS - (TIP + 1 - height) * SPACING_MS };
}

function named(height: number): NamedBlock {
  return { height: asHeight(height), blockHash: blockHashAt(height) };
}

const context: ChangeContext = { federation: four, pastBlock, timeMs: BLOCK_MS, crypto };

function change(options: Partial<ChangeOptions> = {}): FederationChange {
  return makeChange({ federation: four, keys, names: named(TIP), ...options });
}

function codeOf(made: FederationChange, other: Partial<ChangeContext> = {}): string {
  return checkChange(made, { ...context, ...other })?.code ?? "accepted";
}

function refused(made: FederationChange, code: string, detail: RegExp): void {
  const refusal = checkChange(made, context);
  equal(refusal?.code ?? "accepted", code, refusal?.detail);
  match(refusal?.detail ?? "", detail);
}

/** The change of a document as it stands, with the document replaced afterwards: signatures are over the first. */
function swapped(document: Partial<FederationDocument>): FederationChange {
  const made = change({ next: { members: [...members, fifth] } });
  return { ...made, document: { ...made.document, ...document } };
}

const joined = { members: [...members, fifth] };

Deno.test("checkChange() accepts a new member, a removed one, a replaced key, and a change of parameters", () => {
  const renewed = { ...(members[0] as Member), key: testKey("fifth").publicKey };
  const lists: readonly Partial<FederationDocument>[] = [
    joined,
    { members: members.slice(1) },
    { members: members.slice(0, 1) },
    { members: members.with(0, renewed) },
    { members: members.toReversed() },
    { members: [sixth, ...members, fifth] },
    { members: [fifth] },
    { parameters: { ...parameters, heartbeatMs: 5_000 } },
    { parameters: { ...parameters, transactionLifetimeMs: LIFETIME_MS - 1 } },
    { name: "another name" },
    {},
  ];
  for (const next of lists) equal(codeOf(change({ next })), "accepted", JSON.stringify(next.name));
});

for (const [n, quorum] of [1, 2, 2, 3, 4, 4, 5, 6, 6, 7].map((q, i) => [i + 1, q] as const)) {
  Deno.test(`checkChange() wants ${quorum} approvals of ${n}, and takes all ${n}`, () => {
    const federation = testFederation(n);
    const by = (count: number) => {
      const approvers = Array.from({ length: count }, (_, i) => n - count + i);
      return codeOf(change({ federation, approvers }), { federation });
    };
    equal(by(quorum - 1), "federation-approvals");
    equal(by(quorum), "accepted");
    equal(by(n), "accepted");
  });
}

const order: readonly (readonly [string, Partial<FederationDocument>, RegExp])[] = [
  ["the sequence in force", { sequence: 0 }, /sequence is 0, wanted 1/],
  ["a sequence left out", { sequence: 2 }, /sequence is 2, wanted 1/],
  ["a document that follows itself", { previous: ZERO_HASH }, /another document than the one in force/],
  ["another previous document", { previous: testFederation(3).hash }, /another document/],
  ["the genesis id of another chain", { genesisId: testFederation(3).genesisId }, /another chain/],
  ["a zero genesis id", { genesisId: ZERO_HASH }, /another chain/],
  ["the time of the document before", { time: GENESIS_MS }, /not after/],
  ["an earlier time", { time: GENESIS_MS - 1 }, /not after/],
];
for (const [name, next, detail] of order) {
  Deno.test(`checkChange() refuses ${name}`, () => refused(change({ next }), "federation-order", detail));
}

Deno.test("checkChange() refuses a document whose time is far ahead, by the millisecond", () => {
  const time = BLOCK_MS + LIMITS.timestampAheadMs;
  equal(codeOf(change({ next: { time } })), "accepted");
  refused(change({ next: { time: time + 1 } }), "federation-order", /300001 ms ahead, at most 300000/);
});

Deno.test("checkChange() refuses a document again once it is in force, and one that it left behind", () => {
  const first = change({ next: joined });
  const federation = federationOf(crypto.hash, first.document);
  equal(codeOf(first, { federation }), "federation-order");
  const rival = change({ next: { members: members.slice(1) } });
  equal(codeOf(rival, { federation }), "federation-order");
  const second = change({ federation, next: { members } });
  equal(codeOf(second, { federation }), "accepted");
  equal(codeOf(second), "federation-order");
});

const format: readonly (readonly [string, Partial<FederationDocument>, RegExp])[] = [
  ["no members", { members: [] }, /no members/],
  [
    "a key that stands twice",
    { members: [...members, { ...fifth, key: memberKey(0).publicKey }] },
    /key stands/,
  ],
  [
    "a name that stands twice",
    { members: [...members, { ...fifth, name: "member-0" }] },
    /name stands twice/,
  ],
  ["a parameter of 0", { parameters: { ...parameters, quotaBytesPerHour: 0 } }, /quotaBytesPerHour is 0/],
  [
    "a longer lifetime",
    { parameters: { ...parameters, transactionLifetimeMs: LIFETIME_MS + 1 } },
    /only fall/,
  ],
];
for (const [name, next, detail] of format) {
  Deno.test(`checkChange() refuses ${name}`, () => refused(change({ next }), "federation-format", detail));
}

Deno.test("checkChange() refuses a document that leaves no room for the next one like it, by the byte", () => {
  const withRoom = (maxTransactionBytes: number): Partial<FederationDocument> => ({
    parameters: { ...parameters, maxTransactionBytes },
  });
  const { length } = encodeFederation(nextDocument(four, withRoom(2000)));
  const room = length + 4 * (71 + 114) + 300;
  equal(codeOf(change({ next: withRoom(room) })), "accepted");
  refused(change({ next: withRoom(room - 1) }), "federation-format", /no room for a change of \d+/);
});

Deno.test("checkChange() leaves enough room: all approve, all are replaced, the longest numbers", () => {
  const federation = testFederation(4);
  const replaced = ["w", "x", "y", "z"].map((name, index) =>
    memberOf(testKey(name), { name: `member-${index}`, index })
  );
  const others = ["w", "x", "y", "z"].map(testKey);
  const height = asHeight(Number.MAX_SAFE_INTEGER);
  const made = makeChange({
    federation,
    keys: [...keys, ...others],
    next: { members: replaced, sequence: Number.MAX_SAFE_INTEGER },
    approvers: [0, 1, 2, 3],
    names: { height, blockHash: blockHashAt(1) },
  });
  const document = encodeFederation(made.document).length;
  const body = encodeShape(federationChangeShape, made).length;
  ok(body <= document + 4 * (71 + 114) + 7, `${body} of ${document}`);
});

Deno.test("checkChange() refuses a document above the limit of all documents", () => {
  const certificate = new Uint8Array(LIMITS.x509Bytes);
  const large = Array.from({ length: 300 }, (_, i) => {
    return { ...memberOf(testKey(`large ${i}`), { name: `large-${i}`, index: i }), certificate };
  });
  const next = {
    members: [...members, ...large],
    parameters: { ...parameters, maxBlockBytes: 1 << 24, maxTransactionBytes: 1 << 24 },
  };
  equal(codeOf({ document: nextDocument(four, next), approvals: [], joinings: [] }), "too-large");
});

Deno.test("checkChange() counts members, not approvals", () => {
  const made = change({ next: joined, approvers: [0, 1, 1] });
  refused(made, "federation-approvals", /in order of member, each once/);
});

Deno.test("checkChange() refuses approvals that are not in order of member", () => {
  refused(change({ approvers: [0, 2, 1] }), "federation-approvals", /in order of member, each once/);
  refused(change({ approvers: [2, 1, 0] }), "federation-approvals", /in order of member, each once/);
});

Deno.test("checkChange() refuses an approval by an index that no member has, though a quorum stands before it", () => {
  const made = change({ approvers: [0, 1, 2] });
  const [first] = made.approvals;
  ok(first);
  const approvals = [...made.approvals, { ...first, member: 4 }];
  refused({ ...made, approvals }, "federation-approvals", /member 4 of 4/);
});

Deno.test("checkChange() refuses one wrong approval beside a quorum of right ones", () => {
  const made = change({ approvers: [0, 1, 2, 3] });
  const approvals = made.approvals.map((each, i) =>
    i === 3 ? { ...each, signature: asSignature(new Uint8Array(64)) } : each
  );
  refused({ ...made, approvals }, "federation-approvals", /member-3 does not verify/);
});

Deno.test("checkChange() refuses a member's approval under another's index", () => {
  const made = change({ approvers: [0, 1, 2] });
  const approvals = made.approvals.map((each, i) => ({ ...each, member: i + 1 }));
  refused({ ...made, approvals }, "federation-approvals", /does not verify/);
});

Deno.test("checkChange() refuses approvals of another document, whatever differs in it", () => {
  const differences: readonly Partial<FederationDocument>[] = [
    { name: "other" },
    { time: GENESIS_MS + 2 },
    { authority: new Uint8Array(1) },
    { parameters: { ...parameters, tenureBlocks: 65 } },
    { members: [...members, { ...fifth, peerAddress: "127.0.0.1:1" }] },
    { members: [...members, { ...fifth, certificate: new Uint8Array(1) }] },
    { members: [fifth, ...members] },
  ];
  for (const document of differences) refused(swapped(document), "federation-approvals", /does not verify/);
});

Deno.test("checkChange() refuses approvals under another chain's genesis id", () => {
  const document = nextDocument(four);
  const other = { ...four, genesisId: testFederation(3).genesisId };
  const approvals = [0, 1, 2].map((member) => approvalOf(document, { federation: other, keys, member }));
  refused({ document, approvals, joinings: [] }, "federation-approvals", /does not verify/);
});

Deno.test("checkChange() refuses a signature of another kind: a joining is no approval", () => {
  const document = nextDocument(four, joined);
  const made = change({ next: joined });
  const { hash } = federationOf(crypto.hash, document);
  const signature = memberKey(0).sign(joiningMessage(four, { document: hash, ...named(TIP) }));
  const approvals = made.approvals.map((each, i) => i === 0 ? { ...each, signature } : each);
  refused({ ...made, approvals }, "federation-approvals", /member-0 does not verify/);
  const [joining] = made.joinings;
  ok(joining);
  const approved = testKey("fifth").sign(approvalMessage(four, hash));
  refused(
    { ...made, joinings: [{ ...joining, signature: approved }] },
    "federation-newcomer",
    /does not verify/,
  );
});

Deno.test("checkChange() refuses approvals by members of an earlier document", () => {
  // In force now: the members 4 to 7. Those who left approve all the same.
  const inForce = federationOf(
    crypto.hash,
    nextDocument(four, {
      members: [4, 5, 6, 7].map((index) => memberOf(memberKey(index), { name: `member-${index}`, index })),
    }),
  );
  const document = nextDocument(inForce);
  const approvals = [0, 1, 2].map((index) => {
    const message = approvalMessage(inForce, federationOf(crypto.hash, document).hash);
    return { member: index, signature: memberKey(index).sign(message) };
  });
  equal(codeOf({ document, approvals, joinings: [] }, { federation: inForce }), "federation-approvals");
});

Deno.test("checkChange() does not let new members approve themselves", () => {
  const document = nextDocument(four, joined);
  const message = approvalMessage(four, federationOf(crypto.hash, document).hash);
  const made = change({ next: joined, approvers: [0, 1] });
  const approvals = [...made.approvals, { member: 4, signature: testKey("fifth").sign(message) }];
  refused({ ...made, approvals }, "federation-approvals", /member 4 of 4/);
});

Deno.test("checkChange() refuses a new member that has not signed", () => {
  refused(
    { ...change({ next: joined }), joinings: [] },
    "federation-newcomer",
    /not exactly the new members/,
  );
});

Deno.test("checkChange() wants a signature of whoever takes over a member's name with another key", () => {
  const next = { members: members.with(0, { ...(members[0] as Member), key: testKey("fifth").publicKey }) };
  const made = change({ next });
  equal(made.joinings.length, 1);
  refused({ ...made, joinings: [] }, "federation-newcomer", /not exactly the new members/);
});

Deno.test("checkChange() refuses joinings of members in force, twice, in another order, or beyond the list", () => {
  const two = change({ next: { members: [...members, fifth, sixth] } });
  const [first, second] = two.joinings;
  ok(first && second);
  const inForce = joiningOf(two.document, { federation: four, keys, member: 0, names: named(TIP) });
  const cases = [
    [inForce, first, second],
    [inForce, second],
    [first, first],
    [second, first],
    [first],
    [first, second, { ...second, member: 6 }],
    [first, { ...second, member: 6 }],
  ];
  equal(codeOf(two), "accepted");
  for (const joinings of cases) refused({ ...two, joinings }, "federation-newcomer", /not exactly/);
});

Deno.test("checkChange() takes a block that is exactly as old as a transaction may be, and none older", () => {
  // Block 4 is 3,600 s before the change.
  equal(codeOf(change({ next: joined, names: named(4) })), "accepted");
  const later = { timeMs: BLOCK_MS + 1 };
  equal(codeOf(change({ next: joined, names: named(4) }), later), "federation-newcomer");
  equal(codeOf(change({ next: joined, names: named(5) }), later), "accepted");
});

Deno.test("checkChange() goes by the lifetime in force, not by that of the new document", () => {
  const next = { ...joined, parameters: { ...parameters, transactionLifetimeMs: 1 } };
  equal(codeOf(change({ next, names: named(4) })), "accepted");
});

for (
  const [name, names] of [
    ["no block at all", named(0)],
    ["a block above the tip", named(TIP + 1)],
    ["an old block", named(3)],
    ["the right height with another chain's block", { height: asHeight(TIP), blockHash: blockHashAt(99) }],
    ["the right block under another height", { height: asHeight(TIP), blockHash: blockHashAt(TIP - 1) }],
    ["the zero hash", { height: asHeight(TIP), blockHash: ZERO_HASH }],
  ] as const
) {
  Deno.test(`checkChange() refuses a new member that names ${name}`, () => {
    refused(change({ next: joined, names }), "federation-newcomer", /fifth names no recent block/);
  });
}

Deno.test("checkChange() refuses a joining signed for another block, document, chain, or by another key", () => {
  const made = change({ next: joined });
  const [joining] = made.joinings;
  ok(joining);
  const { document } = made;
  const { hash } = federationOf(crypto.hash, document);
  const other = testFederation(3);
  const messages = [
    joiningMessage(four, { document: hash, ...named(TIP - 1) }),
    joiningMessage(four, { document: other.hash, ...named(TIP) }),
    joiningMessage(other, { document: hash, ...named(TIP) }),
  ];
  for (const message of messages) {
    const joinings = [{ ...joining, signature: testKey("fifth").sign(message) }];
    refused({ ...made, joinings }, "federation-newcomer", /fifth does not verify/);
  }
  const right = joiningMessage(four, { document: hash, ...named(TIP) });
  equal(codeOf({ ...made, joinings: [{ ...joining, signature: testKey("fifth").sign(right) }] }), "accepted");
  const foreign = [{ ...joining, signature: testKey("sixth").sign(right) }];
  refused({ ...made, joinings: foreign }, "federation-newcomer", /fifth does not verify/);
});

Deno.test("checkChange() judges the order first, then approvals, then joinings", () => {
  const nothing = { approvals: [], joinings: [] };
  const document = nextDocument(four, { ...joined, sequence: 7 });
  equal(codeOf({ document, ...nothing }), "federation-order");
  equal(codeOf({ document: nextDocument(four, joined), ...nothing }), "federation-approvals");
  equal(codeOf({ ...change({ next: joined }), joinings: [] }), "federation-newcomer");
});

Deno.test("newcomersOf() goes by keys: names, addresses and places do not matter", () => {
  const moved = members.map((member, i) => ({ ...member, name: `renamed-${i}`, peerAddress: "[::1]:1" }))
    .toReversed();
  equal(newcomersOf(nextDocument(four, { members: moved }), four).length, 0);
  const next = nextDocument(four, { members: [fifth, ...moved, sixth] });
  equal(newcomersOf(next, four).join(), "0,5");
});

Deno.test("whatever is changed in an approval or a joining, the change is refused", () => {
  const made = change({ next: { members: [...members, fifth, sixth] }, approvers: [0, 1, 3] });
  equal(codeOf(made), "accepted");
  const flip = (bytes: Uint8Array, { at, mask }: Flip) =>
    bytes.with(at % bytes.length, bytes[at % bytes.length] as number ^ mask);
  interface Flip {
    readonly at: number;
    readonly mask: number;
  }
  const flips = fc.record({ at: fc.nat(63), mask: fc.integer({ min: 1, max: 255 }) });
  const numbers = fc.oneof(fc.nat(400), fc.nat());
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant("approvalSignature" as const), i: fc.nat(2), flip: flips }),
    fc.record({ kind: fc.constant("approvalMember" as const), i: fc.nat(2), to: numbers }),
    fc.record({ kind: fc.constant("joiningSignature" as const), i: fc.nat(1), flip: flips }),
    fc.record({ kind: fc.constant("joiningBlock" as const), i: fc.nat(1), flip: flips }),
    fc.record({ kind: fc.constant("joiningMember" as const), i: fc.nat(1), to: numbers }),
    fc.record({ kind: fc.constant("joiningHeight" as const), i: fc.nat(1), to: numbers }),
    fc.record({ kind: fc.constant("drop" as const), i: fc.nat(4) }),
    fc.record({ kind: fc.constant("double" as const), i: fc.nat(4) }),
  );
  fc.assert(
    fc.property(mutation, (mutation) => {
      const mutate = <T extends { readonly member: number }>(
        list: readonly T[],
        patch: (each: T) => Partial<T>,
      ) => list.map((each, i) => i === mutation.i ? { ...each, ...patch(each) } : each);
      const edit = (edit: <T>(list: readonly T[], i: number) => T[]) => ({
        approvals: mutation.i < 3 ? edit(made.approvals, mutation.i) : made.approvals,
        joinings: mutation.i < 3 ? made.joinings : edit(made.joinings, mutation.i - 3),
      });
      const parts = (): Partial<FederationChange> => {
        switch (mutation.kind) {
          case "approvalSignature":
            return {
              approvals: mutate(
                made.approvals,
                ({ signature }) => ({ signature: asSignature(flip(signature, mutation.flip)) }),
              ),
            };
          case "approvalMember":
            return { approvals: mutate(made.approvals, () => ({ member: mutation.to })) };
          case "joiningSignature":
            return {
              joinings: mutate(
                made.joinings,
                ({ signature }) => ({ signature: asSignature(flip(signature, mutation.flip)) }),
              ),
            };
          case "joiningBlock":
            return {
              joinings: mutate(
                made.joinings,
                ({ blockHash }) => ({ blockHash: asHash(flip(blockHash, mutation.flip)) }),
              ),
            };
          case "joiningMember":
            return { joinings: mutate(made.joinings, () => ({ member: mutation.to })) };
          case "joiningHeight":
            return { joinings: mutate(made.joinings, () => ({ height: asHeight(mutation.to) })) };
          case "drop":
            return edit((list, i) => list.toSpliced(i, 1));
          case "double":
            return edit((list, i) => list.toSpliced(i, 0, list[i] as never));
        }
      };
      const mutated = { ...made, ...parts() };
      const encode = (one: FederationChange) =>
        JSON.stringify(one, (_, value) => value instanceof Uint8Array ? toHex(value) : value);
      fc.pre(encode(mutated) !== encode(made));
      notEqual(codeOf(mutated), "accepted");
    }),
    { numRuns: 400 },
  );
});

Deno.test("federationChangeShape gives back what was encoded, up to the most members", () => {
  const many: readonly PrivateKey[] = Array.from({ length: LIMITS.members }, (_, i) => testKey(`many ${i}`));
  const federation: Federation = makeFederation({ keys: many, timeMs: GENESIS_MS }).federation;
  const approvers = many.map((_, i) => i);
  const made = makeChange({ federation, keys: many, approvers });
  const bytes = encodeShape(federationChangeShape, made);
  const decode = (input: Uint8Array) =>
    decodeShape(federationChangeShape, input, { what: "change", code: "transaction-format" });
  const decoded = decode(bytes);
  ok(decoded.ok, decoded.ok ? "" : decoded.detail);
  equal(toHex(encodeShape(federationChangeShape, decoded.value)), toHex(bytes));
  equal(codeOf(decoded.value, { federation }), "accepted");
});

for (
  const [name, wrong] of [
    ["an approval of member 400", (made: FederationChange) => {
      const [first] = made.approvals;
      ok(first);
      return { ...made, approvals: [...made.approvals, { ...first, member: LIMITS.members }] };
    }],
    ["401 approvals", (made: FederationChange) => {
      const [first] = made.approvals;
      ok(first);
      return { ...made, approvals: Array.from({ length: LIMITS.members + 1 }, () => first) };
    }],
    ["401 members", (made: FederationChange) => {
      const document = { ...made.document, members: Array.from({ length: LIMITS.members + 1 }, () => fifth) };
      return { ...made, document };
    }],
  ] as const
) {
  Deno.test(`federationChangeShape refuses ${name}`, () => {
    const bytes = encodeShape(federationChangeShape, wrong(change()));
    const decoded = decodeShape(federationChangeShape, bytes, { what: "change", code: "transaction-format" });
    equal(decoded.ok ? "accepted" : decoded.code, "transaction-format");
  });
}
