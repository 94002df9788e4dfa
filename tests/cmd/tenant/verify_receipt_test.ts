/** `tenant verify-receipt`: offline, with nothing but a federation document. */
import { deepEqual, equal, match } from "node:assert/strict";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { makeFederation } from "../../support/federation.ts";
import { failed, type Scene, scene } from "./command_line.ts";

/** Publishes and keeps the receipt; gives what was printed and the receipt's path. */
async function published(it: Scene) {
  const receipt = it.directory.file("rules.receipt");
  const file = await it.file("rules.nft", "flush ruleset\n");
  const printed = await it.json("publish", file, "--to", it.to, "--receipt", receipt, ...it.access());
  return { printed, receipt, federation: it.directory.file("federation.json") };
}

Deno.test("verify-receipt says what was committed where, by whom, and who certified it", async () => {
  await using it = await scene();
  const { printed, receipt, federation } = await published(it);
  const shown = await it.json("verify-receipt", receipt, "--federation", federation);
  const { ok, transaction, cid, vid, height, recipient, signers, members } = shown;
  deepEqual({ transaction, cid, vid, height }, printed);
  deepEqual([ok, recipient], [true, it.to]);
  deepEqual([(signers as readonly string[]).length > 0, members], [
    true,
    it.chain.federation.document.members.length,
  ]);
  const text = await it.run("verify-receipt", receipt, "--federation", federation);
  equal(text.code, 0, text.stderr);
  match(text.stdout, /receipt +holds/);
});

Deno.test("verify-receipt needs no node: all of them may be gone", async () => {
  await using it = await scene();
  const { receipt, federation } = await published(it);
  await it.node[Symbol.asyncDispose]();
  equal((await it.run("verify-receipt", receipt, "--federation", federation)).code, 0);
});

Deno.test("verify-receipt refuses a changed receipt and another chain's document", async () => {
  await using it = await scene();
  const { receipt, federation } = await published(it);
  const bytes = await Deno.readFile(receipt);
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] as number) ^ 1;
  const changed = await it.file("changed.receipt", bytes);
  failed(await it.run("verify-receipt", changed, "--federation", federation), { code: 1, error: /hint/ });
  const other = await it.file("other.json", federationToJson(makeFederation({ size: 4 }).federation));
  failed(await it.run("verify-receipt", receipt, "--federation", other), {
    code: 1,
    error: /the receipt is of another chain/,
  });
  const missing = await it.run("verify-receipt", it.directory.file("none"), "--federation", federation);
  failed(missing, { code: 2, error: /cannot be read/ });
});
