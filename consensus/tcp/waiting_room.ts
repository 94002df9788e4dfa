/**
 * Connections accepted from whoever comes, that have not yet proved who they are: bounded in number.
 *
 * When one too many comes, one is closed at once: the oldest of the address that has most of them. So neither silent
 * connections that fill the room, nor a flood from few addresses, keep a member out, whose handshake takes two round
 * trips.
 *
 * @module
 */

/** A connection that waits. */
export interface Guest {
  readonly remoteHost: string;
  readonly close: () => void;
}

/** The room. */
export interface WaitingRoom {
  /** Lets one in, and closes one when the room was full. Disposing of the result makes it leave. */
  readonly enter: (guest: Guest) => Disposable;
  /** How many wait. */
  readonly size: () => number;
}

/** Makes a room for `limit` guests; `onTurnedOut` hears of each that was closed for want of room. */
export function makeWaitingRoom(limit: number, onTurnedOut: (guest: Guest) => void): WaitingRoom {
  const guests = new Set<Guest>(); // in order of arrival
  return {
    enter: (guest) => {
      guests.add(guest);
      if (guests.size > limit) {
        const out = oldestOfMostFrequentHost(guests);
        guests.delete(out);
        out.close();
        onTurnedOut(out);
      }
      return { [Symbol.dispose]: () => void guests.delete(guest) };
    },
    size: () => guests.size,
  };
}

function oldestOfMostFrequentHost(guests: ReadonlySet<Guest>): Guest {
  const byHost = Map.groupBy(guests, (guest) => guest.remoteHost);
  const largest = [...byHost.values()].reduce((most, group) => group.length > most.length ? group : most);
  return largest[0] as Guest;
}
