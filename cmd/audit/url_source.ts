/**
 * A chain from a node's client API, page by page. The node is asked first which federation it is of and how high its
 * chain is, so that one that stops short of its own word is found out.
 *
 * @module
 */
import { decodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import type { Bytes } from "../../core/bytes.ts";
import { EXIT, type Verdict, VnfchainError } from "../../core/errors.ts";
import { decodeFederation, type Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type Reply, requestNode } from "../common/http_client.ts";
import { readFrom, readItems } from "../common/archive_items.ts";
import { type ChainSource, checkSameFederation } from "./source.ts";

/** A page is asked for so often before the audit gives up. */
const TRIES = 4;
/** Pause before the second try; doubles with each. */
const PAUSE_MS = 500;

/** The chain of the node at `base`, which ends in a slash. */
export function urlSource(base: URL, federation: Federation): ChainSource {
  let promised: number | null = null;
  let read = 0;

  async function* blocks(): AsyncGenerator<Verdict<RawBlock>, void, void> {
    const document = await requestNode(new URL("v1/federation?height=1", base));
    if (document.kind !== "ok") throw failed(base, document);
    const found = decodeFederation(platformCrypto.hash, document.body);
    const other = found.ok ? checkSameFederation(found.value, federation) : found;
    if (other !== undefined) return yield other;
    promised = await askHeight(base);
    while (true) {
      const query = `from=${read + 1}&limit=${LIMITS.catchUpBlocks}`;
      const page = await askPatiently(base, `v1/blocks?${query}`);
      if (page.length === 0) return;
      for await (const item of readItems(readFrom(page))) {
        yield item.ok ? decodeRawBlock(item.value) : item;
        read++;
      }
    }
  }

  return {
    blocks,
    share: () => promised === null || promised === 0 ? null : Math.min(1, read / promised),
    promisedHeight: () => promised,
    // A node does not serve what it has kept: evidence is exported by its operator.
    evidence: () => [],
  };
}

/** The same question again after a pause: a node that restarts must not end an audit of hours. */
async function askPatiently(base: URL, path: string): Promise<Bytes> {
  for (let attempt = 1;; attempt++) {
    const reply = await requestNode(new URL(path, base));
    if (reply.kind === "ok") return reply.body;
    const passing = reply.kind === "unreachable" || reply.status >= 429;
    if (!passing || attempt === TRIES) throw failed(base, reply);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (attempt - 1)));
  }
}

function failed(base: URL, reply: Exclude<Reply, { kind: "ok" }>): VnfchainError {
  if (reply.kind === "refused") {
    return new VnfchainError(`read chain: ${base.href}: ${reply.code}: ${reply.detail}`, {
      code: reply.code,
      hint: "name another node with --chain, or an archive",
    });
  }
  return new VnfchainError(`read chain: ${base.href}: ${reply.reason}`, {
    code: "no-node",
    hint: "check the address and that the node is running",
    exitCode: EXIT.unreachable,
  });
}

/** The height that the node says it has; 0 when it has no block yet, null when it does not say. */
async function askHeight(base: URL): Promise<number | null> {
  const reply = await requestNode(new URL("v1/head", base), { accept: "application/json" });
  if (reply.kind === "unreachable") throw failed(base, reply);
  if (reply.kind === "refused") return reply.code === "not-ready" ? 0 : null;
  try {
    const { height } = JSON.parse(new TextDecoder().decode(reply.body)) as { height?: unknown };
    return Number.isSafeInteger(height) ? height as number : null;
  } catch {
    return null;
  }
}
