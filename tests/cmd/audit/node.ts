/** A node's client API over a chain in memory, as far as the auditor asks, which can be made to lie. */
import { archiveItem } from "../../../core/archive.ts";
import { readBlocks } from "../../../cmd/node/blocks.ts";
import { asHeight } from "../../../core/brands.ts";
import { concat } from "../../../core/bytes.ts";
import { encodeFederation } from "../../../core/federation.ts";
import type { TestChain } from "./chain.ts";

/** A running node. */
export interface TestNode extends AsyncDisposable {
  readonly url: string;
  /** Paths asked for, with their queries. */
  readonly asked: readonly string[];
}

/** How the node behaves. */
export interface TestNodeOptions {
  /** Blocks in one page; 5 when left out. */
  readonly pageBlocks?: number;
  /** The height that it says; the chain's when left out. */
  readonly height?: number;
  /** Answers instead of the node; `undefined` leaves the request to it. */
  readonly instead?: (url: URL) => Response | undefined;
}

/** Starts a node on a free port. */
export function openNode(chain: TestChain, options: TestNodeOptions = {}): TestNode {
  const asked: string[] = [];
  const source = { block: (height: number) => Promise.resolve(chain.blocks[height - 1] ?? null) };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url: text }) => {
    const url = new URL(text);
    asked.push(url.pathname + url.search);
    const instead = options.instead?.(url);
    if (instead !== undefined) return instead;
    switch (url.pathname) {
      case "/v1/federation":
        return new Response(encodeFederation(chain.federation.document));
      case "/v1/head":
        return Response.json({ height: options.height ?? chain.blocks.length });
      case "/v1/blocks": {
        const from = asHeight(Number(url.searchParams.get("from")));
        const limit = Math.min(Number(url.searchParams.get("limit")), options.pageBlocks ?? 5);
        return new Response(concat(...(await readBlocks(source, { from, limit })).map(archiveItem)));
      }
      default:
        return new Response("", { status: 404 });
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
