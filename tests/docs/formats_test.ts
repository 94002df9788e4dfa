import assert from "node:assert/strict";
import {
  decodeArchiveHeader,
  decodeRawBlock,
  encodeArchiveHeader,
  readItemHead,
} from "../../core/archive.ts";
import { headerShape, rawBlockShape } from "../../core/block.ts";
import { asHash, type Hash } from "../../core/brands.ts";
import { type Bytes, toHex, utf8 } from "../../core/bytes.ts";
import { decodeCbor, encodeCbor } from "../../core/cbor.ts";
import { certificateShape } from "../../core/certificate.ts";
import { openReplay } from "../../core/chain_replay.ts";
import { decodeContent, encodeContent } from "../../core/content.ts";
import { envelopeShape } from "../../core/envelope.ts";
import type { Verdict } from "../../core/errors.ts";
import { decodeFederation, federationOf, federationShape } from "../../core/federation.ts";
import { checkChange } from "../../core/federation_change.ts";
import {
  decodeHistoryPage,
  encodeHistoryPage,
  endOfFeed,
  verifyHistoryPage,
} from "../../core/history_page.ts";
import { publicKeyFromText } from "../../core/keys.ts";
import { verifyPoll } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import { bucketOf } from "../../core/padding.ts";
import { agreementKeyFromSeed } from "../../core/platform/agreement.ts";
import { decompress } from "../../core/platform/compression.ts";
import { openConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { decodePollAnswer, decodePollRequest, encodePollAnswer, encodePollRequest } from "../../core/poll.ts";
import { verifyReceipt } from "../../core/receipt.ts";
import { REFUSALS } from "../../core/refusals.ts";
import { decodeShape, encodeShape, type Shape } from "../../core/shape.ts";
import { stateProofShape, verifyState } from "../../core/state/state_proof.ts";
import { configurationStateShape, feedStateShape } from "../../core/state/values.ts";
import { coseSign1Shape, payloadShape, TYPE } from "../../core/transaction.ts";
import {
  decodeBatch,
  decodeBatchRequest,
  encodeBatch,
  encodeBatchRequest,
} from "../../core/transaction_batch.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import { WINDOW_SALT_BYTES } from "../../core/uniqueness_window.ts";
import { federationFromJson } from "../../cmd/common/federation_file.ts";
import { compactProposalShape, compactVoteShape } from "../../consensus/driver/compact_form.ts";
import { decodeFrame } from "../../consensus/driver/frames.ts";
import { decodeHello, encodeHello } from "../../consensus/driver/hello.ts";
import { decodeEvidence, encodeEvidence, judgeEvidence } from "../../consensus/evidence.ts";
import { recordShape } from "../../consensus/journal.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import { makeCircle } from "../../consensus/tcp/circle.ts";
import { openRoster } from "../../core/roster.ts";
import {
  checkGreeting,
  checkProof,
  decodeGreeting,
  decodeProof,
  encodeGreeting,
  encodeProof,
} from "../../consensus/tcp/handshake_message.ts";
import { beginSession, KIND } from "../../consensus/tcp/session.ts";
import { readMessage } from "../../consensus/verify.ts";
import { voteMessage } from "../../consensus/vote.ts";
import { messageShape } from "../../consensus/wire.ts";
import { openVoteJournal } from "../../store/vote_journal.ts";
import { read, roomFiles } from "../house/sources.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { codeIn, readDocument, rowsUnder } from "./document.ts";
import { COMPRESSED_TEXT, keyOf, MEMBERS, repeated, tellStory } from "./story.ts";

const { text, examples } = readDocument();
const { examples: made, story } = await tellStory();
const { federation } = story;

/** An example's bytes as the document states them. */
function bytesOf(name: string): Bytes {
  const example = examples.get(name);
  assert.ok(example !== undefined, `the document has no example ${name}`);
  return example.bytes;
}

function accepted<T>(verdict: Verdict<T>): T {
  assert.ok(verdict.ok, verdict.ok ? "" : `${verdict.code}: ${verdict.detail}`);
  return verdict.value;
}

function through<T>(shape: Shape<T>): (bytes: Bytes) => Bytes {
  return (bytes) =>
    encodeShape(shape, accepted(decodeShape(shape, bytes, { what: "example", code: "request" })));
}

const anyCbor = (bytes: Bytes) => encodeCbor(accepted(decodeCbor(bytes)));

/** By rule, the real code that reads such bytes and writes them again. */
const REWRITE: Readonly<Record<string, (bytes: Bytes) => Bytes>> = {
  "federation": through(federationShape),
  "transaction": through(coseSign1Shape),
  "payload": through(payloadShape),
  "content": (bytes) => encodeContent(accepted(decodeContent(bytes))),
  "envelope": through(envelopeShape),
  "header": through(headerShape),
  "certificate": through(certificateShape),
  "decided-block": through(rawBlockShape),
  "feed-state": through(feedStateShape),
  "configuration-state": through(configurationStateShape),
  "state-proof": through(stateProofShape),
  "poll-request": (bytes) => encodePollRequest(accepted(decodePollRequest(bytes))),
  "poll-answer": (bytes) => encodePollAnswer(accepted(decodePollAnswer(bytes))),
  "history-page": (bytes) => encodeHistoryPage(accepted(decodeHistoryPage(bytes))),
  "batch-request": (bytes) => encodeBatchRequest(accepted(decodeBatchRequest(bytes))),
  "batch": (bytes) => encodeBatch(accepted(decodeBatch(bytes))),
  "archive-header": (bytes) => {
    const { federation, evidence } = accepted(decodeArchiveHeader(crypto.hash, bytes));
    return encodeArchiveHeader(federation, evidence);
  },
  "evidence": (bytes) => encodeEvidence(accepted(decodeEvidence(bytes))),
  "message": through(messageShape),
  "compact-vote": through(compactVoteShape),
  "compact-proposal": through(compactProposalShape),
  "journal-record": through(recordShape),
  "greeting": (bytes) => encodeGreeting(accepted(decodeGreeting(bytes))),
  "handshake-proof": (bytes) => encodeProof(accepted(decodeProof(bytes))),
  "hello": (bytes) => encodeHello(accepted(decodeHello(bytes))),
  // What is only signed is never read; a receipt's shape is tried where the receipt is verified.
  "sig-structure": anyCbor,
  "signed-block-vote": anyCbor,
  "signed-round-change": anyCbor,
  "signed-handshake": anyCbor,
  "signed-approval": anyCbor,
  "signed-joining": anyCbor,
  "receipt": anyCbor,
};

Deno.test("FORMATS.md holds all examples of its story and no others", () => {
  const documented = [...made.keys()].filter((name) => !name.startsWith("also:"));
  assert.deepEqual([...examples.keys()].sort(), documented.sort());
});

for (const [name, { bytes, rule }] of examples) {
  Deno.test(`FORMATS.md states the bytes that the code makes: ${name}`, () => {
    assert.equal(toHex(bytes), toHex(made.get(name) ?? new Uint8Array()));
  });

  if (rule === null) continue;
  Deno.test(`the code reads and writes the example of FORMATS.md unchanged: ${name}`, () => {
    const rewrite = REWRITE[rule];
    assert.ok(rewrite !== undefined, `no code is named here for ${rule}`);
    assert.equal(toHex(rewrite(bytes)), toHex(bytes));
  });
}

Deno.test("FORMATS.md shows a federation whose hash and JSON are those stated", () => {
  const decoded = accepted(decodeFederation(crypto.hash, bytesOf("federation")));
  assert.equal(toHex(decoded.genesisId), toHex(bytesOf("genesis-id")));
  const json = /^```json\n([^]*?)^```$/m.exec(text)?.[1] ?? "";
  assert.equal(toHex(federationFromJson(json, "FORMATS.md").hash), toHex(decoded.hash));
});

for (const name of ["template", "configuration", "request", "change"]) {
  Deno.test(`FORMATS.md shows a transaction that verifies, with the id stated: ${name}`, () => {
    const { genesisId } = federation;
    const { id } = accepted(verifyTransaction(bytesOf(`${name}-transaction`), { genesisId, crypto }));
    assert.equal(toHex(id), toHex(bytesOf(`${name}-transaction-id`)));
  });
}

Deno.test("FORMATS.md shows a change of the federation that holds after block 2", () => {
  const { genesisId } = federation;
  const { payload } = accepted(verifyTransaction(bytesOf("change-transaction"), { genesisId, crypto }));
  assert.ok(payload.type === TYPE.federation);
  const { hash } = federationOf(crypto.hash, payload.body.document);
  assert.equal(toHex(hash), toHex(bytesOf("next-federation-hash")));
  const { time } = story.blocks[1].header;
  const pastBlock = (height: number) =>
    height === 2 ? { hash: asHash(bytesOf("block-hash-2")), time } : undefined;
  const refusal = checkChange(payload.body, { federation, timeMs: time + 2_000, pastBlock, crypto });
  assert.equal(refusal, undefined, refusal?.detail);
});

for (const [reader, seed] of [["VNF", 0x0b], ["tenant", 0x0a]] as const) {
  Deno.test(`FORMATS.md shows an envelope that the ${reader} opens`, async () => {
    const opened = accepted(
      await openConfiguration(bytesOf("envelope"), {
        compression: 0,
        encryption: 1,
        context: bytesOf("envelope-context"),
        keys: [agreementKeyFromSeed(repeated(seed))],
      }),
    );
    assert.deepEqual(opened.bytes, utf8("add table inet filter\n"));
    assert.deepEqual(opened.contentKey, repeated(0xcc));
  });
}

for (const [name, algorithm] of [["gzip", 1], ["zstd", 2]] as const) {
  Deno.test(`FORMATS.md shows compressed bytes that open: ${name}`, async () => {
    const options = { algorithm, length: COMPRESSED_TEXT.length };
    assert.deepEqual(accepted(await decompress(bytesOf(name), options)), utf8(COMPRESSED_TEXT));
  });
}

Deno.test("FORMATS.md shows an archive that replays to the roots stated", () => {
  const replay = openReplay({
    federation,
    crypto,
    leaderOf: leaderKeyAt,
    salt: repeated(0, WINDOW_SALT_BYTES),
  });
  let rest = bytesOf("archive");
  const items: Bytes[] = [];
  while (rest.length > 0) {
    const head = accepted(readItemHead(rest, { maxBytes: LIMITS.frameBytes }));
    assert.ok(head !== "more");
    items.push(rest.slice(head.start, head.start + head.length));
    rest = rest.slice(head.start + head.length);
  }
  const [header, ...blocks] = items;
  assert.equal(toHex(header as Bytes), toHex(bytesOf("archive-header")));
  for (const [i, block] of blocks.entries()) {
    const pushed = replay.push(accepted(decodeRawBlock(block)));
    assert.ok(pushed.ok, pushed.ok ? "" : pushed.detail);
    assert.equal(toHex(pushed.value.hash), toHex(bytesOf(`block-hash-${i + 1}`)));
    assert.equal(toHex(pushed.value.header.stateRoot), toHex(bytesOf(`state-root-${i + 1}`)));
    assert.equal(toHex(pushed.value.header.transactionsRoot), toHex(bytesOf(`transactions-root-${i + 1}`)));
  }
  assert.equal(blocks.length, 2);
});

Deno.test("FORMATS.md shows a state proof that leads to block 2's root", () => {
  const proof = accepted(
    decodeShape(stateProofShape, bytesOf("state-proof"), { what: "proof", code: "proof-format" }),
  );
  const keys: Hash[] = ["feed-id", "template-configuration-id"].map((name) => asHash(bytesOf(name)));
  const root = asHash(bytesOf("state-root-2"));
  const values = accepted(verifyState(crypto.hash, { root, proof, keys }));
  assert.deepEqual(
    [...values.values()].map((value) => toHex(value ?? new Uint8Array())).sort(),
    [
      toHex(bytesOf("template-configuration-state")),
      toHex(bytesOf("feed-state")),
    ].sort(),
  );
});

Deno.test("FORMATS.md shows a poll answer that a light client accepts", () => {
  const { feeds, configurations } = accepted(decodePollRequest(bytesOf("poll-request")));
  const followed = feeds.map(({ sender, recipient }) => ({ sender, recipient, state: null }));
  const poll = accepted(
    verifyPoll(bytesOf("poll-answer"), { feeds: followed, configurations, known: null, federation, crypto }),
  );
  const ids = poll.feeds.flatMap(({ transactions }) =>
    transactions.map(({ transaction: { id } }) => toHex(id))
  );
  assert.deepEqual(ids, [
    toHex(bytesOf("configuration-transaction-id")),
    toHex(bytesOf("request-transaction-id")),
  ]);
});

Deno.test("FORMATS.md shows pages that lead from the feed's certified state to its beginning", () => {
  const state = accepted(
    decodeShape(feedStateShape, bytesOf("feed-state"), { what: "state", code: "proof-format" }),
  );
  const context = { kind: "feed", most: 1, hash: crypto.hash } as const;
  const newest = accepted(
    verifyHistoryPage(bytesOf("newest-page"), { ...context, point: endOfFeed(state) }),
  );
  const oldest = accepted(verifyHistoryPage(bytesOf("oldest-page"), { ...context, point: newest.point }));
  assert.equal(oldest.point.count, 0);
  assert.deepEqual([...oldest.rows, ...newest.rows].map(({ id }) => toHex(id)), [
    toHex(bytesOf("configuration-transaction-id")),
    toHex(bytesOf("request-transaction-id")),
  ]);
});

Deno.test("FORMATS.md shows a receipt that holds", () => {
  const receipt = accepted(verifyReceipt(bytesOf("receipt"), { pinned: federation, crypto }));
  assert.equal(toHex(receipt.transaction.id), toHex(bytesOf("request-transaction-id")));
});

for (const name of ["pre-prepare", "prepare", "commit", "round-change", "decided"]) {
  Deno.test(`FORMATS.md shows a message that verifies: ${name}`, () => {
    accepted(readMessage(bytesOf(name), { federation, crypto }));
  });
}

Deno.test("FORMATS.md shows evidence that holds", () => {
  const evidence = accepted(decodeEvidence(bytesOf("evidence")));
  assert.equal(accepted(judgeEvidence(evidence, { federation, crypto })), "amnesia");
});

Deno.test("FORMATS.md shows a handshake in which b believes a, and a frame that b opens", async () => {
  const { publicKey: self } = keyOf(0x02);
  const greeting = accepted(decodeGreeting(bytesOf("dialer-greeting")));
  const terms = { signedBy: federation, federation };
  const circle = makeCircle({ roster: openRoster(federation), self, terms });
  assert.equal(accepted(checkGreeting(greeting, { circle, self, expected: null })), 0);
  const keys = { dialer: bytesOf("dialer-key"), listener: bytesOf("listener-key") };
  const session = await beginSession(keys, "listener");
  const proof = await session.open(bytesOf("sealed-proof").slice(4));
  assert.equal(proof?.kind, KIND.proof);
  const hello = accepted(checkProof(accepted(decodeProof(proof.payload)), {
    crypto,
    genesisId: federation.genesisId,
    role: "dialer",
    peerKey: greeting.key,
    ownKey: self,
    greetings: { own: bytesOf("listener-greeting"), peer: bytesOf("dialer-greeting") },
  }));
  assert.equal(toHex(hello), toHex(bytesOf("hello")));
  const next = await session.open(bytesOf("sealed-height").slice(4));
  assert.equal(next?.kind, KIND.data);
  assert.deepEqual(accepted(decodeFrame(next.payload)), { kind: "height", height: 2 });
});

Deno.test("FORMATS.md shows a vote journal that opens", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/votes`;
  await Deno.writeFile(path, bytesOf("journal-file"));
  await using journal = await openVoteJournal(path, { hash: crypto.hash });
  assert.deepEqual(journal.records.map(toHex), [toHex(bytesOf("vote-record"))]);
});

for (const [what, example] of rowsUnder(text, "## Bytes")) {
  const digits = codeIn(example);
  if (digits === undefined) continue;
  Deno.test(`decodeCbor() refuses what FORMATS.md says: ${what}`, () => {
    const verdict = decodeCbor(Uint8Array.fromHex(digits));
    assert.equal(verdict.ok ? "accepted" : verdict.code, "cbor");
  });
}

Deno.test("FORMATS.md writes the keys of tenant and VNF as text", () => {
  const texts = text.match(/\bvc1[0-9a-z]{58}\b/g) ?? [];
  const keys = new Set(texts.map((each) => toHex(publicKeyFromText(each) ?? new Uint8Array())));
  const wanted = [...MEMBERS, keyOf(0x0a), keyOf(0x0b)].map(({ publicKey }) => toHex(publicKey));
  assert.deepEqual([...keys].sort(), wanted.sort());
});

Deno.test("FORMATS.md states the sizes that content is padded to", () => {
  const [lengths, buckets] = rowsUnder(text, "### Padding").map((row) =>
    row.slice(1).map((cell) => Number(cell.replaceAll(",", "")))
  );
  assert.ok(lengths !== undefined && lengths.length > 5);
  assert.deepEqual(buckets, lengths.map(bucketOf));
});

Deno.test("FORMATS.md lists the domain tags that the sources use", () => {
  const listed = rowsUnder(text, "## Hashes and domain tags").slice(1).map(([tag]) => codeIn(tag));
  const used = new Set<string>();
  for (const path of roomFiles()) {
    const source = read(path);
    for (const [tag] of source.matchAll(/vnfchain\/[a-z-]+\/\d+/g)) used.add(tag);
    // Tags that are put together cannot be found so: the one place is known, and asked below.
    const composed = /["`]vnfchain\/(?:[a-z-]*\$\{|["`])/.test(source) && path !== "core/hashing.ts";
    assert.equal(composed, path === "consensus/vote.ts", `${path} puts a tag together`);
  }
  for (const message of ["pre-prepare", "prepare", "commit"] as const) {
    const { header: { height, parent: blockHash, createdRound: round } } = story.blocks[1];
    used.add(tagOf(voteMessage(federation, { kind: message, height, round, blockHash })));
  }
  used.add(tagOf(bytesOf("round-change-message")));
  assert.deepEqual(listed, [...new Set(listed)]);
  assert.deepEqual([...listed].sort(), [...used].sort());
});

function tagOf(signed: Bytes): string {
  const value = accepted(decodeCbor(signed));
  assert.ok(Array.isArray(value));
  return value[0] as string;
}

Deno.test("FORMATS.md lists the refusal codes with their meanings", () => {
  const rows = rowsUnder(text, "## Refusal codes").filter(([code]) => code !== "code");
  assert.deepEqual(Object.fromEntries(rows.map(([code, meaning]) => [codeIn(code), meaning])), REFUSALS);
});

Deno.test("FORMATS.md names no code that does not exist", () => {
  const cells = text.split("\n").filter((line) => line.startsWith("|")).flatMap((line) => {
    const code = codeIn(line.split("|").at(-2)?.trim());
    return code !== undefined && /^[a-z]+(-[a-z]+)+$/.test(code) ? [code] : [];
  });
  const rules = new Set(readDocument().cddl.match(/^[a-z-]+(?= =)/gm));
  assert.deepEqual(cells.filter((code) => !(code in REFUSALS) && !rules.has(code)), []);
});

Deno.test("FORMATS.md states the limits of the code", () => {
  const rows = rowsUnder(text, "## Limits").slice(1);
  assert.ok(rows.length > 20);
  for (const [name, value] of rows) {
    assert.equal(Number(value), (LIMITS as Record<string, number>)[codeIn(name) ?? ""], `limit ${name}`);
  }
});
