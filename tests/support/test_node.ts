/**
 * A node for tests: a real HTTP server on loopback over a {@link TestChain}, which answers polls, gives blocks, takes
 * transactions, and can be made to lie.
 *
 * @module
 */
import { archiveItem } from "../../core/archive.ts";
import { asHash, asHeight } from "../../core/brands.ts";
import { type Bytes, concat, fromHex, toHex } from "../../core/bytes.ts";
import { encodeFederation } from "../../core/federation.ts";
import { encodeTransitions } from "../../core/federation_following.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { decodePollRequest, type PollRequest } from "../../core/poll.ts";
import type { Transaction } from "../../core/transaction.ts";
import { decodeBatchRequest, encodeBatch } from "../../core/transaction_batch.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import { changesAfter } from "../../cmd/node/api/federation_changes.ts";
import { readBlocks } from "../../cmd/node/blocks.ts";
import type { TestChain } from "./test_chain.ts";

/** A running server. */
export interface TestNode extends AsyncDisposable {
  /** As it stands in an agent's list of nodes. */
  readonly url: string;
  /** Paths asked for, with their queries. */
  readonly asked: readonly string[];
  /** Polls that were answered. */
  readonly polls: PollRequest[];
  /** Transactions that were posted, in order, repeated ones included. */
  readonly posted: Transaction[];
  /** How polls are answered from now on. */
  behave: (request: PollRequest) => Bytes | Response;
}

/** How the node behaves otherwise. */
export interface TestNodeOptions {
  /** Most blocks in one page; 5 when left out. */
  readonly pageBlocks?: number;
  /** The height that it says; the chain's when left out. */
  readonly height?: number;
  /** Answers instead of the node; `undefined` leaves the request to it. */
  readonly instead?: (url: URL) => Response | undefined;
}

/** Starts a node that serves the chain honestly until it is told otherwise. */
export function testNode(chain: TestChain, options: TestNodeOptions = {}): TestNode {
  const asked: string[] = [];
  const polls: PollRequest[] = [];
  const posted: Transaction[] = [];

  function poll(body: Bytes): Response {
    const request = decodePollRequest(body);
    if (!request.ok) return refusal(400, request.code);
    polls.push(request.value);
    const answer = node.behave(request.value);
    return answer instanceof Response ? answer : cbor(answer);
  }

  function submit(body: Bytes): Response {
    const { genesisId } = chain.federation;
    const verified = verifyTransaction(body, { genesisId, crypto: platformCrypto });
    if (!verified.ok) return refusal(400, verified.code);
    posted.push(verified.value);
    return Response.json({ id: toHex(verified.value.id) }, { status: 202 });
  }

  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (incoming) => {
    const url = new URL(incoming.url);
    asked.push(url.pathname + url.search);
    const body = new Uint8Array(await incoming.arrayBuffer());
    const instead = options.instead?.(url);
    if (instead !== undefined) return instead;
    switch (url.pathname) {
      case "/v1/poll":
        return poll(body);
      case "/v1/history":
        return history(chain, url.searchParams);
      case "/v1/transactions/read":
        return batch(chain, body);
      case "/v1/transactions":
        return submit(body);
      case "/v1/federation":
        return cbor(encodeFederation(chain.federation.document));
      case "/v1/federation/changes": {
        const sequence = Number(url.searchParams.get("after"));
        return cbor(encodeTransitions(await changesAfter(chain, { sequence, height: chain.height + 1 })));
      }
      case "/v1/head":
        return Response.json({ height: options.height ?? chain.height });
      case "/v1/blocks":
        return cbor(await page(chain, { url, mostBlocks: options.pageBlocks ?? 5 }));
      default:
        return refusal(404, "unknown");
    }
  });
  const node: TestNode = {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    polls,
    posted,
    behave: (request) => chain.answer(request),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return node;
}

async function page(
  { blocks }: TestChain,
  { url: { searchParams }, mostBlocks }: { url: URL; mostBlocks: number },
): Promise<Bytes> {
  const from = asHeight(Number(searchParams.get("from")));
  const limit = Math.min(Number(searchParams.get("limit")), mostBlocks);
  const source = { block: (height: number) => Promise.resolve(blocks[height - 1] ?? null) };
  return concat(...(await readBlocks(source, { from, limit })).map(archiveItem));
}

/** Pages of few rows, so that tests need few transactions. */
const PAGE_ROWS = 3;

function history(chain: TestChain, query: URLSearchParams): Response {
  const kind = query.has("feed") ? "feed" : "configuration";
  const page = chain.page({
    history: { kind, key: asHash(fromHex(query.get(kind) ?? "") ?? new Uint8Array(32)) },
    before: { height: asHeight(Number(query.get("height"))), index: Number(query.get("index")) },
    rows: Math.min(Number(query.get("rows")), PAGE_ROWS),
  });
  return page === null ? refusal(404, "unknown") : cbor(page);
}

function batch({ blocks }: TestChain, body: Bytes): Response {
  const positions = decodeBatchRequest(body);
  if (!positions.ok) return refusal(400, positions.code);
  const found = positions.value.map(({ height, index }) => blocks[height - 1]?.transactions[index] ?? null);
  return cbor(encodeBatch(found.slice(0, PAGE_ROWS - 1)));
}

function cbor(body: Bytes): Response {
  return new Response(body, { headers: { "content-type": "application/cbor" } });
}

/** A node's refusal. */
export function refusal(status: number, code: string): Response {
  return Response.json({ error: { code, detail: "refused by the test" } }, { status });
}
