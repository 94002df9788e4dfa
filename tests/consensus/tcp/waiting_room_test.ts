/**
 * @module
 */
import assert from "node:assert/strict";
import { makeWaitingRoom } from "../../../consensus/tcp/waiting_room.ts";

function roomOf(limit: number) {
  const closed: string[] = [];
  const turnedOut: string[] = [];
  const room = makeWaitingRoom(limit, (guest) => turnedOut.push(guest.remoteHost));
  const enter = (name: string, remoteHost = name) =>
    room.enter({ remoteHost, close: () => closed.push(name) });
  return { room, enter, closed, turnedOut };
}

Deno.test("a room with places left closes nobody", () => {
  const { enter, closed, room } = roomOf(2);
  enter("a");
  enter("b");
  assert.deepEqual([closed, room.size()], [[], 2]);
});

Deno.test("a full room closes the oldest when all come from different addresses", () => {
  const { enter, closed, room } = roomOf(2);
  enter("a");
  enter("b");
  enter("c");
  assert.deepEqual([closed, room.size()], [["a"], 2]);
});

Deno.test("a full room closes the oldest of the address that fills it", () => {
  const { enter, closed, turnedOut } = roomOf(3);
  enter("member", "10.0.0.1");
  enter("first", "10.6.6.6");
  enter("second", "10.6.6.6");
  enter("third", "10.6.6.6");
  assert.deepEqual([closed, turnedOut], [["first"], ["10.6.6.6"]]);
});

Deno.test("who leaves makes a place, once", () => {
  const { enter, closed, room } = roomOf(1);
  const place = enter("a");
  place[Symbol.dispose]();
  place[Symbol.dispose]();
  enter("b");
  assert.deepEqual([closed, room.size()], [[], 1]);
});
