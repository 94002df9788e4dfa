/**
 * @module
 */
import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../../consensus/tcp/address.ts";
import { VnfchainError } from "../../../core/errors.ts";

const GOOD = {
  "127.0.0.1:7000": { host: "127.0.0.1", port: 7000 },
  "[::1]:7000": { host: "::1", port: 7000 },
  "[2001:db8::1]:65535": { host: "2001:db8::1", port: 65535 },
  "localhost:1": { host: "localhost", port: 1 },
  "node-1.example.org:7000": { host: "node-1.example.org", port: 7000 },
};

const BAD = [
  "",
  ":",
  ":7000",
  "host",
  "host:",
  "host:0",
  "host:65536",
  "host:99999",
  "host:-1",
  "host:7e3",
  "host: 7000",
  "host:7000 ",
  " host:7000",
  "ho st:7000",
  "::1:7000",
  "[::1]",
  "[::1]:",
  "[host]:7000",
  "[127.0.0.1]:7000",
  "[]:1",
  "10.0.0.256:7000",
  "1.2.3:7000",
  "http://host:7000",
  "host:7000/",
  "-host:7000",
  "host\u0000:7000",
  "host\n:7000",
];

for (const [text, address] of Object.entries(GOOD)) {
  Deno.test(`parseAddress() reads ${text}, and formatAddress() writes it back`, () => {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(formatAddress(address), text);
  });
}

for (const text of BAD) {
  Deno.test(`parseAddress() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseAddress(text),
      (error) => error instanceof VnfchainError && error.code === "address",
    );
  });
}

Deno.test("parseAddress() takes port 0 only where any free port will do", () => {
  assert.deepEqual(parseAddress("127.0.0.1:0", { anyPort: true }), { host: "127.0.0.1", port: 0 });
});
