import { deepEqual, equal } from "node:assert/strict";
import { type AdmissionPolicy, clientName, makeAdmission } from "../../../cmd/node/admission.ts";

const OPEN: AdmissionPolicy = { tokens: null, ratePerSecond: 10, burst: 3 };
const hashToken = (token: string) => `hash of ${token}`;

/** The codes of as many transactions sent at once. */
function send(
  admission: ReturnType<typeof makeAdmission>,
  client: { count: number; token?: string; remote?: string; nowMs?: number },
): readonly (string | undefined)[] {
  return Array.from(
    { length: client.count },
    () =>
      admission({ token: client.token, remote: client.remote ?? "192.0.2.1", nowMs: client.nowMs ?? 0 })
        ?.code,
  );
}

Deno.test("makeAdmission() lets a burst in, and refuses what is beyond it", () => {
  deepEqual(send(makeAdmission(OPEN, { hashToken }), { count: 4 }), [
    undefined,
    undefined,
    undefined,
    "rate",
  ]);
});

Deno.test("makeAdmission() lets in again what was earned meanwhile, never more than a burst", () => {
  const admission = makeAdmission(OPEN, { hashToken });
  send(admission, { count: 3 });
  deepEqual(send(admission, { count: 2, nowMs: 100 }), [undefined, "rate"]);
  equal(send(admission, { count: 9, nowMs: 3_600_000 }).filter((code) => code === undefined).length, 3);
});

Deno.test("makeAdmission() does not earn when the clock goes back", () => {
  const admission = makeAdmission(OPEN, { hashToken });
  send(admission, { count: 3, nowMs: 10_000 });
  deepEqual(send(admission, { count: 1, nowMs: 0 }), ["rate"]);
});

Deno.test("makeAdmission() counts each address by itself", () => {
  const admission = makeAdmission(OPEN, { hashToken });
  send(admission, { count: 9 });
  deepEqual(send(admission, { count: 1, remote: "192.0.2.2" }), [undefined]);
});

Deno.test("makeAdmission() wants a known token where there are tokens", () => {
  const admission = makeAdmission({ ...OPEN, tokens: new Map([["hash of good", "ops"]]) }, { hashToken });
  deepEqual(send(admission, { count: 1 }), ["unauthorized"]);
  deepEqual(send(admission, { count: 1, token: "bad" }), ["unauthorized"]);
  deepEqual(send(admission, { count: 1, token: "good" }), [undefined]);
});

Deno.test("makeAdmission() counts a token by itself, wherever it is used from", () => {
  const admission = makeAdmission({ ...OPEN, tokens: new Map([["hash of good", "ops"]]) }, { hashToken });
  send(admission, { count: 3, token: "good", remote: "192.0.2.2" });
  deepEqual(send(admission, { count: 1, token: "good", remote: "192.0.2.3" }), ["rate"]);
});

Deno.test("makeAdmission() slows down an address that guesses tokens, and no token beside it", () => {
  const admission = makeAdmission({ ...OPEN, tokens: new Map([["hash of good", "ops"]]) }, { hashToken });
  deepEqual(send(admission, { count: 4, token: "bad" }).at(-1), "rate");
  deepEqual(send(admission, { count: 1, token: "good" }), [undefined]);
});

Deno.test("makeAdmission() remembers a bounded number of clients, the last ones", () => {
  const admission = makeAdmission({ ...OPEN, burst: 1 }, { hashToken, maxBuckets: 2 });
  for (const remote of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) send(admission, { count: 1, remote });
  deepEqual(send(admission, { count: 1, remote: "192.0.2.3" }), ["rate"]);
  deepEqual(send(admission, { count: 1, remote: "192.0.2.1" }), [undefined]);
});

Deno.test("clientName() takes an IPv6 client as its network, and IPv4 in IPv6 as IPv4", () => {
  const names: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["", ""],
  ];
  for (const [address, name] of names) equal(clientName(address), name, address);
});
