/**
 * Numbers that stay with a member's key while the federation changes. Votes count members by their index in one
 * document; links, questions and answers outlive it, and name their member by such a number instead.
 *
 * @module
 */
import type { PublicKey } from "./brands.ts";
import { toHex } from "./bytes.ts";
import { assert } from "./errors.ts";
import { type Federation, type Member, memberAt, memberIndex } from "./federation.ts";

/** The members of all documents that were admitted, by number. Lasts as long as the process. */
export interface Roster {
  /** Numbers a document's members that have none; what it says of the others takes the place of what was known. */
  readonly admit: (federation: Federation) => void;
  /** A key's number; `undefined` for who never was a member. */
  readonly numberOf: (key: PublicKey) => number | undefined;
  /** The number of the member at an index; asserts that the document was admitted. */
  readonly numberAt: (federation: Federation, index: number) => number;
  /** A number's index in a document; −1 where it is no member. */
  readonly indexIn: (federation: Federation, number: number) => number;
  /** The member with this number, as the newest document has it; asserts that there is one. */
  readonly member: (number: number) => Member;
}

/** Numbers the members of a document by their indexes in it. */
export function openRoster(federation: Federation): Roster {
  const members: Member[] = [];
  const numbers = new Map<string, number>();

  function admit({ document }: Federation): void {
    for (const member of document.members) {
      const number = numbers.get(toHex(member.key)) ?? members.length;
      numbers.set(toHex(member.key), number);
      members[number] = member;
    }
  }

  function member(number: number): Member {
    const found = members[number];
    assert(found !== undefined, `member number ${number} of ${members.length}`);
    return found;
  }

  function numberAt(from: Federation, index: number): number {
    const number = numbers.get(toHex(memberAt(from, index).key));
    assert(number !== undefined, `member ${index} of a document that was not admitted`);
    return number;
  }

  admit(federation);
  return {
    admit,
    numberOf: (key) => numbers.get(toHex(key)),
    numberAt,
    indexIn: (within, number) => memberIndex(within, member(number).key),
    member,
  };
}
