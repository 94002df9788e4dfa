/**
 * Following the chain over HTTP: how a node that is no member, not yet or no more, stays with the chain, and how a member
 * that has lost all its links comes back to it. Blocks are judged and stored like those of members that a node catches
 * up from: certificates, rules and roots in full, so one honest source is enough.
 *
 * Sources are asked in turn, one page of blocks each: one that says that there is nothing more holds nobody back for
 * long. One whose block is refused, or that does not answer, is passed over for a while, longer each time.
 *
 * @module
 */
import { decodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import { refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Tip } from "../../core/ports.ts";
import { makeHelpers } from "../../consensus/driver/helpers.ts";
import { readFrom, readItems } from "../common/archive_items.ts";
import { requestNode } from "../common/http_client.ts";
import type { Log } from "../common/log.ts";
import { pause } from "../common/pause.ts";

/** Pause between two questions when there is nothing new. */
const PAUSE_MS = 500;

/** What following needs. */
export interface FollowingOptions {
  /** Nodes' client addresses; asked for anew before each question. */
  readonly sources: () => readonly string[];
  /** Whether there is nobody else to learn of blocks from. */
  readonly isNeeded: () => boolean;
  readonly height: () => number;
  /** Judges and stores the next block; one that is there already is fine. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
  readonly log: Log;
  /** Appending failed for a reason that is no block's. */
  readonly fatal: (error: unknown) => void;
  /** {@link PAUSE_MS} unless a test is in a hurry. */
  readonly pauseMs?: number;
}

/** Starts following whenever it is needed; disposing ends it. */
export function openFollowing(options: FollowingOptions): AsyncDisposable {
  const { sources, isNeeded, height, append, log, pauseMs = PAUSE_MS } = options;
  const stop = new AbortController();
  const helpers = makeHelpers<string>(() => performance.now());
  let turn = 0;

  /** The next source whose turn it is, if any may be asked. */
  function nextSource(): string | undefined {
    const all = sources();
    for (let i = 0; i < all.length; i++) {
      const source = all[turn++ % all.length] as string;
      if (helpers.pauseMs(source) === 0) return source;
    }
    return undefined;
  }

  function onFailure(source: string, { code, detail }: { code: string; detail: string }): void {
    // Once for each run of failures: a source that stays away is no news.
    if (helpers.onFailure(source) === 1) {
      log.warning("a node that is followed did not help", { source, code, detail });
    }
  }

  /** One page; whether it brought anything new. */
  async function follow(source: string): Promise<boolean> {
    const page = await askPage(source, { from: height() + 1, signal: stop.signal });
    if (stop.signal.aborted) return false;
    if (!page.ok) {
      onFailure(source, page);
      return false;
    }
    for (const block of page.value) {
      const appended = await append(block);
      if (!appended.ok) {
        onFailure(source, appended);
        return false;
      }
      if (stop.signal.aborted) return false;
    }
    helpers.onSuccess(source);
    return page.value.length > 0;
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const source = isNeeded() ? nextSource() : undefined;
      const isNews = source !== undefined && await follow(source);
      if (!isNews) await pause(pauseMs, stop.signal);
    }
  }

  const running = run().catch(options.fatal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

/** The blocks that a node has from a height on; those before one that cannot be read are as good as any. */
async function askPage(
  source: string,
  { from, signal }: { readonly from: number; readonly signal: AbortSignal },
): Promise<Verdict<readonly RawBlock[]>> {
  const base = source.endsWith("/") ? source : `${source}/`;
  if (!URL.canParse("v1/blocks", base)) return refuse("request", "its address is no URL");
  const url = new URL(`v1/blocks?from=${from}&limit=${LIMITS.catchUpBlocks}`, base);
  const reply = await requestNode(url, { signal });
  if (reply.kind === "unreachable") return refuse("timeout", reply.reason);
  if (reply.kind === "refused") return refuse(reply.code, reply.detail);
  const blocks: RawBlock[] = [];
  for await (const item of readItems(readFrom(reply.body))) {
    const block = item.ok ? decodeRawBlock(item.value) : item;
    if (!block.ok) return blocks.length > 0 ? { ok: true, value: blocks } : block;
    blocks.push(block.value);
    if (blocks.length === LIMITS.catchUpBlocks) break;
  }
  return { ok: true, value: blocks };
}
