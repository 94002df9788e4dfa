import { deepEqual, equal, match, ok } from "node:assert/strict";
import { toHex } from "../../../core/bytes.ts";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { startChain } from "./chain.ts";
import { failed, type Scene, scene, startTenant } from "./command_line.ts";
import { hashToken } from "../../../cmd/node/config.ts";
import { dropping, type Fault, hanging, lying, refusing, startNode } from "./node.ts";

/** An address where nothing listens: the port was given by the system and given back. */
function deadNode(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

async function publish(it: Scene, ...nodes: readonly string[]) {
  return await it.run(
    "publish",
    await it.file("a.conf", "a"),
    "--to",
    it.to,
    "--json",
    ...it.access(...nodes),
  );
}

/** Meets the first requests with a fault, and then no more. */
function first(count: number, fault: Fault): Fault {
  let met = 0;
  return (request, honest) => met++ < count ? fault(request, honest) : undefined;
}

Deno.test("publish goes on to the next node past a dead and a lying one, and the chain has it once", async () => {
  await using it = await scene();
  await using liar = await startNode(it.chain, { fault: lying() });
  const run = await publish(it, deadNode(), liar.url, it.node.url);
  equal(run.code, 0, run.stderr);
  deepEqual(liar.asked, ["/v1/transactions"]);
  deepEqual(it.chain.transactions.map(({ id }) => toHex(id)), [JSON.parse(run.stdout).transaction]);
});

Deno.test("publish sends to the next node when one takes it and cuts the connection", async () => {
  await using it = await scene();
  await using cut = await startNode(it.chain, { fault: dropping() });
  const run = await publish(it, cut.url, it.node.url);
  equal(run.code, 0, run.stderr);
  equal(it.chain.transactions.length, 1);
});

Deno.test("publish asks for the receipt when a node calls its own transaction a duplicate", async () => {
  await using it = await scene();
  await using node = await startNode(it.chain, {
    fault: (request, honest) => {
      if (request.path !== "/v1/transactions") return undefined;
      return honest().then(() => refusing("duplicate")(request, honest) ?? honest());
    },
  });
  const run = await publish(it, node.url);
  equal(run.code, 0, run.stderr);
  ok(node.asked.at(-1)?.endsWith("/receipt"));
});

Deno.test("publish finds its receipt when a node takes its transaction for the version before", async () => {
  await using it = await scene();
  await using cut = await startNode(it.chain, { fault: dropping() });
  await using late = await startNode(it.chain, {
    fault: (request, honest) =>
      request.path === "/v1/transactions" ? refusing("vid-order")(request, honest) : undefined,
  });
  const run = await publish(it, cut.url, late.url);
  equal(run.code, 0, run.stderr);
});

Deno.test("publish tries again when nodes are busy", async () => {
  await using it = await scene();
  await using busy = await startNode(it.chain, { fault: first(2, refusing("busy")) });
  const run = await publish(it, busy.url);
  equal(run.code, 0, run.stderr);
  equal(busy.asked.length, 3);
});

Deno.test("publish believes neither a refusal nor a receipt of one node alone", async () => {
  await using it = await scene();
  await using refuser = await startNode(it.chain, { fault: refusing("transaction-signature") });
  const run = await publish(it, refuser.url, it.node.url);
  equal(run.code, 0, run.stderr);
});

Deno.test("publish fails with exit code 1 when all nodes lie, and says that it may be committed", async () => {
  await using it = await scene();
  await using liar = await startNode(it.chain, { fault: lying() });
  const run = await publish(it, liar.url);
  failed(run, {
    code: 1,
    error: /did not verify.*may still be committed: vnfchain tenant show [0-9a-f]{64}/,
  });
});

Deno.test("publish refuses another transaction's receipt", async () => {
  await using it = await scene();
  const other = JSON.parse((await publish(it)).stdout) as { transaction: string };
  await using node = await startNode(it.chain, {
    fault: async (_request, honest) => {
      await honest();
      const url = `${it.node.url}/v1/transactions/${other.transaction}/receipt`;
      const body = await (await fetch(url)).bytes();
      return { status: 200, type: "application/cbor", body };
    },
  });
  failed(await publish(it, node.url), { code: 1, error: /the receipt is of another transaction/ });
});

Deno.test("publish fails with exit code 3 when no node can be reached", async () => {
  await using it = await scene();
  const run = await publish(it, deadNode(), deadNode());
  failed(run, { code: 3, error: /unreachable.*\nhint: check the node/ });
  ok(!run.stderr.includes("may still be committed"));
});

Deno.test("publish says that it may be committed when the one node that was reached gave no answer", async () => {
  await using it = await scene();
  await using cut = await startNode(it.chain, { fault: dropping() });
  const file = await it.file("a.conf", "a");
  for (const wait of [[], ["--no-wait"]]) {
    const run = await it.run("publish", file, "--to", it.to, ...wait, ...it.access(cut.url, deadNode()));
    failed(run, { code: 3, error: /unreachable.*\nhint: .*may still be committed/ });
  }
});

Deno.test("publish fails with exit code 3 when the time runs out, and says what was sent", async () => {
  await using it = await scene();
  await using slow = await startNode(it.chain, { fault: refusing("timeout") });
  const file = await it.file("a.conf", "a");
  const run = await it.run("publish", file, "--to", it.to, "--timeout", "500ms", ...it.access(slow.url));
  failed(run, { code: 3, error: /wait for transaction.*\nhint: it may still be committed/ });
});

Deno.test("publish sends nothing that counts to nodes of another chain, and names the document", async () => {
  await using it = await scene();
  await using other = await startChain();
  await using node = await startNode(other);
  failed(await publish(it, node.url), { code: 1, error: /transaction-signature.*\nhint: .*--federation/ });
  await Deno.writeTextFile(it.directory.file("federation.json"), federationToJson(other.federation));
  equal((await publish(it, node.url)).code, 0);
});

Deno.test("publish brings the token that a node wants, from a file that nobody else can read", async () => {
  await using it = await scene();
  const token = "a-token";
  await using node = await startNode(it.chain, { tokens: new Map([[hashToken(token), "someone"]]) });
  failed(await publish(it, node.url), { code: 1, error: /unauthorized.*\nhint: .*--token-file/ });
  const tokenFile = await it.file("token", `${token}\n`);
  const withToken = () => publish(it, `${node.url}`, it.node.url);
  await it.file("tenant.toml", `token_file = "token"\n`);
  const flags = ["--profile", it.directory.file("tenant.toml"), ...it.access(node.url)];
  const send = async () => await it.run("publish", await it.file("a.conf", "a"), "--to", it.to, ...flags);
  await Deno.chmod(tokenFile, 0o644);
  failed(await send(), { code: 2, error: /0644.*\nhint: chmod 600/ });
  await Deno.chmod(tokenFile, 0o600);
  equal((await send()).code, 0);
  equal((await withToken()).code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`publish ends on ${signal} with exit code 1 and says what was sent`, async () => {
    await using it = await scene();
    const reached = Promise.withResolvers<void>();
    await using node = await startNode(it.chain, {
      fault: (request, honest) => {
        reached.resolve();
        return hanging()(request, honest);
      },
    });
    const file = await it.file("a.conf", "a");
    const process = startTenant(["publish", file, "--to", it.to, "--json", ...it.access(node.url)], {
      home: it.directory.path,
    });
    await reached.promise;
    process.kill(signal);
    const run = await process.finished;
    failed(run, { code: 1, error: /interrupted: transaction [0-9a-f]{64} was sent\nhint: it may still be/ });
  });
}

Deno.test("publish --no-wait takes no answer that is not a node's", async () => {
  await using it = await scene();
  await using portal = await startNode(it.chain, {
    fault: () =>
      Promise.resolve({ status: 200, type: "text/html", body: new TextEncoder().encode("<html>") }),
  });
  const file = await it.file("a.conf", "a");
  const send = (...nodes: string[]) =>
    it.run("publish", file, "--to", it.to, "--no-wait", ...it.access(...nodes));
  failed(await send(portal.url), { code: 1, error: /the answer is not a node's/ });
  const run = await send(portal.url, it.node.url);
  equal(run.code, 0, run.stderr);
  match(run.stdout, /height +not waited for/);
});
