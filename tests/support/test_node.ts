/**
 * A node for tests: a real HTTP server on loopback that answers polls from a {@link TestChain} and takes transactions.
 *
 * @module
 */
import { type Bytes, toHex } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { decodePollRequest, type PollRequest } from "../../core/poll.ts";
import type { Transaction } from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import type { TestChain } from "./test_chain.ts";

/** A running server. */
export interface TestNode extends AsyncDisposable {
  /** As it stands in an agent's list of nodes. */
  readonly url: string;
  /** Polls that were answered. */
  readonly polls: PollRequest[];
  /** Transactions that were posted, in order, repeated ones included. */
  readonly posted: Transaction[];
  /** How polls are answered from now on. */
  behave: (request: PollRequest) => Bytes | Response;
}

/** Starts a node that serves the chain honestly until it is told otherwise. */
export function testNode(chain: TestChain): TestNode {
  const polls: PollRequest[] = [];
  const posted: Transaction[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (incoming) => {
    const { pathname } = new URL(incoming.url);
    const body = new Uint8Array(await incoming.arrayBuffer());
    if (pathname === "/v1/poll") {
      const request = decodePollRequest(body);
      if (!request.ok) return refusal(400, request.code);
      polls.push(request.value);
      const answer = node.behave(request.value);
      return answer instanceof Response
        ? answer
        : new Response(answer, { headers: { "content-type": "application/cbor" } });
    }
    if (pathname !== "/v1/transactions") return refusal(404, "unknown");
    const { genesisId } = chain.federation;
    const verified = verifyTransaction(body, { genesisId, crypto: platformCrypto });
    if (!verified.ok) return refusal(400, verified.code);
    posted.push(verified.value);
    return Response.json({ id: toHex(verified.value.id) }, { status: 202 });
  });
  const node: TestNode = {
    url: `http://127.0.0.1:${server.addr.port}`,
    polls,
    posted,
    behave: (request) => chain.answer(request),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return node;
}

/** A node's refusal. */
export function refusal(status: number, code: string): Response {
  return Response.json({ error: { code, detail: "refused by the test" } }, { status });
}
