/**
 * The main job on one machine: four operators, a tenant, a VNF, an auditor. Every line comes from a real program, and
 * whatever does not hold ends the demonstration with exit code 1.
 *
 * Usage: deno task demo [--json] [--keep]
 *
 * @module
 */
import { runJson, type Running, runProgram, startProgram } from "../support/program.ts";
import { type Network, startNetwork } from "../support/network.ts";
import { whyNoHosts } from "./hosts.ts";
import { fileScene, firewallScene, type Scene, type Version } from "./scene.ts";
import { makeStage, proofTable, type Stage } from "./stage.ts";

const INTERVAL_MS = 1000;

interface Published {
  readonly transaction: string;
  readonly cid: string;
  readonly vid: number;
  readonly height: number;
}

interface Audit {
  readonly ok: boolean;
  readonly height: number;
  readonly transactions: number;
  readonly history: readonly { readonly content?: unknown }[];
}

/** What there is before the first act. */
interface Setting {
  readonly stage: Stage;
  readonly directory: string;
  /** Whatever is opened: closed at the end, also when the demonstration is interrupted. */
  readonly open: AsyncDisposableStack;
}

/** What the acts share. */
interface Play {
  readonly stage: Stage;
  readonly scene: Scene;
  readonly network: Network;
  readonly directory: string;
  readonly agent: Running;
  /** The VNF's public key. */
  readonly vnf: string;
}

async function demo({ stage, directory, open }: Setting): Promise<Audit> {
  const reason = await whyNoHosts();
  const scene = open.use(reason === undefined ? await firewallScene() : fileScene({ directory, reason }));
  stage.show(`in ${scene.description}`);

  stage.step("four operators start a federation: vnfchain node testnet, then vnfchain node four times");
  const parameters = { heartbeatMs: 2000, roundTimeoutMs: 1000 };
  const network = open.use(await startNetwork({ nodes: 4, directory, parameters, ...placeOf(scene) }));
  await Promise.all(network.urls.map((_, index) => network.reached(index, 1)));
  stage.show("a block is decided when three of four have signed it");

  stage.step("a tenant makes its keys: vnfchain tenant keygen");
  const keys = await runJson<{ publicKey: string }>(["tenant", "keygen", "--out", `${directory}/tenant.pem`]);
  stage.show(`tenant ${keys.publicKey}`);

  stage.step("a VNF boots; its agent makes a key and shows it on the console: vnfchain agent");
  await Deno.writeTextFile(
    `${directory}/agent.toml`,
    agentConfig({ directory, network, scene, tenant: keys.publicKey }),
  );
  const agent = open.use(
    startProgram(["agent", "--config", `${directory}/agent.toml`], { prefix: scene.vnf }),
  );
  await agent.saw("END VNFCHAIN PUBLIC KEY");
  const vnf = /vc1[0-9a-z]+/.exec(agent.output())?.[0] ?? "";
  stage.show(`vnf    ${vnf}`);
  const before = await scene.observe(scene.versions[0]);
  stage.prove("before, the VNF lets everything pass", before);

  const play: Play = { stage, scene, network, directory, agent, vnf };
  const first = await firstVersion(play);
  await secondVersion(play, first);
  await askVnf(play);
  await lookForListeners(play);
  await restart(play);
  return await audit(play);
}

function placeOf({ place }: Scene): { place?: NonNullable<Scene["place"]> } {
  return place === undefined ? {} : { place };
}

function agentConfig(
  { directory, network, scene, tenant }: {
    directory: string;
    network: Network;
    scene: Scene;
    tenant: string;
  },
): string {
  return `nodes = ${JSON.stringify(network.urls)}
federation = "${network.federation}"
state_dir = "${directory}/vnf"
interval = "${INTERVAL_MS}ms"
max_staleness = "1m"

[[tenant]]
key = "${tenant}"

[[driver]]
${scene.driver}
`;
}

async function publish(
  { scene, network, directory, vnf }: Play,
  { version, name, more = [] }: { version: Version; name: string; more?: readonly string[] },
): Promise<Published> {
  await Deno.writeTextFile(`${directory}/rules.nft`, version.text);
  return await runJson<Published>([
    ...["tenant", "publish", `${directory}/rules.nft`, "--to", vnf, "--key", `${directory}/tenant.pem`],
    ...["--nodes", network.urls.join(","), "--federation", network.federation],
    ...["--receipt", `${directory}/${name}.receipt`, ...more],
  ], { prefix: scene.cloud });
}

async function firstVersion(play: Play): Promise<Published> {
  const { stage, scene, agent } = play;
  const [, version] = scene.versions;
  stage.step("the tenant publishes a rule set, encrypted to the VNF: vnfchain tenant publish");
  const published = await publish(play, { version, name: "first" });
  stage.show(`transaction ${published.transaction} in block ${published.height}, with a receipt`);
  const startMs = performance.now();
  await agent.saw("generation=1");
  const tookMs = Math.round(performance.now() - startMs);
  stage.show(`the agent found, verified, decrypted and applied it ${tookMs} ms after the receipt`);
  stage.prove("version 1 is in force in the VNF", await scene.observe(version));
  return published;
}

async function secondVersion(play: Play, first: Published): Promise<void> {
  const { stage, scene, network, agent } = play;
  const [, , version] = scene.versions;
  stage.step("one of the four nodes is killed; the tenant publishes version 2 all the same");
  await network.kill(0);
  stage.show("node-1, the leader, is gone: the others change the round");
  const published = await publish(play, { version, name: "second", more: ["--cid", first.cid] });
  stage.prove("three of four nodes go on", {
    holds: published.vid === 2 && published.height > first.height,
    evidence: `version ${published.vid} is in block ${published.height}`,
  });
  await agent.saw("generation=2");
  stage.prove("version 2 is in force in the VNF", await scene.observe(version));
}

async function askVnf({ stage, scene, network, directory, vnf }: Play): Promise<void> {
  stage.step("the tenant asks the VNF for its state: vnfchain tenant request");
  const answer = await runJson<{ transaction: string; answer: string; bytes: number; height: number }>([
    ...["tenant", "request", "--to", vnf, "--key", `${directory}/tenant.pem`, "--out", `${directory}/state`],
    ...["--nodes", network.urls.join(","), "--federation", network.federation],
  ], { prefix: scene.cloud });
  const state = await Deno.readTextFile(`${directory}/state`);
  stage.prove("the VNF answered over the chain, encrypted to the tenant", {
    holds: state.includes("23") && state.includes("80") && answer.height > 0,
    evidence: `${answer.bytes} bytes of state in block ${answer.height}`,
  });
}

async function lookForListeners({ stage, scene, agent }: Play): Promise<void> {
  stage.step("whoever looks for an open port in the VNF finds none, whatever signal the agent gets");
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) {
    agent.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const listening = await scene.listening(agent.pid);
  stage.prove("the agent listens on nothing", {
    holds: listening === "",
    evidence: listening || "ss -lntup is empty",
  });
}

async function restart({ stage, network }: Play): Promise<void> {
  stage.step("the killed node comes back");
  const { height } = await network.status(1);
  await network.start(0);
  await network.reached(0, height);
  stage.prove("the killed node caught up", { holds: true, evidence: `node-1 has block ${height}` });
}

async function audit({ stage, scene, network, directory }: Play): Promise<Audit> {
  stage.step("an auditor checks everything offline: vnfchain node export, vnfchain audit");
  await network.kill(3, "SIGTERM");
  const archive = `${directory}/chain.archive`;
  await runJson(["node", "export", "--dir", `${network.directory}/node-4`, "--out", archive], {
    prefix: scene.cloud,
  });
  const args = ["audit", "--federation", network.federation, "--key", `${directory}/tenant.pem`];
  const receipts = ["--receipt", `${directory}/first.receipt`, "--receipt", `${directory}/second.receipt`];
  const proved = await runJson<Audit>([...args, ...receipts, "--chain", archive]);
  stage.prove("every signature, certificate, link and root holds from genesis", {
    holds: proved.ok,
    evidence: `${proved.height} blocks, ${proved.transactions} transactions, 2 receipts`,
  });
  const read = proved.history.filter(({ content }) => content !== undefined && content !== null).length;
  stage.prove("the tenant's key opens its history", {
    holds: read >= 3,
    evidence: `${read} configurations decrypted`,
  });

  stage.step("somebody alters one byte of the archive");
  const bytes = await Deno.readFile(archive);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] as number) ^ 1;
  await Deno.writeFile(`${archive}.altered`, bytes);
  const { code } = await runProgram([...args, "--chain", `${archive}.altered`]);
  stage.prove("one altered byte is found", {
    holds: code === 1,
    evidence: `byte ${at}: audit ends with exit code ${code}`,
  });
  return proved;
}

/** Rejects when the demonstration is interrupted. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => reject(new Error(`interrupted by ${signal}`)));
    }
  });
}

async function main(): Promise<number> {
  const json = Deno.args.includes("--json");
  const keep = Deno.args.includes("--keep");
  const unknown = Deno.args.find((argument) => argument !== "--json" && argument !== "--keep");
  if (unknown !== undefined) {
    console.error(`demo: error: unknown argument ${unknown}\nusage: deno task demo [--json] [--keep]`);
    return 2;
  }
  const stage = makeStage(json);
  const directory = await Deno.makeTempDir({ prefix: "vnfchain-demo-" });
  const open = new AsyncDisposableStack();
  try {
    const { height, transactions } = await Promise.race([demo({ stage, directory, open }), interruption()]);
    const seconds = stage.seconds();
    if (json) {
      console.log(JSON.stringify({ ok: true, seconds, height, transactions, proofs: stage.proofs }, null, 2));
    } else {console.log(
        `\n${
          proofTable(stage.proofs)
        }\n\n${seconds} s, ${height} blocks, ${transactions} transactions\ndemo: ok`,
      );}
    return 0;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (json) console.log(JSON.stringify({ ok: false, seconds: stage.seconds(), error: text }, null, 2));
    console.error(`demo: failed: ${text}`);
    return 1;
  } finally {
    await open.disposeAsync();
    if (keep) console.error(`kept: ${directory}`);
    else await Deno.remove(directory, { recursive: true });
  }
}

Deno.exit(await main());
