import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { whyNoHosts } from "../demo/hosts.ts";
import { mustRun, run } from "../demo/shell.ts";
import { programArgv, type Running, startCommand } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
const tasks = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url))) as {
  readonly tasks: Readonly<Record<string, string>>;
};

/** The fenced blocks of a section, by language, in order. */
function blocks(section: string, language: string): readonly string[] {
  const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, is]) => is === language).map((
    [, , body],
  ) => body ?? "");
}

Deno.test('README: the commands of "Try it" name tasks that there are', () => {
  const [block] = blocks("Try it", "sh");
  const lines = (block ?? "").trim().split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) {
    const task = /^npx -y deno@2\.9\.6 task (\w+)$/.exec(line)?.[1] ?? "";
    assert(Object.hasOwn(tasks.tasks, task), line);
  }
});

const reason = await whyNoHosts();
if (reason !== undefined) console.warn(`README's commands are not run: ${reason}`);

Deno.test({
  name: 'README: the commands of "Use it" work as they stand, in their order',
  ignore: reason !== undefined,
  fn: async () => {
    await using directory = await temporaryDirectory();
    await using place = await makePlace(directory.path);
    const [network, keys, publish, audit] = blocks("Use it", "sh");
    const [config] = blocks("Use it", "toml");
    assert(network && keys && publish && audit && config);
    const [testnet, node] = network.trim().split("\n") as [string, string];
    await place.run(testnet);
    const nodes = [1, 2, 3, 4].map((i) =>
      place.start(node.replace("node-1", `node-${i}`).replace(/#.*/, ""))
    );
    for (const each of nodes) await each.saw("ready");

    const [keygen, agentLine] = keys.trim().split("\n") as [string, string];
    const tenant = /vc1[0-9a-z]+/.exec(await place.run(keygen))?.[0] ?? "";
    await Deno.writeTextFile(
      directory.file("agent.toml"),
      config
        .replace("/path/to/net", directory.file("net"))
        .replace("/var/lib/vnfchain", directory.file("vnf"))
        .replace('interval = "10s"', 'interval = "1s"')
        .replace("vc1…", tenant),
    );
    const agent = place.start(agentLine);
    await agent.saw("END VNFCHAIN PUBLIC KEY");
    const vnf = /vc1[0-9a-z]+/.exec(agent.output())?.[0] ?? "";

    await Deno.writeTextFile(directory.file("rules.nft"), "table ip readme { }\n");
    await place.run(publish.replace("vc1…", vnf));
    await agent.saw("generation=1");
    assert.match(await place.run("nft list ruleset"), /table ip readme/);

    const last = nodes[3] as Running;
    last.kill("SIGTERM");
    assert.equal(await last.ended, 0);
    const said = await place.run(audit.trim().split("\n").join(" && ").replace(/#[^&]*/, ""));
    assert.match(said, /audit: ok/);
    assert.match(said, /table ip readme/);
  },
});

interface Place extends AsyncDisposable {
  /** Runs a line of shell to its end, which must be good; gives what it printed. */
  readonly run: (line: string) => Promise<string>;
  readonly start: (line: string) => Running;
}

/** A network namespace with `vnfchain` on the PATH: fixed ports are free there, and rules concern nobody else. */
async function makePlace(directory: string): Promise<Place> {
  const name = `vnfchain-readme-${Deno.pid}`;
  await mustRun(["ip", "netns", "add", name]);
  await mustRun(["ip", "-n", name, "link", "set", "lo", "up"]);
  await Deno.writeTextFile(`${directory}/vnfchain`, `#!/bin/sh\nexec ${programArgv().join(" ")} "$@"\n`, {
    mode: 0o755,
  });
  const path = `${directory}:${Deno.env.get("PATH")}`;
  const shell = (
    line: string,
  ) => ["ip", "netns", "exec", name, "env", `PATH=${path}`, "sh", "-c", `cd ${directory} && ${line}`];
  const started: Running[] = [];
  return {
    run: (line) => mustRun(shell(line)),
    start: (line) => {
      const running = startCommand(shell(`exec ${line}`));
      started.push(running);
      return running;
    },
    [Symbol.asyncDispose]: async () => {
      for (const running of started) await running[Symbol.asyncDispose]();
      await run(["ip", "netns", "del", name]);
    },
  };
}

Deno.test("README: every file that it links to is there", async () => {
  for (const [, path] of readme.matchAll(/\]\(([^):#]+)\)/g)) {
    await Deno.stat(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
  }
});
