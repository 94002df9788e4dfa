/**
 * A federation of real processes takes in a member and lets one go: the new one follows over HTTP until its document
 * is in force, then votes; the one that was removed follows on.
 */
import assert from "node:assert/strict";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { createKeyFile, readKeyFile } from "../../cmd/common/key_file.ts";
import { KEY_FILE } from "../../cmd/node/directory.ts";
import { AUTHORITY_FILE } from "../../cmd/node/testnet.ts";
import { asHash, asHeight } from "../../core/brands.ts";
import { fromHex } from "../../core/bytes.ts";
import { decodeFederation, type Federation, type Member } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../core/platform/private_key.ts";
import { issueMember } from "../../core/platform/x509_issue.ts";
import { changeTransaction, makeChange } from "../support/federation_changes.ts";
import { type Network, startNetwork, type StatusAnswer } from "../support/network.ts";
import { runJson, type Running, startProgram } from "../support/program.ts";
import { publish } from "../support/publishing.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PARAMETERS = { heartbeatMs: 300, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 };

/** A node that is made after the network. */
interface Newcomer {
  readonly key: PrivateKey;
  readonly directory: string;
  readonly url: string;
  readonly member: Member;
}

/** Makes a node's directory, certified by the network's authority; no document knows it yet. */
async function makeNewcomer(network: Network): Promise<Newcomer> {
  const federation = await readFederationFile(network.federation);
  const { authority, time } = federation.document;
  const key = generatePrivateKey();
  const directory = `${network.directory}/node-5`;
  await Deno.mkdir(directory, { mode: 0o700 });
  await createKeyFile(`${directory}/${KEY_FILE}`, key);
  await Deno.copyFile(network.federation, `${directory}/federation.json`);
  const certificate = await issueMember({
    authority,
    authorityKey: await readKeyFile(`${network.directory}/${AUTHORITY_FILE}`),
    name: "node-5",
    publicKey: key.publicKey,
    notBeforeMs: time - 3_600_000,
    notAfterMs: time + 86_400_000,
  });
  const [peerAddress, apiAddress] = [freeAddress(), freeAddress()];
  const url = `http://${apiAddress}`;
  return {
    key,
    directory,
    url,
    member: { name: "node-5", key: key.publicKey, certificate, peerAddress, apiUrl: url },
  };
}

function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

/** Starts it; it listens where its document says, once there is one. */
async function startNewcomer(network: Network, { directory, url }: Newcomer): Promise<Running> {
  const http = url.slice("http://".length);
  const node = startProgram([
    "node",
    "--dir",
    directory,
    "--http",
    http,
    "--observe",
    network.urls.join(","),
  ]);
  await node.saw("ready");
  return node;
}

type Status = StatusAnswer & { readonly name: string; readonly quorum: number };

async function statusOf(url: string): Promise<Status> {
  return await (await fetch(`${url}/v1/status`)).json() as Status;
}

/** Waits until a node's status is as wanted. */
async function until(what: string, { url, holds }: { url: string; holds: (status: Status) => boolean }) {
  const endMs = performance.now() + 60_000;
  let status: Status | undefined;
  for (;;) {
    status = await statusOf(url).catch(() => status);
    if (status !== undefined && holds(status)) return;
    assert(performance.now() < endMs, `never came true at ${url}: ${what}: ${JSON.stringify(status)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function federationAt(url: string): Promise<Federation> {
  const reply = await fetch(`${url}/v1/federation`, { headers: { accept: "application/cbor" } });
  const decoded = decodeFederation(platformCrypto.hash, new Uint8Array(await reply.arrayBuffer()));
  assert(decoded.ok);
  return decoded.value;
}

/** Has the members in force agree on other members, and waits until a node has the block that says so. */
async function change(
  { url, keys, members }: { url: string; keys: readonly PrivateKey[]; members: readonly Member[] },
): Promise<void> {
  const federation = await federationAt(url);
  const head = await (await fetch(`${url}/v1/head`)).json() as { height: number; hash: string };
  const hash = fromHex(head.hash);
  assert(hash !== undefined);
  const names = { height: asHeight(head.height), blockHash: asHash(hash) };
  const made = makeChange({ federation, keys, next: { members }, names });
  const { bytes } = changeTransaction(made, { federation, from: generatePrivateKey() });
  const reply = await fetch(`${url}/v1/transactions?wait=commit`, { method: "POST", body: bytes });
  assert.equal(reply.status, 200, await reply.text());
}

Deno.test("a node is made a member and votes, another is removed and follows, and the audit proves it all", async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({ nodes: 4, directory: directory.path, parameters: PARAMETERS });
  const [first = "", second = "", third = ""] = network.urls;
  const keys = await Promise.all(
    [0, 1, 2, 3].map((index) => readKeyFile(`${network.directoryOf(index)}/${KEY_FILE}`)),
  );
  const newcomer = await makeNewcomer(network);
  const all = [...keys, newcomer.key];
  await publish(network, 0);

  // It follows, and is asked for nothing more.
  await using stack = new AsyncDisposableStack();
  const lives = [stack.use(await startNewcomer(network, newcomer))];
  const { height } = await statusOf(first);
  await until("it follows", { url: newcomer.url, holds: (now) => now.height >= height });
  const observing = await statusOf(newcomer.url);
  assert.deepEqual([observing.standing, observing.synced], ["observing", false]);
  const refused = await fetch(`${newcomer.url}/v1/transactions`, { method: "POST", body: new Uint8Array(9) });
  assert.match(await refused.text(), /not-ready/);

  // Five members, four decide.
  const { document } = await readFederationFile(network.federation);
  await change({ url: first, keys: all, members: [...document.members, newcomer.member] });
  await until("it votes", {
    url: newcomer.url,
    holds: (now) => now.standing === "voting" && now.quorum === 4 && now.name === "node-5",
  });
  await until("it is connected with all", {
    url: newcomer.url,
    holds: ({ peers }) => peers.length === 4 && peers.every(({ connected }) => connected),
  });
  await network.kill(0);
  const before = await statusOf(newcomer.url);
  await publish(network, 1);
  await network.reached(1, before.height + 5);
  assert.equal((await statusOf(newcomer.url)).standing, "voting");
  await network.start(0);
  await until("it is back", { url: first, holds: ({ standing }) => standing === "voting" });

  // A restart reads from the chain that it is a member.
  lives[0]?.kill("SIGTERM");
  assert.equal(await lives[0]?.ended, 0, lives[0]?.output());
  lives.push(stack.use(await startNewcomer(network, newcomer)));
  await until("it votes again", { url: newcomer.url, holds: ({ standing }) => standing === "voting" });

  // Node 2 goes; the indexes of those after it move.
  const { document: five } = await federationAt(third);
  await change({ url: third, keys: all, members: five.members.filter(({ name }) => name !== "node-2") });
  await until("it is no member any more", { url: second, holds: ({ standing }) => standing === "observing" });
  await until("its links are gone", {
    url: third,
    holds: ({ peers, quorum }) =>
      quorum === 3 && peers.every(({ name, connected }) => connected && name !== "node-2"),
  });
  await network.kill(3);
  await publish(network, 2);
  const { height: later } = await statusOf(third);
  await network.reached(2, later + 5);
  // Over HTTP alone, from whoever the document in force names.
  await network.reached(1, later + 3);

  const audit = ["audit", "--chain", third, "--federation", network.federation];
  const report = await runJson<Report>(audit);
  assert.equal(report.ok, true, JSON.stringify(report.findings));
  const changes = report.findings.filter(({ rule }) => rule === "federation");
  assert.equal(changes.length, 2, JSON.stringify(report.findings));
  for (const path of [0, 1, 2, 3].map(network.directoryOf).concat(newcomer.directory)) {
    assert.deepEqual(await Array.fromAsync(evidenceIn(path)), [], `evidence at ${path}`);
  }
});

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { readonly rule: string }[];
}

async function* evidenceIn(directory: string): AsyncGenerator<string> {
  try {
    for await (const { name } of Deno.readDir(`${directory}/evidence`)) yield name;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
