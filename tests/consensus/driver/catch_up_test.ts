import assert from "node:assert/strict";
import { readBlocks } from "../../../cmd/node/blocks.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../../consensus/driver/frames.ts";
import { encodeHello } from "../../../consensus/driver/hello.ts";
import { encodeRawBlock } from "../../../core/archive.ts";
import type { RawBlock } from "../../../core/block.ts";
import { asHeight } from "../../../core/brands.ts";
import type { Bytes } from "../../../core/bytes.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { openStore } from "../../../store/chain_store.ts";
import { dataDirectory } from "../../../store/directory.ts";
import { type Cluster, impersonate, makeCluster } from "../../support/member_cluster.ts";
import { commitOn, testStore } from "./chain.ts";
import { transaction } from "./transactions.ts";

/** A member's chain of so many blocks, made while the member does not run. */
async function grow(cluster: Cluster, { index, blocks }: { index: number; blocks: number }): Promise<void> {
  const { federation } = cluster;
  await Deno.mkdir(cluster.directory(index), { recursive: true });
  const location = dataDirectory(cluster.directory(index)).chain;
  await using store = await openStore({ location, federation, crypto: platformCrypto });
  for (let i = 0; i < blocks; i++) {
    const one = i % 10 === 0 ? [await transaction(cluster)] : [];
    await commitOn(store, { federation, transactions: one, nowMs: cluster.nowMs() });
  }
}

type Answer = (range: { from: number; count: number }) => readonly Bytes[] | null;

/** A member that claims any height and answers as it likes. */
function lie(cluster: Cluster, { index, answer }: { index: number; answer: Answer }): void {
  const port = cluster.network.portOf(index);
  const height = asHeight(Number.MAX_SAFE_INTEGER);
  const say = (to: number, frame: Frame) => void port.send(to, encodeFrame(frame));
  impersonate(cluster, {
    index,
    impostor: {
      hello: () => encodeHello({ height, shown: null }),
      onFrame: (from, bytes) => {
        const frame = decodeFrame(bytes);
        if (!frame.ok || frame.value.kind !== "getBlocks") return Promise.resolve();
        const blocks = answer({ from: frame.value.from, count: frame.value.count });
        // What nobody asked for must not be taken for the answer either.
        say(from, { kind: "blocks", from: asHeight(frame.value.from + 7), blocks: [] });
        if (blocks !== null) say(from, { kind: "blocks", from: frame.value.from, blocks });
        say(from, { kind: "height", height });
        return Promise.resolve();
      },
    },
  });
}

Deno.test("a member far behind catches up while it is behind, and then votes", async () => {
  await using cluster = await makeCluster({ n: 4, parameters: { heartbeatMs: 600_000 } });
  await grow(cluster, { index: 0, blocks: 700 });
  for (const index of [1, 2]) {
    await Deno.mkdir(cluster.directory(index), { recursive: true });
    for await (const { name } of Deno.readDir(cluster.directory(0))) {
      await Deno.copyFile(`${cluster.directory(0)}/${name}`, `${cluster.directory(index)}/${name}`);
    }
  }
  for (const index of [0, 1, 2, 3]) await cluster.start(index);
  await cluster.until("it has caught up", () => cluster.height(3) >= 700);
  await cluster.stop(2);
  const one = await transaction(cluster);
  await cluster.submit(3, [one]);
  await cluster.until("it helps to decide", () => [0, 1, 3].every((index) => cluster.height(index) >= 701));
});

Deno.test("a member catches up although all its peers but one lie", async () => {
  await using cluster = await makeCluster({ n: 7 });
  await grow(cluster, { index: 0, blocks: 300 });
  await cluster.start(0);
  const { chain } = cluster.at(0);
  const real: RawBlock[] = [];
  for (let height = 1; height <= 300; height++) real.push(await chain.block(asHeight(height)) as RawBlock);
  const encoded = real.map(encodeRawBlock);
  const unsigned = real.map((block) =>
    encodeRawBlock({
      ...block,
      certificate: {
        ...block.certificate,
        signatures: block.certificate.signatures.map((signature) =>
          signature.slice().reverse() as typeof signature
        ),
      },
    })
  );
  await using other = await testStore(7);
  await other.commit([]);
  const foreign = await readBlocks(other.store, { from: asHeight(1), limit: 1 });
  // Nothing; silence; the wrong heights; no blocks; wrong signatures; another chain.
  lie(cluster, { index: 1, answer: () => [] });
  lie(cluster, { index: 2, answer: () => null });
  lie(cluster, { index: 3, answer: ({ count }) => encoded.slice(0, count) });
  lie(cluster, { index: 4, answer: () => [new Uint8Array([0x80])] });
  lie(cluster, { index: 5, answer: ({ from, count }) => unsigned.slice(from - 1, from - 1 + count) });
  await cluster.start(6);
  lie(cluster, { index: 1, answer: () => foreign });
  await cluster.until("it has caught up", () => cluster.height(6) >= 300);
});

Deno.test("a transaction whose signature was altered in a decided block is not stored", async () => {
  await using cluster = await makeCluster({ n: 4 });
  await grow(cluster, { index: 0, blocks: 3 });
  await cluster.start(0);
  const real: RawBlock[] = [];
  for (const height of [1, 2, 3]) real.push(await cluster.at(0).chain.block(asHeight(height)) as RawBlock);
  // The id does not cover the signature, so header and certificate still fit.
  const altered = real.map((block) =>
    encodeRawBlock({
      ...block,
      transactions: block.transactions.map((bytes) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)),
    })
  );
  await cluster.stop(0);
  lie(cluster, { index: 1, answer: ({ from, count }) => altered.slice(from - 1, from - 1 + count) });
  await cluster.start(3);
  await cluster.until("the liar is found out", () => {
    return cluster.at(3).log.some((line) => line.includes("transaction-signature"));
  });
  assert.equal(cluster.height(3), 0);
  await cluster.start(0);
  await cluster.until("the other one helps", () => cluster.height(3) >= 3);
});
