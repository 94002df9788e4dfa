import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { openSource } from "../../../cmd/audit/open_source.ts";
import { auditChain } from "../../../cmd/audit/run.ts";
import { EXIT, VnfchainError } from "../../../core/errors.ts";
import { TestChain } from "../../support/test_chain.ts";
import { type TestNode, testNode } from "../../support/test_node.ts";
import { auditedFederation, tellStory } from "./story.ts";

const { chain } = await tellStory();
const { federation } = chain;

async function audit({ url }: Pick<TestNode, "url">) {
  const source = await openSource(url, federation);
  return await auditChain({ source, federation, receipts: [], onBlock: () => Promise.resolve() });
}

function rules({ findings }: Awaited<ReturnType<typeof audit>>): readonly string[] {
  return findings.map(({ severity, rule, height }) => `${severity} ${rule} ${height}`);
}

Deno.test("urlSource() reads a node's chain page by page to its end", async () => {
  await using node = testNode(chain);
  const result = await audit(node);
  deepEqual([result.ok, result.height], [true, 36]);
  deepEqual(node.asked.slice(0, 4), [
    "/v1/federation?height=1",
    "/v1/head",
    "/v1/blocks?from=1&limit=256",
    "/v1/blocks?from=6&limit=256",
  ]);
});

Deno.test("urlSource() keeps the path of the node's address", async () => {
  await using node = testNode(chain);
  await rejects(audit({ url: `${node.url}/behind/proxy` }), { code: "unknown" });
  deepEqual(node.asked, ["/behind/proxy/v1/federation?height=1"]);
});

Deno.test("urlSource() refuses a node of another federation before it asks for blocks", async () => {
  await using node = testNode(new TestChain(await auditedFederation(4)));
  deepEqual(rules(await audit(node)), ["failure block-link 1"]);
  deepEqual(node.asked, ["/v1/federation?height=1"]);
});

Deno.test("urlSource() finds a node that gives less than it says it has", async () => {
  await using node = testNode(chain, { height: 40 });
  deepEqual(rules(await audit(node)), ["failure proof-incomplete 36"]);
});

Deno.test("urlSource() passes a chain without blocks", async () => {
  const instead = ({ pathname }: URL) =>
    pathname === "/v1/head"
      ? Response.json({ error: { code: "not-ready", detail: "no block yet" } }, { status: 503 })
      : undefined;
  await using node = testNode(new TestChain(chain), { instead });
  const result = await audit(node);
  deepEqual([result.ok, result.height], [true, 0]);
});

Deno.test("urlSource() refuses answers that are cut, or no blocks", async () => {
  for (const body of [new Uint8Array([0x58, 0x40, 1, 2]), new TextEncoder().encode("<html>")]) {
    const instead = ({ pathname }: URL) => pathname === "/v1/blocks" ? new Response(body) : undefined;
    await using node = testNode(chain, { instead });
    deepEqual(rules(await audit(node)), ["failure block-format 1"]);
  }
});

Deno.test("urlSource() asks again when a node is busy for a moment", async () => {
  let refusals = 1;
  const instead = ({ searchParams }: URL) =>
    searchParams.get("from") === "11" && refusals-- > 0 ? new Response("", { status: 503 }) : undefined;
  await using node = testNode(chain, { instead });
  equal((await audit(node)).ok, true);
});

Deno.test("urlSource() gives up on a node that refuses, with its code", async () => {
  const instead = ({ pathname }: URL) =>
    pathname === "/v1/blocks"
      ? Response.json({ error: { code: "request", detail: "no" } }, { status: 400 })
      : undefined;
  await using node = testNode(chain, { instead });
  await rejects(audit(node), { code: "request", exitCode: EXIT.failed });
});

Deno.test("urlSource() throws no-node with exit code 3 when nobody is there", async () => {
  const { port } = await usedPort();
  await rejects(audit({ url: `http://127.0.0.1:${port}` }), (error) => {
    ok(error instanceof VnfchainError);
    deepEqual([error.code, error.exitCode], ["no-node", EXIT.unreachable]);
    return true;
  });
});

/** A port where somebody listened a moment ago. */
async function usedPort(): Promise<{ port: number }> {
  await using node = testNode(chain);
  return { port: Number(new URL(node.url).port) };
}
