/**
 * A real node for tests of its client API, and clients of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFederationFile } from "../../../cmd/common/federation_file.ts";
import { toHex } from "../../../core/bytes.ts";
import type { Federation, Parameters } from "../../../core/federation.ts";
import { type Network, startNetwork } from "../../support/network.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** A federation of one member, which decides alone. */
export interface TestNode extends AsyncDisposable {
  readonly network: Network;
  readonly url: string;
  readonly federation: Federation;
}

/** Starts it; blocks come at once, and every `heartbeatMs` when nothing is due. */
export async function startNode(parameters: Partial<Parameters> = {}): Promise<TestNode> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const network = stack.use(
    await startNetwork({
      nodes: 1,
      directory: directory.path,
      parameters: { heartbeatMs: 500, ...parameters },
    }),
  );
  const federation = await readFederationFile(network.federation);
  const opened = stack.move();
  return {
    network,
    url: network.urls[0] as string,
    federation,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What a request came to. */
export interface Outcome {
  readonly status: number;
  /** The refusal's code; undefined when there is none. */
  readonly code: string | undefined;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly json: () => Record<string, unknown>;
}

/** Sends a request and reads the answer. */
export async function ask(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<Outcome> {
  const response = await fetch(url, init);
  const bytes = await response.bytes();
  const json = () => JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const code = response.status < 400 ? undefined : (json()["error"] as { code?: string } | undefined)?.code;
  return { status: response.status, code, headers: response.headers, bytes, json };
}

/** Posts bytes as a transaction. */
export async function post(
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
  options: { wait?: boolean; headers?: Record<string, string> } = {},
): Promise<Outcome> {
  const wait = options.wait === true ? "?wait=commit" : "";
  const headers = { accept: "application/cbor", ...options.headers };
  return await ask(`${url}/v1/transactions${wait}`, { method: "POST", body: bytes, headers });
}

/** Posts a transaction that must be taken, and waits until it is on the chain. */
export async function commit(
  url: string,
  { id, bytes }: { readonly id: Uint8Array; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<{ readonly height: number; readonly index: number }> {
  const { status, json } = await post(url, bytes, { wait: true, headers: { accept: "application/json" } });
  assert.equal(status, 200, `transaction ${toHex(id)} was not committed`);
  const { height, index } = json();
  return { height: Number(height), index: Number(index) };
}
