/** The server against clients that break it, with limits short enough to wait for. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { jsonReply, MEDIA } from "../../../../cmd/node/api/exchange.ts";
import {
  type ApiHandler,
  type ApiServer,
  openApiServer,
  type ServerLimits,
} from "../../../../cmd/node/api/server.ts";
import type { Address } from "../../../../consensus/tcp/address.ts";
import { utf8 } from "../../../../core/bytes.ts";
import { accept } from "../../../../core/errors.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { addressOf, exchange, statusOf } from "./raw.ts";

const ANY: Address = { host: "127.0.0.1", port: 0 };
const BODY_BYTES = 1000;

/** A handler that echoes the length of the body; and what it was told. */
function echo(alter: Partial<ApiHandler> = {}): ApiHandler & { readonly refused: string[] } {
  const refused: string[] = [];
  return {
    admit: ({ method }) => accept(method === "POST" ? BODY_BYTES : 0),
    handle: ({ body, path }) => Promise.resolve(jsonReply({ path, bytes: body.length })),
    onRefused: (code) => refused.push(code),
    refused,
    ...alter,
  };
}

interface Opened extends AsyncDisposable {
  readonly address: Address;
  readonly url: string;
  readonly errors: unknown[];
}

async function open(handler: ApiHandler, limits: Partial<ServerLimits> = {}): Promise<Opened> {
  const errors: unknown[] = [];
  const server: ApiServer = await openApiServer(handler, {
    address: ANY,
    limits: { ...LIMITS, ...limits },
    onError: (error) => errors.push(error),
  });
  return {
    address: server.address,
    url: `http://127.0.0.1:${server.address.port}`,
    errors,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const GET = "GET / HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";

function post(headers: string): string {
  return `POST / HTTP/1.1\r\nHost: node\r\nConnection: close\r\n${headers}\r\n`;
}

Deno.test("openApiServer() refuses what is no HTTP, and tells of it", async () => {
  const handler = echo();
  await using server = await open(handler);
  for (
    const garbage of [
      "\0\x01\x02\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `${"A".repeat(100)}\r\n\r\n`,
      post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
      post("Content-Length: -1\r\n"),
      post("Content-Length: 1\r\nContent-Length: 2\r\n") + "ab",
      post("Transfer-Encoding: chunked\r\n") + "zz\r\n",
    ]
  ) {
    const answer = await exchange(server.address, garbage);
    ok([400, undefined].includes(statusOf(answer)), answer);
  }
  ok(handler.refused.length >= 5 && handler.refused.every((code) => code === "request"));
  equal(statusOf(await exchange(server.address, GET)), 200);
  deepEqual(server.errors, []);
});

Deno.test("openApiServer() refuses headers and URLs beyond their limit", async () => {
  await using server = await open(echo());
  const long = "a".repeat(LIMITS.httpHeaderBytes + 1);
  equal(statusOf(await exchange(server.address, `GET /${long} HTTP/1.1\r\nHost: node\r\n\r\n`)), 431);
  equal(statusOf(await exchange(server.address, `GET / HTTP/1.1\r\nHost: node\r\nX: ${long}\r\n\r\n`)), 431);
});

Deno.test("openApiServer() refuses a body that declares too much before it is sent", async () => {
  const handler = echo();
  await using server = await open(handler);
  const answer = await exchange(server.address, post("Content-Length: 1001\r\n"));
  equal(statusOf(answer), 413);
  match(answer, /"code":"too-large"/);
  match(answer, /connection: close/i);
  deepEqual(handler.refused, ["too-large"]);
});

Deno.test("openApiServer() refuses a chunked body once it is too large, and says so", async () => {
  await using server = await open(echo());
  const chunk = `400\r\n${"a".repeat(1024)}\r\n`;
  const answer = await exchange(server.address, post("Transfer-Encoding: chunked\r\n") + chunk.repeat(50));
  equal(statusOf(answer), 413);
  match(answer, /"code":"too-large"/);
});

Deno.test("openApiServer() refuses a body on a request that has none", async () => {
  await using server = await open(echo());
  const answer = await exchange(
    server.address,
    "GET / HTTP/1.1\r\nHost: node\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  );
  equal(statusOf(answer), 413);
});

Deno.test("openApiServer() gives up on headers and bodies that do not come in time", async () => {
  await using server = await open(echo(), { httpHeadersMs: 300, httpRequestMs: 900 });
  // Were there no limit, the last of them would complete its request.
  const byte = Array.from({ length: 60 }, () => "a");
  const answers = await Promise.all([
    exchange(server.address, ""),
    exchange(server.address, "GET / HTTP/1.1\r\nHost: no"),
    exchange(server.address, { parts: ["GET / HTTP/1.1\r\nX: ", ...byte], pauseMs: 50 }),
    exchange(server.address, { parts: [post(`Content-Length: ${byte.length}\r\n`), ...byte], pauseMs: 50 }),
  ]);
  for (const answer of answers) ok([408, undefined].includes(statusOf(answer)), answer);
  equal(statusOf(await exchange(server.address, GET)), 200);
  deepEqual(server.errors, []);
});

Deno.test("openApiServer() gives up on a client that does not take its answer", async () => {
  const body = new Uint8Array(32 * 1024 * 1024);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const handler = echo({
    handle: ({ signal }) => {
      signal.addEventListener("abort", () => end());
      return Promise.resolve({ status: 200, type: MEDIA.cbor, body });
    },
  });
  await using server = await open(handler, { httpAnswerMs: 300 });
  const { host, port } = server.address;
  using connection = await Deno.connect({ hostname: host, port });
  await connection.write(utf8(GET));
  await ended;
});

Deno.test("openApiServer() says busy when it sends as many answers as it may, and sends refusals still", async () => {
  const body = new Uint8Array(32 * 1024 * 1024);
  const handler = echo({ handle: () => Promise.resolve({ status: 200, type: MEDIA.cbor, body }) });
  await using server = await open(handler, { httpAnswersBytes: body.length + 10 });
  const { host, port } = server.address;
  using connection = await Deno.connect({ hostname: host, port });
  await connection.write(utf8(GET));
  await connection.read(new Uint8Array(10)); // the answer is under way
  const response = await fetch(server.url);
  equal(response.status, 503);
  equal(response.headers.get("retry-after"), "1");
  match(await response.text(), /"code":"busy"/);
  deepEqual(handler.refused, ["busy"]);
});

Deno.test("openApiServer() says busy when it holds as many bodies as it may, and frees them with their clients", async () => {
  await using server = await open(echo(), { httpBodiesBytes: 1500 });
  const { host, port } = server.address;
  {
    using connection = await Deno.connect({ hostname: host, port });
    await connection.write(utf8(post("Content-Length: 1000\r\n") + "a".repeat(999)));
    // Until the server has read it there is room.
    let status = 200;
    while (status === 200) {
      const response = await fetch(server.url, { method: "POST", body: "a".repeat(1000) });
      status = response.status;
      await response.body?.cancel();
    }
    equal(status, 503);
  }
  let status = 503;
  while (status === 503) {
    const response = await fetch(server.url, { method: "POST", body: "a".repeat(1000) });
    status = response.status;
    await response.body?.cancel();
  }
  equal(status, 200);
});

Deno.test("openApiServer() closes what is beyond its connections, and serves others once they are gone", async () => {
  await using server = await open(echo(), { httpConnections: 20, httpHeadersMs: 300 });
  const answers = await Promise.all(Array.from({ length: 100 }, () => exchange(server.address, "")));
  ok(answers.every((answer) => [408, undefined].includes(statusOf(answer))));
  equal(statusOf(await exchange(server.address, GET)), 200);
});

Deno.test("openApiServer() lets no address have all connections", async () => {
  await using server = await open(echo(), { httpConnections: 100, httpConnectionsPerAddress: 10 });
  const { host, port } = server.address;
  const held = await Promise.all(
    Array.from({ length: 10 }, async () => await Deno.connect({ hostname: host, port })),
  );
  try {
    equal(await exchange(server.address, GET), "");
    // Another address of this machine is served meanwhile.
    equal(
      await new Deno.Command("curl", {
        args: ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--interface", "127.0.0.2", server.url],
      }).output().then(({ stdout }) => new TextDecoder().decode(stdout)),
      "200",
    );
  } finally {
    for (const connection of held) connection.close();
  }
});

Deno.test("openApiServer() closes idle connections first when it gets tight", async () => {
  await using server = await open(echo(), { httpConnections: 20 });
  const { host, port } = server.address;
  const held: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 60; i++) {
      const connection = await Deno.connect({ hostname: host, port });
      held.push(connection);
      await connection.write(utf8("GET / HTTP/1.1\r\nHost: node\r\n\r\n"));
      const buffer = new Uint8Array(100);
      const count = await connection.read(buffer);
      ok(count !== null && count > 0, `connection ${i} was not served`);
    }
  } finally {
    for (const connection of held) connection.close();
  }
});

Deno.test("openApiServer() sends no body with HEAD", async () => {
  await using server = await open(echo());
  const answer = await exchange(
    server.address,
    "HEAD /x HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n",
  );
  equal(statusOf(answer), 200);
  match(answer, /content-length: 24\r\n/i);
  ok(answer.endsWith("\r\n\r\n"), answer);
});

Deno.test("openApiServer() answers requests in a pipeline, and does not take garbage after them for one", async () => {
  await using server = await open(echo());
  const one = (path: string) => `GET /${path} HTTP/1.1\r\nHost: node\r\n\r\n`;
  const answer = await exchange(server.address, {
    parts: [one("a") + one("b"), "garbage\r\n\r\n"],
    pauseMs: 300,
  });
  const paths = [...answer.matchAll(/"path":"([^"]*)"/g)].map(([, path]) => path);
  deepEqual(paths, ["/a", "/b"]);
  equal(statusOf(await exchange(server.address, GET)), 200);
});

Deno.test("openApiServer() tells a handler when its client goes away", async () => {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const handler = echo({
    handle: async ({ signal }) => {
      begin();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      leave();
      return jsonReply({});
    },
  });
  await using server = await open(handler);
  const { host, port } = server.address;
  const connection = await Deno.connect({ hostname: host, port });
  await connection.write(utf8(GET));
  await began;
  connection.close();
  await left;
});

Deno.test("openApiServer() ends a connection whose handler fails, tells of the bug, and goes on", async () => {
  await using server = await open(echo({
    handle: ({ path }) => path === "/bug" ? Promise.reject(new Error("bug")) : Promise.resolve(jsonReply({})),
  }));
  equal(await exchange(server.address, GET.replace("/ ", "/bug ")), "");
  equal(server.errors.length, 1);
  equal(statusOf(await exchange(server.address, GET)), 200);
});

Deno.test("openApiServer() closes while clients are idle, half sent or waiting", async () => {
  const handler = echo({
    handle: async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return jsonReply({});
    },
  });
  const held: Deno.Conn[] = [];
  {
    await using server = await open(handler);
    const { host, port } = server.address;
    for (const text of ["", "GET / HT", GET]) {
      const connection = await Deno.connect({ hostname: host, port });
      held.push(connection);
      await connection.write(utf8(text));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const connection of held) connection.close();
});

Deno.test("openApiServer() refuses an address that is taken", async () => {
  await using server = await open(echo());
  await rejects(openApiServer(echo(), { address: addressOf(server.url), onError: () => {} }), {
    code: "listen",
    exitCode: 2,
  });
});

Deno.test("openApiServer() refuses a certificate and a key that are none", async () => {
  const tls = { certificate: "no certificate", key: "no key" };
  await rejects(openApiServer(echo(), { address: ANY, tls, onError: () => {} }), {
    code: "tls",
    exitCode: 2,
  });
});
