/**
 * @module
 */
import assert from "node:assert/strict";
import { limitLog, type PeerLogEntry } from "../../../consensus/tcp/log.ts";

const entry = (member: number | null, code: PeerLogEntry["code"] = "handshake-chain"): PeerLogEntry => (
  { level: "info", code, member, detail: "refused" }
);

function limited() {
  const written: PeerLogEntry[] = [];
  const clock = { nowMs: 0 };
  return { written, clock, log: limitLog((item) => written.push(item), () => clock.nowMs) };
}

Deno.test("limitLog() writes one entry a second for a code and counts the others", () => {
  const { written, clock, log } = limited();
  for (clock.nowMs = 0; clock.nowMs <= 1000; clock.nowMs += 100) log(entry(null));
  assert.deepEqual(written.map(({ detail }) => detail), ["refused", "refused (and 9 more like this)"]);
});

Deno.test("limitLog() tells members and codes apart", () => {
  const { written, log } = limited();
  log(entry(null));
  log(entry(1));
  log(entry(1, "timeout"));
  assert.equal(written.length, 3);
});

Deno.test("limitLog() goes on when the clock is set back", () => {
  const { written, clock, log } = limited();
  clock.nowMs = 5000;
  log(entry(null));
  clock.nowMs = 10;
  log(entry(null));
  assert.equal(written.length, 2);
});
