/** HTTP towards nodes: whatever a node sends, or the caller's token holds, is a result and never an exception. */
import assert from "node:assert/strict";
import { LIMITS } from "../../../core/limits.ts";
import { requestNode } from "../../../cmd/common/http_client.ts";

/** What comes of asking a server that answers so. */
async function ask(answer: () => Response, options: Parameters<typeof requestNode>[1] = {}) {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  return await requestNode(new URL(`http://127.0.0.1:${server.addr.port}/`), options);
}

const refusing = (body: BodyInit) => () => new Response(body, { status: 400 });

Deno.test("requestNode() takes a refusal's code when it is a known one, and request otherwise", async () => {
  const table: readonly (readonly [BodyInit, string])[] = [
    ['{"error":{"code":"vid-order","detail":"x"}}', "vid-order"],
    ['{"error":{"code":"no-such-code"}}', "request"],
    ['{"error":{"code":"__proto__"}}', "request"],
    ['{"error":{"code":"busy","detail":{"toString":1}}}', "request"],
    ['{"error":null}', "request"],
    ["null", "request"],
    ["<html>", "request"],
    [new Uint8Array([0xff, 0xfe]), "request"],
  ];
  for (const [body, wanted] of table) {
    const reply = await ask(refusing(body));
    assert.ok(reply.kind === "refused");
    assert.equal(reply.code, wanted);
  }
});

Deno.test("requestNode() gives a refusal's detail as well-formed text, and not too much of it", async () => {
  for (const detail of ["\\ud800", "x".repeat(499) + "😀".repeat(500)]) {
    const reply = await ask(refusing(`{"error":{"code":"busy","detail":"${detail}"}}`));
    assert.ok(reply.kind === "refused" && reply.code === "busy");
    assert.ok(reply.detail.isWellFormed() && reply.detail.length <= 500);
  }
});

Deno.test("requestNode() reads no more of a refusal than a refusal may have", async () => {
  const most = await ask(refusing("[".repeat(LIMITS.clientRefusalBytes)));
  assert.equal(most.kind, "refused");
  const more = await ask(refusing("[".repeat(LIMITS.clientRefusalBytes + 1)));
  assert.deepEqual([more.kind, "reason" in more && more.reason], [
    "unreachable",
    "the answer is larger than the limit",
  ]);
});

Deno.test("requestNode() bounds what a compressed answer unfolds to", async () => {
  const zeros = new Blob([new Uint8Array(1 << 20)]).stream().pipeThrough(new CompressionStream("gzip"));
  const bomb = await new Response(zeros).bytes();
  const reply = await ask(() => new Response(bomb, { headers: { "content-encoding": "gzip" } }), {
    maxBytes: 1 << 16,
  });
  assert.equal(reply.kind, "unreachable");
});

Deno.test("requestNode() follows no redirect", async () => {
  const reply = await ask(() =>
    new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } })
  );
  assert.equal(reply.kind, "unreachable");
});

Deno.test("requestNode() never throws, whatever the token holds", async () => {
  const reply = await ask(() => new Response("ok"), { token: "two\nlines €" });
  assert.equal(reply.kind, "unreachable");
});

Deno.test("requestNode() says in short why there was no connection", async () => {
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr;
  closed.close();
  const reply = await requestNode(new URL(`http://127.0.0.1:${port}/`));
  assert.ok(reply.kind === "unreachable");
  // The tenant tells by the first words that nothing was sent.
  assert.match(reply.reason, /^client error \(Connect\).*[Cc]onnection refused/);
});
