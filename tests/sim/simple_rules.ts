/**
 * The simulated state rules: a transaction's nonce is used once, versions of a CID come in order; changes of the
 * federation are judged by the real rules. What a block leads to is kept by its hash.
 */
import assert from "node:assert/strict";
import { type Cid, type Hash, type Height, ZERO_HASH } from "../../core/brands.ts";
import { concat, toHex } from "../../core/bytes.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { type Refusal, refuse } from "../../core/errors.ts";
import type { PastBlock } from "../../core/federation_change.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Tip } from "../../core/ports.ts";
import { configurationId } from "../../core/state/keys.ts";
import type { Transition } from "../../core/state/transition.ts";
import type { FederationPayload, Transaction } from "../../core/transaction.ts";
import type { Applying, Rules } from "./ledger.ts";
import type { Protocol, SimTransaction } from "./types.ts";

interface StateAfter {
  readonly root: Hash;
  readonly used: ReadonlySet<string>;
  readonly versions: ReadonlyMap<string, number>;
  /** The block and those before it; null before the first. */
  readonly block: (PastBlock & { readonly height: number; readonly before: StateAfter }) | null;
}

type Next = Parameters<Rules["open"]>[1];

/** A state that is being made. */
interface Draft {
  root: Hash;
  readonly used: Set<string>;
  readonly versions: Map<string, number>;
}

/** Starts with an empty state. */
export function makeSimpleRules(
  { genesisId, crypto, openTransition }: {
    readonly genesisId: Hash;
    readonly crypto: CryptoPort;
    readonly openTransition: Protocol["openTransition"];
  },
): Rules {
  const empty: StateAfter = { root: ZERO_HASH, used: new Set(), versions: new Map(), block: null };
  const states = new Map<string, StateAfter>([[toHex(genesisId), empty]]);
  const opened = new WeakMap<Applying, (hash: Hash) => StateAfter>();

  function open(tip: Tip, next: Next): Applying {
    const before = states.get(toHex(tip.parent.hash));
    assert(before !== undefined, "a block on a parent that nobody has judged");
    const draft: Draft = {
      root: before.root,
      used: new Set(before.used),
      versions: new Map(before.versions),
    };
    const base = { tip, next, before, draft };
    let changing: Transition | undefined;

    function applyChange(change: FederationPayload, { id, bytes }: SimTransaction): Refusal | undefined {
      changing ??= openChanging(base);
      const verdict = changing.apply({ id, bytes, payload: change } as Transaction);
      if (!verdict.ok) return verdict;
      draft.versions.set(toHex(change.cid), change.vid);
      return undefined;
    }

    const applying: Applying = {
      apply: (each) => {
        const refused = each.change === null ? judge(each, { draft, next }) : applyChange(each.change, each);
        if (refused !== undefined) return refused;
        draft.used.add(toHex(each.nonceKey));
        if (each.vid !== null) draft.versions.set(toHex(each.cid), each.vid);
        draft.root = crypto.hash(concat(draft.root, each.id));
        return undefined;
      },
      root: () => draft.root,
      change: () => changing?.federationChange() ?? null,
    };
    const block = { height: tip.parent.height + 1, time: next.timeMs, before };
    opened.set(applying, (hash) => ({ ...draft, block: { ...block, hash } }));
    return applying;
  }

  /** The real rules, of which changes alone are asked. */
  function openChanging(
    { tip, next: { timeMs, checkDuplicates }, before, draft }: {
      readonly tip: Tip;
      readonly next: Next;
      readonly before: StateAfter;
      readonly draft: Draft;
    },
  ): Transition {
    const { federation, nextFederation } = tip;
    const height = tip.parent.height + 1 as Height;
    const own = toHex(configurationId(crypto.hash, genesisId as Uint8Array as Cid));
    const latestVid = before.versions.get(toHex(genesisId)) ?? 0;
    const latest = { version: 1, latestVid, versionsHash: ZERO_HASH, lastHeight: 0 as Height } as const;
    return openTransition(crypto, {
      reader: {
        feed: () => null,
        configuration: (id) => latestVid > 0 && toHex(id) === own ? latest : null,
        nonceSeen: (key) => checkDuplicates && draft.used.has(toHex(key)),
        pastBlock: (at) => pastBlock(before, at),
      },
      context: { height, timeMs, federation, nextFederation },
    });
  }

  return {
    open,
    keep: (hash, applying) => {
      const after = opened.get(applying);
      assert(after !== undefined, "a state that these rules did not open");
      states.set(toHex(hash), after(hash));
    },
  };
}

function judge(
  { nonceKey, cid, vid, timestamp }: SimTransaction,
  { draft: { used, versions }, next: { timeMs, checkDuplicates } }: { draft: Draft; next: Next },
): Refusal | undefined {
  if (timestamp > timeMs + LIMITS.timestampAheadMs) return refuse("future", `${timestamp}`);
  if (!checkDuplicates) return undefined;
  if (used.has(toHex(nonceKey))) return refuse("duplicate", "used before");
  const latest = versions.get(toHex(cid)) ?? 0;
  return vid === null || vid === latest + 1
    ? undefined
    : refuse("vid-order", `VID is ${vid}, wanted ${latest + 1}`);
}

function pastBlock({ block }: StateAfter, height: number): PastBlock | undefined {
  if (block === null || block.height < height) return undefined;
  return block.height === height ? block : pastBlock(block.before, height);
}
