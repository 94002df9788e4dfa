/**
 * Whom a member meets: the others in the document in force, and those in the document that signed the chain's last
 * block. Who was removed stays in the circle until a block was decided without it: it may hold the last COMMIT, or
 * the last block, that a member which stays still lacks.
 *
 * @module
 */
import type { PublicKey } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { Federation, Member } from "../../core/federation.ts";
import type { Tip } from "../../core/ports.ts";
import type { Roster } from "../../core/roster.ts";

/** The documents that say who is met. */
export type Terms = Pick<Tip, "signedBy" | "federation">;

/** What a new tip changes. */
export interface CircleChange {
  readonly joined: readonly number[];
  readonly left: readonly number[];
}

/** The circle; members by their numbers (core/roster.ts). */
export interface Circle {
  /** In force. */
  readonly federation: () => Federation;
  /** The number of a key that is met; `undefined` for strangers. */
  readonly numberOf: (key: PublicKey) => number | undefined;
  readonly has: (member: number) => boolean;
  /** All that are met, without ourselves. */
  readonly members: () => readonly number[];
  readonly member: (member: number) => Member;
  readonly follow: (terms: Terms) => CircleChange;
}

/** Whether a key takes part in the members' network. */
export function isMet(key: PublicKey, { signedBy, federation }: Terms): boolean {
  return [signedBy, federation].some(({ document }) => document.members.some((each) => equal(each.key, key)));
}

/** Makes the circle of the member with the key `self`. */
export function makeCircle(
  { roster, self, terms }: { readonly roster: Roster; readonly self: PublicKey; readonly terms: Terms },
): Circle {
  let { federation } = terms;
  let members = numbersIn(terms);

  function numbersIn({ signedBy, federation }: Terms): ReadonlySet<number> {
    // The newest last: what it says of a member counts.
    for (const each of [signedBy, federation]) roster.admit(each);
    const all = [...federation.document.members, ...signedBy.document.members];
    return new Set(all.map(({ key }) => roster.numberOf(key)).filter((number) => number !== undefined));
  }

  return {
    federation: () => federation,
    numberOf: (key) => {
      const number = roster.numberOf(key);
      return number !== undefined && members.has(number) ? number : undefined;
    },
    has: (member) => members.has(member),
    members: () => [...members].filter((member) => !equal(roster.member(member).key, self)),
    member: roster.member,
    follow: (next) => {
      const before = members;
      members = numbersIn(next);
      federation = next.federation;
      return {
        joined: [...members].filter((member) => !before.has(member)),
        left: [...before].filter((member) => !members.has(member)),
      };
    },
  };
}
