/**
 * The protocol as the other parts of a member use it.
 *
 * Members go by their numbers here (core/roster.ts), which outlive a change of the federation. The protocol counts by
 * index in the document in force, so an event about a member is made only when its turn comes, and an action's indexes
 * are looked up while it runs.
 *
 * @module
 */
import type { Event } from "../events.ts";
import type { State } from "../state.ts";

/** Makes the event about a member with this index. */
export type AboutMember = (index: number) => Event;

/** The protocol, as its parts use it. */
export interface ProtocolPort {
  /** Resolves once the event was dealt with. */
  readonly post: (event: Event) => Promise<void>;
  /** The same for an event about a member, by its number; nothing when it is no member any more at its turn. */
  readonly about: (member: number, make: AboutMember) => Promise<void>;
  readonly state: () => State;
  /** Stops the protocol and has the process end. */
  readonly fatal: (error: unknown) => void;
}
