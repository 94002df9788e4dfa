/**
 * Routes about the chain: head, blocks, the federation document, feeds for people.
 *
 * @module
 */
import { archiveItem, encodeRawBlock } from "../../../core/archive.ts";
import { blockHash, type Header } from "../../../core/block.ts";
import { asHeight, type Height, type PublicKey } from "../../../core/brands.ts";
import { concat, toHex, utf8 } from "../../../core/bytes.ts";
import { signersOf } from "../../../core/certificate.ts";
import { certifiedHeaderShape } from "../../../core/certified_header.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { encodeFederation } from "../../../core/federation.ts";
import { publicKeyFromText, publicKeyToText } from "../../../core/keys.ts";
import { LIMITS } from "../../../core/limits.ts";
import { encodeShape } from "../../../core/shape.ts";
import { feedId } from "../../../core/state/keys.ts";
import { federationToJson } from "../../common/federation_file.ts";
import { readBlocks } from "../blocks.ts";
import type { NodeServices } from "../services.ts";
import { IMMUTABLE, NO_STORE, tagged, unlessKnown } from "./caching.ts";
import {
  type ApiReply,
  type ApiRequest,
  cborReply,
  jsonReply,
  MEDIA,
  refusalReply,
  wantsCbor,
} from "./exchange.ts";

/** `GET /v1/head`: a certified header. */
export function headRoute({ chain, crypto }: NodeServices, request: ApiRequest): ApiReply {
  const { header, certificate } = chain.tip();
  if (header === null || certificate === null) {
    return refusalReply(refuse("not-ready", "the chain has no block yet"));
  }
  if (wantsCbor(request)) {
    return cborReply(encodeShape(certifiedHeaderShape, { header, certificate }), { headers: NO_STORE });
  }
  const { members } = chain.federationAt(header.height).document;
  const signers = signersOf(certificate.bitmap, members.length) ?? [];
  return jsonReply({
    ...describeHeader(header),
    hash: toHex(blockHash(crypto.hash, header)),
    round: certificate.round,
    signers: signers.map((index) => members[index]?.name),
  }, { headers: NO_STORE });
}

function describeHeader(header: Header) {
  return {
    height: header.height,
    time: new Date(header.time).toISOString(),
    parent: toHex(header.parent),
    proposer: publicKeyToText(header.proposer),
    createdRound: header.createdRound,
    transactionsRoot: toHex(header.transactionsRoot),
    stateRoot: toHex(header.stateRoot),
    federation: toHex(header.federation),
    count: header.count,
  };
}

/** `GET /v1/blocks/HEIGHT`; a block's transactions are bounded, and so is the listing. */
export async function blockRoute(
  { chain, crypto }: NodeServices,
  { request, height }: { request: ApiRequest; height: string },
): Promise<ApiReply> {
  const wanted = heightFrom(height);
  if (!wanted.ok) return refusalReply(wanted);
  const block = await chain.block(wanted.value);
  if (block === null) return refusalReply(refuse("unknown", `block ${height} is not here`));
  // Nothing is built on the last block yet, which would name its certificate.
  const headers = wanted.value < chain.tip().parent.height ? IMMUTABLE : NO_STORE;
  if (wantsCbor(request)) return cborReply(encodeRawBlock(block), { headers });
  return jsonReply({
    ...describeHeader(block.header),
    hash: toHex(blockHash(crypto.hash, block.header)),
    round: block.certificate.round,
    transactionBytes: block.transactions.map((bytes) => bytes.length),
  }, { headers });
}

/** `GET /v1/blocks?from=H&limit=N`: a CBOR sequence of byte strings, each a decided block. */
export async function blocksRoute({ chain }: NodeServices, { query }: ApiRequest): Promise<ApiReply> {
  const from = heightFrom(query.get("from") ?? "1");
  if (!from.ok) return refusalReply(from);
  const limit = countFrom(query.get("limit"), { otherwise: LIMITS.catchUpBlocks, max: LIMITS.catchUpBlocks });
  if (!limit.ok) return refusalReply(limit);
  return cborReply(
    concat(...(await readBlocks(chain, { from: from.value, limit: limit.value })).map(archiveItem)),
  );
}

/** `GET /v1/federation[?height=H]`: the document in force at a height; at the next one when none is named. */
export function federationRoute({ chain }: NodeServices, request: ApiRequest): ApiReply {
  const next = chain.tip().parent.height + 1;
  const height = heightFrom(request.query.get("height") ?? `${next}`);
  if (!height.ok) return refusalReply(height);
  // What comes into force after the next height may still be unknown here.
  if (height.value > next) return refusalReply(refuse("unknown", `height ${height.value} is not here yet`));
  const federation = chain.federationAt(height.value);
  const type = wantsCbor(request) ? MEDIA.cbor : MEDIA.json;
  const body = type === MEDIA.cbor
    ? encodeFederation(federation.document)
    : utf8(federationToJson(federation));
  return unlessKnown(request, { status: 200, type, body, headers: tagged(federation.hash, type) });
}

/**
 * `GET /v1/feeds?sender=vc1…&recipient=vc1…|none&from=COUNT&limit=N`: for people; nothing in it is proved. Without
 * `from` the newest transactions.
 */
export async function feedsRoute(services: NodeServices, { query }: ApiRequest): Promise<ApiReply> {
  const sender = keyFrom(query.get("sender"), "sender");
  if (!sender.ok) return refusalReply(sender);
  const named = query.get("recipient") ?? "none";
  const recipient = named === "none" ? accept(null) : keyFrom(named, "recipient");
  if (!recipient.ok) return refusalReply(recipient);
  const limit = countFrom(query.get("limit"), { otherwise: LIMITS.pageRows, max: LIMITS.pageRows });
  if (!limit.ok) return refusalReply(limit);
  const feed = { sender: sender.value, recipient: recipient.value };
  using view = services.chain.view();
  const [state] = await view.feeds([feedId(services.crypto.hash, feed)]);
  const count = state?.count ?? 0;
  const newest = Math.max(0, count - limit.value);
  const from = countFrom(query.get("from"), { otherwise: newest, max: Number.MAX_SAFE_INTEGER });
  if (!from.ok) return refusalReply(from);
  // A feed is walked from its end.
  if (count - from.value > LIMITS.listingRows) {
    return refusalReply(
      refuse(
        "request",
        `the feed has ${count} transactions, of which the last ${LIMITS.listingRows} are listed`,
      ),
    );
  }
  const items = from.value < count ? await view.feedSince(feed, from.value) : [];
  return jsonReply({
    height: view.tip().parent.height,
    count,
    from: from.value,
    transactions: items.slice(0, limit.value).map(({ height, index, id }) => ({
      height,
      index,
      id: toHex(id),
    })),
  });
}

function keyFrom(text: string | null, name: string): Verdict<PublicKey> {
  const key = publicKeyFromText(text ?? "");
  return key === undefined ? refuse("request", `${name} is not a public key, vc1…`) : accept(key);
}

function heightFrom(text: string): Verdict<Height> {
  const height = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(height)
    ? accept(asHeight(height))
    : refuse("request", "a height is a whole number");
}

function countFrom(
  text: string | null,
  { otherwise, max }: { otherwise: number; max: number },
): Verdict<number> {
  if (text === null) return accept(otherwise);
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(value)
    ? accept(Math.min(value, max))
    : refuse("request", "a count is a whole number");
}
