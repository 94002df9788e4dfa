import { makeWorld, makeTransaction, buildOn, decide, keyOf } from "./fixture.ts";
import { openStore } from "../../store/chain_store.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
const world = makeWorld(4);
const dir = Deno.makeTempDirSync();
const rows = async (kv: Deno.Kv) => { const m: Record<string, number> = {}; for await (const e of kv.list({prefix: []})) m[String(e.key[0])] = (m[String(e.key[0])] ?? 0) + 1; return m; };
const senders = Array.from({length: 20}, (_, i) => keyOf(i+1));
const N = 100, T = 100;
const repeat = Deno.args[0] === "repeat";
const vids = new Map<string, number>();
const blocks = Array.from({length: N}, (_, b) => Array.from({length: T}, (_, i) => {
  const s = (b*T+i) % 20; const cid = repeat ? Math.floor(i/20) : b*T+i;
  const key = s + "/" + cid; const vid = (vids.get(key) ?? 0) + 1; vids.set(key, vid);
  return makeTransaction(world, { sender: senders[s]!, recipient: repeat ? null : keyOf(100+ (b*T+i) % 997).publicKey, cid, vid, bytes: 130 });
}));
console.log("tx bytes", blocks[0]![0]!.bytes.length);
{
  await using store = await openStore({ location: dir + "/chain.kv", ...world, crypto: platformCrypto });
  let build=0, hold=0, append=0, pool=0; const t = performance.now();
  for (const candidates of blocks) {
    let t0 = performance.now();
    await Promise.all(candidates.map((c) => store.pool.add([c]))); pool += performance.now()-t0; t0 = performance.now();
    const { block, refused } = await buildOn(store, world, { candidates }); build += performance.now()-t0;
    if (refused.size) throw new Error(JSON.stringify([...refused.values()][0]));
    const d = decide(world, block);
    t0 = performance.now(); await store.hold(d.certificate.blockHash, block); hold += performance.now()-t0;
    t0 = performance.now(); const v = await store.append(d); append += performance.now()-t0; if (!v.ok) throw new Error(v.detail);
  }
  const total = performance.now()-t;
  console.log({ blocksPerSecond: N/total*1000, poolMs: pool/N, buildMs: build/N, holdMs: hold/N, appendMs: append/N });
}
{ const kv = await Deno.openKv(dir + "/chain.kv"); console.log("rows before checkpoint end", await rows(kv)); kv.close(); }
const t1 = performance.now();
{ await using store = await openStore({ location: dir + "/chain.kv", ...world, crypto: platformCrypto }); console.log("open ms", performance.now()-t1); const t2=performance.now(); await store.checkpoint(); console.log("checkpoint ms", performance.now()-t2);
 const t3=performance.now(); for (let i=0;i<50;i++) await store.positionOf(blocks[50]![i]!.id); console.log("positionOf ms", (performance.now()-t3)/50);}
{ const kv = await Deno.openKv(dir + "/chain.kv"); console.log("rows after", await rows(kv)); kv.close(); }
Deno.removeSync(dir, {recursive: true});
