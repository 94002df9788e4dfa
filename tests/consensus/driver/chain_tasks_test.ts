import assert from "node:assert/strict";
import type { Event } from "../../../consensus/events.ts";
import { openBackground } from "../../../consensus/driver/background.ts";
import { openBodies } from "../../../consensus/driver/bodies.ts";
import { type ChainTasks, openChainTasks } from "../../../consensus/driver/chain_tasks.ts";
import { type HeldBlocks, openHeldBlocks } from "../../../consensus/driver/held_blocks.ts";
import { openMemberPool } from "../../../consensus/driver/pool.ts";
import { type Block, blockHash } from "../../../core/block.ts";
import { asRound } from "../../../core/brands.ts";
import { equal, toHex } from "../../../core/bytes.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { memberKey } from "../../support/federation.ts";
import { decide, type TestStore, testStore } from "./chain.ts";
import { transaction } from "./transactions.ts";

interface Harness {
  readonly tasks: ChainTasks;
  readonly held: HeldBlocks;
  readonly events: Event[];
  /** Bodies that were asked for. */
  readonly wanted: string[];
  readonly settled: () => Promise<void>;
  isWanted: boolean;
}

async function harness(chain: TestStore): Promise<Harness> {
  const events: Event[] = [];
  const wanted: string[] = [];
  const background = openBackground((error) => events.push({ kind: "fatal", error } as never));
  const held = openHeldBlocks(chain.store);
  const pool = await openMemberPool({
    port: chain.store.pool,
    reader: chain.store,
    crypto: platformCrypto,
    nowMs: chain.nowMs,
    isDiskLow: () => false,
    onChange: () => {},
    log: () => {},
  });
  const one: Harness = {
    held,
    events,
    wanted,
    isWanted: true,
    settled: background.settled,
    tasks: openChainTasks({
      chain: chain.store,
      pool,
      held,
      bodies: openBodies({
        lookUp: (id) => pool.get(id) ?? held.transaction(id),
        want: (_, ids) => void wanted.push(...ids.map(toHex)),
      }),
      crypto: platformCrypto,
      publicKey: memberKey(0).publicKey,
      nowMs: chain.nowMs,
      post: (event) => Promise.resolve(void events.push(event)),
      isWanted: () => one.isWanted,
      onAppended: () => {},
      background,
      log: () => {},
    }),
  };
  return one;
}

/** The next block, judged by nobody yet. */
async function nextBlock(chain: TestStore, transactions: readonly Transaction[]): Promise<Block> {
  const { block } = await chain.store.build({
    candidates: transactions,
    proposer: memberKey(0).publicKey,
    createdRound: asRound(0),
    nowMs: chain.nowMs(),
  });
  return block;
}

function validateAction({ header, parentCertificate, transactions }: Block) {
  return {
    kind: "validate",
    height: header.height,
    round: asRound(0),
    blockHash: blockHash(platformCrypto.hash, header),
    proposal: { header, parentCertificate, ids: transactions.map(({ id }) => id) },
    fresh: true,
    from: [1],
  } as const;
}

Deno.test("a block held before a restart is judged again although no pool has its bodies", async () => {
  await using chain = await testStore();
  const block = await nextBlock(chain, [await transaction(chain)]);
  await chain.store.hold(blockHash(platformCrypto.hash, block.header), block);
  const { tasks, events, wanted, settled } = await harness(chain);
  tasks.validate(validateAction(block));
  await settled();
  assert.deepEqual(wanted, []);
  assert.deepEqual(events.map((event) => "verdict" in event ? event.verdict : event.kind), ["valid"]);
});

Deno.test("the wait for bodies ends when the height is decided otherwise", async () => {
  await using chain = await testStore();
  const block = await nextBlock(chain, [await transaction(chain)]);
  const { tasks, events, wanted, settled } = await harness(chain);
  tasks.validate(validateAction(block));
  while (wanted.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const { certificate, block: { header, parentCertificate } } = decide(
    chain.federation,
    await nextBlock(chain, []),
  );
  const verdict = await tasks.append({
    version: 1,
    header,
    parentCertificate,
    transactions: [],
    certificate,
  });
  assert(verdict.ok, JSON.stringify(verdict));
  await settled();
  assert.deepEqual(events, []);
});

Deno.test("a block that is appended twice at once is stored once", async () => {
  await using chain = await testStore();
  const decided = decide(chain.federation, await nextBlock(chain, [await transaction(chain)]));
  const { certificate, block: { header, parentCertificate, transactions } } = decided;
  const bytes = transactions.map((one) => one.bytes);
  const raw = { version: 1, header, parentCertificate, transactions: bytes, certificate } as const;
  const { tasks } = await harness(chain);
  const verdicts = await Promise.all([tasks.append(raw), tasks.append(raw)]);
  assert(verdicts.every(({ ok }) => ok));
  assert.equal(chain.store.tip().parent.height, 1);
});

Deno.test("a second certified block at our height stops the member", async () => {
  await using chain = await testStore();
  const first = decide(chain.federation, await nextBlock(chain, []));
  const second = decide(chain.federation, await nextBlock(chain, [await transaction(chain)]));
  const { tasks } = await harness(chain);
  await chain.store.append(first);
  const { block, certificate } = second;
  const { blockHash: hash, proposal, height } = validateAction(block);
  await assert.rejects(
    tasks.commit({ kind: "commit", height, blockHash: hash, proposal, certificate }),
    /two certified/,
  );
});

Deno.test("held blocks are served from the store once there are too many to keep at hand", async () => {
  await using chain = await testStore();
  const { held } = await harness(chain);
  const all: Transaction[] = [];
  for (let i = 0; i < 12; i++) {
    const one = await transaction(chain);
    all.push(one);
    const block = await nextBlock(chain, [one]);
    await held.keep(blockHash(platformCrypto.hash, block.header), block);
  }
  const ids = all.map(({ id }) => id);
  assert.equal(ids.filter((id) => held.transaction(id) !== undefined).length, 8);
  const found = await held.find(ids);
  assert.equal(found.length, 12);
  assert(found.every(({ id }) => ids.some((each) => equal(each, id))));
  held.forgetUpTo(1);
  assert.deepEqual(await held.find(ids), []);
});
