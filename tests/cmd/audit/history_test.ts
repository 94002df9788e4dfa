import { deepEqual, equal, ok } from "node:assert/strict";
import { type HistoryEntry, makeHistory } from "../../../cmd/audit/history.ts";
import { entryText } from "../../../cmd/audit/text_report.ts";
import { toHex, utf8 } from "../../../core/bytes.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { replayOf } from "../../support/replay.ts";
import { TestChain } from "../../support/test_chain.ts";
import { plainConfiguration as configuration } from "../../support/test_transactions.ts";
import { FIREWALL, tellStory } from "./story.ts";

const story = await tellStory();

async function historyOf(chain: TestChain, keys: readonly PrivateKey[]): Promise<readonly HistoryEntry[]> {
  const replay = replayOf(chain);
  const history = makeHistory(keys);
  const entries: HistoryEntry[] = [];
  for (const raw of chain.blocks) {
    const block = replay.push(raw);
    ok(block.ok, block.ok ? "" : block.detail);
    entries.push(...await Array.fromAsync(history(block.value)));
  }
  return entries;
}

Deno.test("makeHistory() shows a tenant what it published and got, decrypted, in the chain's order", async () => {
  const entries = await historyOf(story.chain, [story.tenant]);
  deepEqual(entries.map(({ height, type, vid }) => [height, type, vid]), [
    [3, "configuration", 1],
    [20, "configuration", 2],
    [21, "request", 1],
    [22, "configuration", 1],
    [23, "configuration", 1],
  ]);
  const [first, second, asked, answer, moved] = entries;
  ok(first && second && asked && answer && moved);
  const [transaction] = story.firewall;
  equal(first.transaction, toHex(transaction.id));
  equal(first.sender, publicKeyToText(story.tenant.publicKey));
  equal(first.recipient, publicKeyToText(story.vnf.publicKey));
  equal(first.time, "2026-01-01T00:00:03.000Z");
  deepEqual(first.content, {
    type: "file",
    name: "fw.nft",
    length: FIREWALL[0].length,
    sha256: toHex(platformCrypto.hash(utf8(FIREWALL[0]))),
    text: FIREWALL[0],
  });
  equal(first.applyBefore?.length, 1);
  deepEqual([second.cid, second.content?.text], [first.cid, FIREWALL[1]]);
  equal(asked.replyTo, publicKeyToText(story.tenant.publicKey));
  equal(answer.inReplyTo, asked.transaction);
  deepEqual([answer.content?.type, answer.content?.base64], ["state", "AAEC/w=="]);
  equal(moved.content, undefined);
  equal(moved.unopened?.code, "decryption");
});

Deno.test("makeHistory() decrypts with the VNF's key as with the tenant's", async () => {
  const byVnf = await historyOf(story.chain, [story.vnf]);
  deepEqual(byVnf, await historyOf(story.chain, [story.tenant]));
});

Deno.test("makeHistory() joins the histories of several keys, each transaction once", async () => {
  const both = await historyOf(story.chain, [story.tenant, story.vnf, story.vendor]);
  deepEqual(both.map(({ height, index }) => [height, index]), [[2, 0], [3, 0], [20, 0], [20, 1], [21, 0], [
    22,
    0,
  ], [23, 0]]);
});

Deno.test("makeHistory() shows nothing without keys, or with a key that is not on the chain", async () => {
  deepEqual(await historyOf(story.chain, []), []);
  deepEqual(await historyOf(story.chain, [generatePrivateKey()]), []);
});

Deno.test("makeHistory() shows empty content, and text only when it is exactly the bytes", async () => {
  const chain = new TestChain(story.chain);
  const contents: [Uint8Array<ArrayBuffer>, string | undefined][] = [
    [new Uint8Array(), ""],
    [Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), "\ufeffa"],
    [Uint8Array.of(0x61, 0x00), undefined],
    [Uint8Array.of(0xc0, 0x80), undefined],
  ];
  for (const [bytes] of contents) {
    chain.append([await configuration(chain, story.tenant, { content: bytes })]);
  }
  const entries = await historyOf(chain, [story.tenant]);
  deepEqual(entries.map(({ content }) => content?.text), contents.map(([, text]) => text));
});

Deno.test("entryText() shows control characters of descriptions, names and contents escaped", async () => {
  const chain = new TestChain(story.chain);
  const hostile = "\u001b[31mred\u0007\u202e";
  chain.append([
    await configuration(chain, story.tenant, { description: hostile, content: utf8(`a\n${hostile}\n`) }),
  ]);
  const [entry] = await historyOf(chain, [story.tenant]);
  ok(entry);
  const text = entryText(entry);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(text), false);
  ok(text.includes("\\u001b[31mred"));
});

Deno.test("entryText() cuts long contents", async () => {
  const chain = new TestChain(story.chain);
  chain.append([
    await configuration(chain, story.tenant, { content: utf8(`${"x".repeat(5000)}\n`.repeat(300)) }),
  ]);
  const [entry] = await historyOf(chain, [story.tenant]);
  ok(entry);
  ok(entryText(entry).length < 10_000);
  equal(entry.content?.text?.length, 5001 * 300);
});
