import assert from "node:assert/strict";
import { type Bytes, fromHex } from "../../core/bytes.ts";
import { decodeCbor, encodeCbor } from "../../core/cbor.ts";
import { read } from "../house/sources.ts";
import { type CddlCase, checkCddl, whyNoCddl } from "./cddl.ts";
import { readDocument } from "./document.ts";
import { tellStory } from "./story.ts";

const { cddl, examples } = readDocument();
const missing = whyNoCddl();

function hex(digits: string): Bytes {
  const bytes = fromHex(digits);
  assert.ok(bytes !== undefined);
  return bytes;
}

function vectors<T>(name: string): T {
  return JSON.parse(read(`tests/vectors/${name}.json`)) as T;
}

/** The document's examples that are CBOR items. */
function documented(): readonly CddlCase[] {
  return [...examples].flatMap(([name, { bytes, rule }]) => rule === null ? [] : [{ name, rule, bytes }]);
}

/** What the document has no room for: `also:RULE:NAME` in the story. */
async function others(): Promise<readonly CddlCase[]> {
  const { examples: made } = await tellStory();
  return [...made].flatMap(([name, bytes]) => {
    const rule = /^also:([a-z-]+):/.exec(name)?.[1];
    return rule === undefined ? [] : [{ name, rule, bytes }];
  });
}

interface TransactionVectors {
  readonly accepted: readonly { readonly name: string; readonly cose: string }[];
  readonly rejected: readonly { readonly name: string; readonly cose: string; readonly code: string }[];
}
interface EnvelopeVectors {
  readonly envelopes: readonly { readonly name: string; readonly envelope: string }[];
  readonly configurations: readonly {
    readonly name: string;
    readonly envelope: string;
    readonly content: string;
  }[];
}
interface StateVectors {
  readonly cases: readonly {
    readonly name: string;
    readonly proofs: readonly { readonly encoded: string }[];
  }[];
}
interface ValueVectors {
  readonly feed: readonly { readonly encoded: string }[];
  readonly versions: readonly { readonly encoded: string }[];
}

/** Vectors that were made by other implementations. */
function golden(): readonly CddlCase[] {
  const { accepted } = vectors<TransactionVectors>("transactions");
  const changes = vectors<TransactionVectors>("federation_change");
  const { envelopes, configurations } = vectors<EnvelopeVectors>("envelope");
  const { cases } = vectors<StateVectors>("state_tree");
  const { feed, versions } = vectors<ValueVectors>("state_values");
  const { accept } = vectors<{ accept: readonly { readonly hex: string }[] }>("cbor");
  const of = (rule: string, name: string, digits: string) => ({ rule, name, bytes: hex(digits) });
  return [
    ...accepted.map(({ name, cose }) => of("transaction", name, cose)),
    ...[...changes.accepted, ...changes.rejected].map(({ name, cose }) => of("transaction", name, cose)),
    ...[...envelopes, ...configurations].map(({ name, envelope }) => of("envelope", name, envelope)),
    ...configurations.map(({ name, content }) => of("content", name, content)),
    ...cases.flatMap(({ name, proofs }) => proofs.map(({ encoded }) => of("state-proof", name, encoded))),
    ...feed.map(({ encoded }, i) => of("feed-state", `feed ${i}`, encoded)),
    ...versions.map(({ encoded }, i) => of("configuration-state", `version ${i}`, encoded)),
    ...accept.map((each) => of("value", each.hex.slice(0, 32), each.hex)),
  ];
}

function problems(cases: readonly CddlCase[]): readonly string[] {
  const found = checkCddl(cddl, cases);
  assert.equal(found.length, cases.length);
  return cases.flatMap(({ name, rule }, i) => {
    const problem = found[i];
    return typeof problem === "string" ? [`${name}, ${rule}: ${problem}`] : [];
  });
}

/** Names the cases that match although they should not. */
function matching(cases: readonly CddlCase[]): readonly string[] {
  const found = checkCddl(cddl, cases);
  return cases.filter((_, i) => found[i] === null).map(({ name, rule }) => `${name}, ${rule}`);
}

function cddlTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({
    name: missing === undefined ? name : `${name} (skipped: ${missing})`,
    ignore: missing !== undefined,
    fn,
  });
}

cddlTest("the CDDL of FORMATS.md describes its examples", async () => {
  assert.deepEqual(problems([...documented(), ...await others()]), []);
});

cddlTest("the CDDL of FORMATS.md describes the golden vectors", () => {
  assert.deepEqual(problems(golden()), []);
});

cddlTest("the CDDL of FORMATS.md refuses its examples with an element more, or one less", async () => {
  const cases = [...documented(), ...await others()].flatMap(({ name, rule, bytes }) => {
    const verdict = decodeCbor(bytes);
    assert.ok(verdict.ok);
    const { value } = verdict;
    // A list of anything stays one when it grows or shrinks.
    if (!Array.isArray(value) || /^frame-(ids|transactions)$/.test(rule)) return [];
    return [
      { name: `${name} and one more`, rule, bytes: encodeCbor([...value, 0]) },
      { name: `${name} without the last`, rule, bytes: encodeCbor(value.slice(0, -1)) },
    ];
  });
  assert.ok(cases.length > 60);
  assert.deepEqual(matching(cases), []);
});

cddlTest("the CDDL of FORMATS.md refuses every version but 1", async () => {
  const cases = [...documented(), ...await others()].flatMap(({ name, rule, bytes }) => {
    const verdict = decodeCbor(bytes);
    assert.ok(verdict.ok);
    const { value } = verdict;
    if (!Array.isArray(value) || value[0] !== 1) return [];
    return [{ name, rule, bytes: encodeCbor([2, ...value.slice(1)]) }];
  });
  assert.ok(cases.length > 20);
  assert.deepEqual(matching(cases), []);
});

cddlTest("the CDDL of FORMATS.md refuses transactions that have not their format", () => {
  const { rejected } = vectors<TransactionVectors>("transactions");
  const cases = rejected.filter(({ code }) => code === "transaction-format")
    .map(({ name, cose }) => ({ name, rule: "transaction", bytes: hex(cose) }));
  assert.ok(cases.length > 10);
  // CDDL counts a key's bytes, and knows nothing of the curve.
  const unseen = (each: string) => /key|point|small order|canonical/.test(each);
  assert.deepEqual(matching(cases).filter((each) => !unseen(each)), []);
});
