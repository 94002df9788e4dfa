import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash, asHeight, asTxId, ZERO_HASH } from "../../core/brands.ts";
import { type Bytes, concat, toHex, u64be } from "../../core/bytes.ts";
import {
  decodeHistoryPage,
  encodeHistoryPage,
  endOfFeed,
  endOfVersions,
  type HistoryPage,
  type HistoryPoint,
  isReached,
  verifyHistoryPage,
} from "../../core/history_page.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { FeedItem, History } from "../../core/ports.ts";
import {
  type ConfigurationState,
  extendConfiguration,
  extendFeed,
  type FeedState,
} from "../../core/state/values.ts";

const { hash } = platformCrypto;
const KINDS: readonly History["kind"][] = ["feed", "configuration"];

/** Two rows a block. */
const ROWS: readonly FeedItem[] = Array.from({ length: 20 }, (_, i) => ({
  height: asHeight(3 + (i >> 1)),
  index: (i % 2) * 5,
  id: asTxId(hash(u64be(i))),
}));

const FEED: (FeedState | null)[] = [null];
const CONFIGURATION: (ConfigurationState | null)[] = [null];
for (const [i, { height, index, id }] of ROWS.entries()) {
  const entry = { height, index, txId: id };
  FEED.push(extendFeed(hash, FEED.at(-1) ?? null, entry));
  CONFIGURATION.push(extendConfiguration(hash, CONFIGURATION.at(-1) ?? null, { ...entry, vid: i + 1 }));
}

const hashAt = (kind: History["kind"], count: number) =>
  (kind === "feed" ? FEED[count]?.feedHash : CONFIGURATION[count]?.versionsHash) ?? ZERO_HASH;

function endOf(kind: History["kind"]): HistoryPoint {
  return kind === "feed"
    ? endOfFeed(FEED.at(-1) as FeedState)
    : endOfVersions(CONFIGURATION.at(-1) as ConfigurationState);
}

/** The rows from `from` up to `to`. */
function page(kind: History["kind"], { from, to }: { from: number; to: number }): HistoryPage {
  return { version: 1, previous: hashAt(kind, from), rows: ROWS.slice(from, to) };
}

function verify(
  bytes: Uint8Array,
  { kind = "feed", point = endOf(kind), most = 8 }: {
    kind?: History["kind"];
    point?: HistoryPoint;
    most?: number;
  } = {},
) {
  return verifyHistoryPage(bytes, { kind, point, most, hash });
}

const codeOf = (verdict: ReturnType<typeof verify>) => verdict.ok ? "accepted" : verdict.code;

for (const kind of KINDS) {
  Deno.test(`verifyHistoryPage() leads from the certified end of a ${kind} to its beginning, whatever the pages' sizes`, () => {
    fc.assert(fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 8 })), (sizes) => {
      let point = endOf(kind);
      const rows: FeedItem[] = [];
      while (point.count > 0) {
        const from = Math.max(0, point.count - (sizes.next().value as number));
        const verdict = verify(encodeHistoryPage(page(kind, { from, to: point.count })), { kind, point });
        assert(verdict.ok, JSON.stringify(verdict));
        rows.unshift(...verdict.value.rows);
        point = verdict.value.point;
      }
      assert.deepEqual(rows, ROWS);
      assert.equal(toHex(point.hash), toHex(ZERO_HASH));
      if (kind === "feed") assert(isReached(point, null));
    }));
  });

  Deno.test(`verifyHistoryPage() refuses a page of a ${kind} with any byte changed`, () => {
    const bytes = encodeHistoryPage(page(kind, { from: 14, to: 20 }));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = bytes.slice();
        altered[at] = (altered[at] as number) ^ change;
        assert.notEqual(codeOf(verify(altered, { kind })), "accepted", `byte ${at}`);
      }),
      { numRuns: 2000 },
    );
  });

  Deno.test(`verifyHistoryPage() refuses a page of a ${kind} that is another one, cut, repeated or reordered`, () => {
    const whole = page(kind, { from: 14, to: 20 });
    const [first, second, ...rest] = whole.rows as [FeedItem, FeedItem, ...FeedItem[]];
    const other = KINDS.find((each) => each !== kind) as History["kind"];
    const lies: Readonly<Record<string, HistoryPage>> = {
      "an older page": page(kind, { from: 8, to: 14 }),
      "a page of the other kind": page(other, { from: 14, to: 20 }),
      "the end cut": { ...whole, rows: whole.rows.slice(0, -1) },
      "the beginning cut": { ...whole, rows: whole.rows.slice(1) },
      "one left out": { ...whole, rows: [first, ...rest] },
      "two swapped": { ...whole, rows: [second, first, ...rest] },
      "one twice": { ...whole, rows: [first, first, second, ...rest] },
      "another beginning": { ...whole, previous: hashAt(kind, 13) },
      "the whole history's beginning": { ...whole, previous: ZERO_HASH },
      "moved in its block": { ...whole, rows: [{ ...first, index: 1 }, second, ...rest] },
      "moved to another block": { ...whole, rows: [{ ...first, height: asHeight(1) }, second, ...rest] },
      "no rows": { ...whole, rows: [], previous: endOf(kind).hash },
    };
    for (const [name, lie] of Object.entries(lies)) {
      assert.equal(codeOf(verify(encodeHistoryPage(lie), { kind })), "proof-incomplete", name);
    }
  });
}

Deno.test("verifyHistoryPage() refuses more rows than were asked for, however right they are", () => {
  const bytes = encodeHistoryPage(page("feed", { from: 14, to: 20 }));
  assert.equal(codeOf(verify(bytes, { most: 6 })), "accepted");
  assert.equal(codeOf(verify(bytes, { most: 5 })), "proof-incomplete");
});

Deno.test("verifyHistoryPage() refuses a row that stands at or behind the place asked about", () => {
  const row: FeedItem = { height: asHeight(9), index: 4, id: asTxId(hash(u64be(99))) };
  const { feedHash } = extendFeed(hash, null, { height: row.height, index: row.index, txId: row.id });
  const bytes = encodeHistoryPage({ previous: ZERO_HASH, rows: [row] });
  const codeBefore = (height: number, index: number) =>
    codeOf(
      verify(bytes, { point: { count: 1, hash: feedHash, before: { height: asHeight(height), index } } }),
    );
  assert.deepEqual([codeBefore(9, 5), codeBefore(9, 4), codeBefore(8, 5), codeBefore(10, 0)], [
    "accepted",
    "proof-incomplete",
    "proof-incomplete",
    "accepted",
  ]);
});

Deno.test("verifyHistoryPage() never throws, whatever the bytes", () => {
  const good = encodeHistoryPage(page("feed", { from: 14, to: 20 }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(good.length - 1), (noise, cut) => {
    for (const kind of KINDS) {
      assert(!verify(noise as Bytes, { kind }).ok);
      assert(!verify(good.slice(0, cut), { kind }).ok);
      assert(!verify(concat(good, noise.subarray(0, 1), Uint8Array.of(0)), { kind }).ok);
    }
  }));
});

Deno.test("verifyHistoryPage() bears rows whose places are at the bounds of their types", () => {
  for (const height of [0, Number.MAX_SAFE_INTEGER]) {
    const rows = [{ height: asHeight(height), index: LIMITS.blockTransactions, id: asTxId(ZERO_HASH) }];
    for (const kind of KINDS) {
      const bytes = encodeHistoryPage({ previous: asHash(ZERO_HASH), rows });
      assert.equal(codeOf(verify(bytes, { kind })), "proof-incomplete");
    }
  }
});

Deno.test("decodeHistoryPage() takes as many rows as a page may have and no more", () => {
  const row = ROWS[0] as FeedItem;
  const rows = Array.from({ length: LIMITS.historyRows + 1 }, () => row);
  assert(decodeHistoryPage(encodeHistoryPage({ previous: ZERO_HASH, rows: rows.slice(1) })).ok);
  const decoded = decodeHistoryPage(encodeHistoryPage({ previous: ZERO_HASH, rows }));
  assert.equal(decoded.ok ? "accepted" : decoded.code, "proof-format");
});

Deno.test("isReached() wants both the count and the hash that the client has", () => {
  const state = FEED[7] as FeedState;
  const point = { count: 7, hash: state.feedHash, before: ROWS[7] as FeedItem };
  assert(isReached(point, state));
  assert(!isReached({ ...point, count: 8 }, state));
  assert(!isReached({ ...point, hash: ZERO_HASH }, state));
  assert(!isReached(point, null));
});
