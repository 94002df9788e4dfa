import { deepEqual, rejects } from "node:assert/strict";
import type { Log } from "../../../cmd/common/log.ts";
import { checkFederation, warnOfExpired } from "../../../cmd/node/federation_check.ts";
import { makeTestnet } from "../../../cmd/node/testnet.ts";
import type { Federation, Member } from "../../../core/federation.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const YEAR_MS = 365 * 86_400_000;

async function federationOf(nodes: number): Promise<Federation> {
  await using directory = await temporaryDirectory();
  const options = { nodes, basePort: 7000, host: "127.0.0.1", parameters: {} };
  return await makeTestnet({ ...options, directory: directory.file("net") }, Date.now());
}

/** A log that keeps its warnings. */
function keepingLog(): { readonly log: Log; readonly warnings: string[] } {
  const warnings: string[] = [];
  const ignore = () => {};
  const warning: Log["warning"] = (message, properties) =>
    warnings.push(`${message}: ${properties?.["member"]}`);
  return { log: { debug: ignore, info: ignore, warning, error: ignore }, warnings };
}

/** The document with its members changed. */
function altered(
  federation: Federation,
  alter: (members: readonly Member[]) => readonly Member[],
): Federation {
  return { ...federation, document: { ...federation.document, members: alter(federation.document.members) } };
}

Deno.test("checkFederation() passes a document whose certificates hold", async () => {
  await checkFederation(await federationOf(2));
});

Deno.test("checkFederation() refuses certificates that were swapped between members", async () => {
  const federation = altered(await federationOf(2), ([a, b]) => [
    { ...a as Member, certificate: (b as Member).certificate },
    { ...b as Member, certificate: (a as Member).certificate },
  ]);
  await rejects(checkFederation(federation), {
    code: "federation-certificate",
    message: /member node-1: it certifies another key/,
    exitCode: 2,
  });
});

Deno.test("checkFederation() refuses a certificate of another authority", async () => {
  const stranger = await federationOf(1);
  const federation = altered(await federationOf(1), () => stranger.document.members);
  await rejects(checkFederation(federation), {
    code: "federation-certificate",
    message: /member node-1/,
  });
});

Deno.test("checkFederation() refuses a certificate that was not valid when the document was made", async () => {
  const federation = await federationOf(1);
  const late = { ...federation, document: { ...federation.document, time: Date.now() + 20 * YEAR_MS } };
  await rejects(checkFederation(late), {
    code: "federation-certificate",
  });
});

Deno.test("warnOfExpired() warns of certificates that have run out, and of no others", async () => {
  const { log, warnings } = keepingLog();
  await warnOfExpired(await federationOf(2), { nowMs: Date.now(), log });
  deepEqual(warnings, []);
  await warnOfExpired(await federationOf(2), { nowMs: Date.now() + 20 * YEAR_MS, log });
  deepEqual(warnings, [
    "a member's certificate does not hold any more: node-1",
    "a member's certificate does not hold any more: node-2",
  ]);
});
