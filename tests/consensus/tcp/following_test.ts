/**
 * The members' network follows changes of the federation, over real sockets.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Address } from "../../../consensus/tcp/address.ts";
import { utf8 } from "../../../core/bytes.ts";
import { type Federation, federationOf, type Member } from "../../../core/federation.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { makeFederation, openMember, type OpenOptions, termsOf, type TestMember } from "./support.ts";

const from = makeFederation(4);

/** A document of the same chain with these of its nodes. */
function ofNodes(
  nodes: readonly number[],
  alter: (member: Member) => Member = (member) => member,
): Federation {
  const { document, genesisId, hash: previous } = from.federation;
  const members = nodes.map((index) => alter(document.members[index] as Member));
  return federationOf(platformCrypto.hash, { ...document, genesisId, previous, sequence: 1, members });
}

/** Opens nodes under a document; each knows where all others are. */
function openNodes(nodes: readonly number[], federation: Federation, options: OpenOptions = {}) {
  const addresses = new Map<number, Address>();
  const members = new Map<number, TestMember>();
  for (const index of nodes) {
    const member = openMember({ ...from, index }, { terms: termsOf(federation), addresses, ...options });
    members.set(index, member);
    addresses.set(index, member.peers.address);
  }
  const at = (index: number) => members.get(index) as TestMember;
  return {
    at,
    addresses,
    met: async (a: number, b: number) => {
      for (const [one, other] of [[a, b], [b, a]] as const) {
        await at(one).until("they have met", () => at(one).peers.connected().includes(other));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...members.values()].map((member) => member[Symbol.asyncDispose]()));
    },
  };
}

/** A node that starts when it has become a member itself. */
function openNewcomer(
  index: number,
  { federation, addresses }: { federation: Federation; addresses: Map<number, Address> },
) {
  const member = openMember({ ...from, index }, { terms: termsOf(federation), addresses });
  addresses.set(index, member.peers.address);
  return member;
}

Deno.test("follow() leaves the connections of those who stay as they are, wherever they stand in the document", async () => {
  await using nodes = openNodes([0, 1, 2], ofNodes([0, 1, 2]));
  await nodes.met(0, 1);
  await nodes.met(0, 2);
  for (const index of [0, 1, 2]) nodes.at(index).peers.follow(termsOf(ofNodes([3, 2, 1, 0])));
  assert(nodes.at(0).peers.send(2, utf8("still you")));
  await nodes.at(2).until("it has come", () => nodes.at(2).frames.length === 1);
  assert.equal(nodes.at(2).frames[0]?.member, 0);
  assert.deepEqual([nodes.at(0).downs(1), nodes.at(0).downs(2), nodes.at(0).ups(1), nodes.at(0).ups(2)], [
    0,
    0,
    1,
    1,
  ]);
});

Deno.test("a new member is refused until its document is in force here, and then met", async () => {
  await using nodes = openNodes([0, 1], ofNodes([0, 1]));
  await using newcomer = openNewcomer(2, { federation: ofNodes([0, 1, 2]), addresses: nodes.addresses });
  const refused = (index: number) => () =>
    nodes.at(index).log.some(({ code }) => code === "handshake-member");
  await nodes.at(0).until("it is refused", refused(0));
  assert.deepEqual([nodes.at(0).ups(2), newcomer.ups(0)], [0, 0]);
  for (const index of [0, 1]) nodes.at(index).peers.follow(termsOf(ofNodes([0, 1, 2])));
  for (const index of [0, 1]) {
    await newcomer.until("it is met", () => newcomer.peers.connected().includes(index));
    await nodes.at(index).until("it has met", () => nodes.at(index).peers.connected().includes(2));
  }
});

Deno.test("a new member is dialed by those who wait for it", async () => {
  await using nodes = openNodes([0], ofNodes([0]));
  nodes.at(0).peers.follow(termsOf(ofNodes([0, 2])));
  // It can be reached, and knows nobody's address.
  const member = openMember({ ...from, index: 2 }, { terms: termsOf(ofNodes([0, 2])) });
  await using newcomer = member;
  nodes.addresses.set(2, member.peers.address);
  await newcomer.until("it is met", () => newcomer.peers.connected().includes(0));
});

Deno.test("who is removed is cut off after a moment, and let in no more", async () => {
  await using nodes = openNodes([0, 1], ofNodes([0, 1]), { timing: { partingMs: 20 } });
  await nodes.met(0, 1);
  nodes.at(0).peers.follow(termsOf(ofNodes([0])));
  assert(nodes.at(0).peers.send(1, utf8("the last")), "what is said at the end still goes out");
  await nodes.at(1).until("it has come", () => nodes.at(1).frames.length === 1);
  await nodes.at(0).until("it is over", () => nodes.at(0).downs(1) === 1);
  const end = nodes.at(0).events.find((event) => event.kind === "down");
  assert.equal(end?.end.code, "removed");
  await nodes.at(0).until(
    "it is refused",
    () => nodes.at(0).log.some(({ code }) => code === "handshake-member"),
  );
  assert.deepEqual([nodes.at(0).ups(1), nodes.at(0).peers.connected()], [1, []]);
});

Deno.test("who signed the last block is met, although it is no member any more", async () => {
  await using nodes = openNodes([0, 1], ofNodes([0, 1]), { timing: { partingMs: 1 } });
  await nodes.met(0, 1);
  const terms = { signedBy: ofNodes([0, 1]), federation: ofNodes([0]) };
  for (const index of [0, 1]) nodes.at(index).peers.follow(terms);
  assert(nodes.at(1).peers.send(0, utf8("the COMMIT that you lack")));
  await nodes.at(0).until("it has come", () => nodes.at(0).frames.length === 1);
  assert.deepEqual([nodes.at(0).downs(1), nodes.at(1).downs(0)], [0, 0]);
});

Deno.test("a member that comes back before its connection has ended is met anew", async () => {
  await using nodes = openNodes([0, 1], ofNodes([0, 1]), { timing: { partingMs: 3_600_000 } });
  await nodes.met(0, 1);
  nodes.at(0).peers.follow(termsOf(ofNodes([0])));
  nodes.at(0).peers.follow(termsOf(ofNodes([0, 1])));
  await nodes.at(0).until("it is met again", () => nodes.at(0).ups(1) === 2);
  const kinds = nodes.at(0).events.map((event) => event.kind === "down" ? event.end.code : event.kind);
  assert.deepEqual(kinds, ["up", "removed", "up"]);
  await nodes.met(0, 1);
});

Deno.test("a later document with an address that cannot be read keeps nobody from starting", async () => {
  const nowhere = ofNodes([0, 3], (member) => ({ ...member, peerAddress: "nowhere" }));
  await using member = openMember({ ...from, index: 0 }, { terms: termsOf(nowhere) });
  await member.until("it is logged", () => member.log.some(({ code }) => code === "unreachable"));
});

Deno.test("a new member whose address cannot be read is logged, and stops nothing", async () => {
  await using nodes = openNodes([0, 1], ofNodes([0, 1]));
  const nowhere = ofNodes([0, 1, 3], (member) => ({ ...member, peerAddress: "nowhere" }));
  nodes.at(0).peers.follow(termsOf(nowhere));
  await nodes.at(0).until(
    "it is logged",
    () => nodes.at(0).log.some(({ code, member }) => code === "unreachable" && member === 3),
  );
  await nodes.met(0, 1);
});
