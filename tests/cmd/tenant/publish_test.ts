import { deepEqual, equal, match, ok } from "node:assert/strict";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { verifyReceipt } from "../../../core/receipt.ts";
import { toHex } from "../../../core/bytes.ts";
import { failed, scene } from "./command_line.ts";

Deno.test("publish prints transaction, CID, VID and height, and the chain has the transaction", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", "flush ruleset\n");
  const printed = await it.json("publish", file, "--to", it.to, ...it.access());
  const [transaction] = it.chain.transactions;
  ok(transaction);
  deepEqual(printed, {
    transaction: toHex(transaction.id),
    cid: toHex(transaction.payload.cid),
    vid: 1,
    height: 2,
  });
});
