/** A member with a real key contradicts itself on real sockets: who sees it keeps a proof that an auditor verifies. */
import assert from "node:assert/strict";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { readKeyFile } from "../../cmd/common/key_file.ts";
import type { JudgedEvidence } from "../../cmd/node/evidence.ts";
import { readEvidenceFiles } from "../../cmd/node/evidence_files.ts";
import { encodeFrame } from "../../consensus/driver/frames.ts";
import { encodeHello } from "../../consensus/driver/hello.ts";
import type { Message } from "../../consensus/message.ts";
import { openPeers, type Peers } from "../../consensus/tcp/peers.ts";
import type { Vote } from "../../consensus/vote.ts";
import { encodeMessage } from "../../consensus/wire.ts";
import { asHeight } from "../../core/brands.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { openRoster } from "../../core/roster.ts";
import { genesisTip } from "../../core/tip.ts";
import { amnesia, doublePrepare, type Liar } from "../support/contradictions.ts";
import { testKey } from "../support/keys.ts";
import { type Network, startNetwork } from "../support/network.ts";
import { runJson } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { configuration } from "../support/test_transactions.ts";
import { commit } from "../cmd/node/node.ts";

const LIAR = 3;
const HONEST = [0, 1, 2];
/** Nobody is in a hurry: after the first block the height stays until a transaction comes. */
const PARAMETERS = { heartbeatMs: 600_000, roundTimeoutMs: 1000 };

const directoryOf = ({ directory }: Network, index: number) => `${directory}/node-${index + 1}`;

/** Links of the liar with the others, over TCP, as a node has them. */
function connect({ federation, key }: Liar): Peers {
  return openPeers({
    self: key,
    terms: genesisTip(federation),
    roster: openRoster(federation),
    crypto,
    listen: "127.0.0.1:0",
    hello: () => encodeHello({ height: asHeight(1), shown: null }),
    on: { up: () => {}, down: () => {}, frame: () => {} },
    log: () => {},
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!await holds()) {
    assert(performance.now() < endMs, `it did not come to it: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("a member that contradicts itself is caught by those who see it, and an audit proves it", async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({ nodes: 4, directory: directory.path, parameters: PARAMETERS });
  await Promise.all([...HONEST, LIAR].map((index) => network.reached(index, 1)));
  await network.kill(LIAR);
  const federation = await readFederationFile(network.federation);
  const key = await readKeyFile(`${directoryOf(network, LIAR)}/key.pem`, {});
  const liar: Liar = { federation, key, sender: LIAR };
  {
    await using peers = connect(liar);
    await until("the liar is connected", () => peers.connected().length === HONEST.length);
    const say = (to: number, ...votes: readonly Vote[]) => {
      for (const vote of votes) {
        const message = encodeMessage({ ...vote } as Message);
        assert(peers.send(to, encodeFrame({ kind: "message", bytes: message })));
      }
    };
    const [twice, forgot] = [doublePrepare(liar, 2), amnesia(liar, 2)];
    // The first sees two PREPAREs, the second a COMMIT and its denial, the third one vote of each pair.
    say(0, twice.first, twice.second);
    say(1, forgot.first, forgot.second);
    say(2, twice.first, forgot.second);
    const kept = (index: number) => readEvidenceFiles(directoryOf(network, index));
    await until("two have kept a proof", async () => (await kept(0)).length + (await kept(1)).length === 2);
  }

  const member = { index: LIAR, name: "node-4" };
  for (const [index, contradiction] of [[0, "double-vote"], [1, "amnesia"]] as const) {
    // While the node runs.
    const { evidence } = await runJson<{ evidence: readonly JudgedEvidence[] }>(
      ["node", "evidence", "--dir", directoryOf(network, index)],
    );
    const [found, ...others] = evidence;
    assert(found?.verdict === "proven" && others.length === 0);
    const { height, member: { key: _key, ...accused } } = found;
    assert.deepEqual([height, accused, found.contradiction], [2, member, contradiction]);
    assert.match(network.output(index), /a member contradicts itself/);
    const metrics = await (await fetch(`${network.urls[index]}/metrics`)).text();
    assert.match(metrics, /^vnfchain_evidence_total\{member="node-4"\} 1$/m);
  }
  assert.deepEqual(await readEvidenceFiles(directoryOf(network, 2)), []);

  // The chain bears one such member.
  const transaction = await configuration(federation, { from: testKey("tenant"), to: null, content: "on" });
  const { height } = await commit(network.urls[0] as string, transaction);
  await network.kill(0, "SIGTERM");
  const archive = directory.file("chain.archive");
  const exported = await runJson<{ evidence: number }>(
    ["node", "export", "--dir", directoryOf(network, 0), "--out", archive],
  );
  assert.equal(exported.evidence, 1);
  const audited = await runJson<
    { ok: boolean; height: number; findings: readonly Record<string, unknown>[] }
  >(
    ["audit", "--chain", archive, "--federation", network.federation],
  );
  assert.deepEqual([audited.ok, audited.height], [true, height]);
  const [finding, ...others] = audited.findings.filter(({ rule }) => rule !== "outage");
  assert.deepEqual(others, []);
  assert.deepEqual([finding?.severity, finding?.height, finding?.rule], ["notice", 2, "evidence"]);
  assert.match(String(finding?.detail), /^member node-4 voted twice: PREPARE in round 0 for /);
});
