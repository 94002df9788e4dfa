/** Evidence in an archive: what it proves, what it does not, and what an audit says of both. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { archiveSource } from "../../../cmd/audit/archive_source.ts";
import type { Finding } from "../../../cmd/audit/finding.ts";
import { openEvidenceCheck } from "../../../cmd/audit/evidence.ts";
import { auditChain, type AuditResult } from "../../../cmd/audit/run.ts";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { ZERO_HASH } from "../../../core/brands.ts";
import type { RawBlock } from "../../../core/block.ts";
import type { Bytes } from "../../../core/bytes.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import type { PrivateKey } from "../../../core/platform/private_key.ts";
import { encodeEvidence } from "../../../consensus/evidence.ts";
import { archiveOf } from "../../support/archive.ts";
import { amnesia, doublePrepare, type Liar } from "../../support/contradictions.ts";
import { runProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { TestChain } from "../../support/test_chain.ts";
import { auditedFederation } from "./story.ts";

const chain = new TestChain(await auditedFederation(4));
while (chain.blocks.length < 5) chain.append([]);
const { federation, keys, blocks } = chain;
const liar = (sender: number): Liar => ({ federation, key: keys[sender] as PrivateKey, sender });
const nameOf = (sender: number) => federation.document.members[sender]?.name;

const TWICE = encodeEvidence(doublePrepare(liar(2), 3));
const FORGOT = encodeEvidence(amnesia(liar(1), 4));

async function audit(
  evidence: readonly Bytes[],
  options: { blocks?: readonly RawBlock[] } = {},
): Promise<AuditResult> {
  await using directory = await temporaryDirectory();
  const path = directory.file("chain.archive");
  const bytes = archiveOf(federation, options.blocks ?? blocks, evidence);
  await Deno.writeFile(path, bytes);
  return await auditChain({
    source: archiveSource(path, { federation, sizeBytes: bytes.length }),
    federation,
    receipts: [],
    onBlock: () => Promise.resolve(),
  });
}

const brief = ({ severity, height, rule }: Finding) => `${severity} ${height} ${rule}`;

Deno.test("auditChain() tells proven evidence with member, height and votes, and passes the chain", async () => {
  const result = await audit([TWICE, FORGOT]);
  deepEqual([result.ok, result.height, result.evidence], [true, 5, 2]);
  deepEqual(result.findings.map(brief), ["notice 3 evidence", "notice 4 evidence"]);
  const [twice, forgot] = result.findings;
  const key = publicKeyToText((keys[2] as PrivateKey).publicKey);
  deepEqual(twice?.member, { index: 2, name: nameOf(2), key });
  deepEqual([twice?.contradiction, forgot?.contradiction], ["double-vote", "amnesia"]);
  match(
    twice?.detail ?? "",
    /^member member-2 voted twice: PREPARE in round 0 for 0101.*; PREPARE in round 0 for 0202/,
  );
  match(forgot?.detail ?? "", /COMMIT in round 0 for 0101.*; ROUND-CHANGE to round 2 without a lock$/);
});

Deno.test("auditChain() tells evidence of a chain that was cut, or does not hold", async () => {
  const cut = await audit([FORGOT], { blocks: blocks.slice(0, 2) });
  deepEqual([cut.ok, cut.height, cut.findings.map(brief)], [true, 2, ["notice 4 evidence"]]);
  const broken = await audit([FORGOT], { blocks: blocks.toSpliced(1, 1) });
  deepEqual(broken.findings.map(brief), ["failure 2 block-link", "notice 4 evidence"]);
});

Deno.test("auditChain() fails an archive that accuses without proof, and believes nothing of it", async () => {
  const { first, second, federationHash } = doublePrepare(liar(2), 3);
  const framed = { first: { ...first, sender: 0 }, second: { ...second, sender: 0 }, federationHash };
  const cases: readonly (readonly [string, Bytes, Finding["rule"]])[] = [
    ["another member's signatures", encodeEvidence(framed), "evidence-proof"],
    ["one vote twice", encodeEvidence({ federationHash, first, second: first }), "evidence-proof"],
    ["another federation", encodeEvidence({ first, second, federationHash: ZERO_HASH }), "evidence-proof"],
    ["no evidence at all", new Uint8Array([1]), "evidence-format"],
  ];
  for (const [what, bytes, rule] of cases) {
    const result = await audit([bytes, TWICE]);
    deepEqual([result.ok, result.height, result.evidence], [false, 5, 1], what);
    deepEqual(result.findings.map(brief), [`failure 0 ${rule}`, "notice 3 evidence"], what);
    match(result.findings[0]?.detail ?? "", /^evidence 0,.* proves nothing: /);
    equal(result.findings[0]?.member, undefined);
  }
});

Deno.test("auditChain() finds any byte of evidence that was changed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(TWICE.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const result = await audit([TWICE.with(at, TWICE[at] as number ^ mask)]);
      deepEqual([result.ok, result.evidence], [false, 0]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("evidence under a later document waits for the document, and is not judged where the chain fails before", async () => {
  const later = await auditedFederation(5);
  const piece = encodeEvidence(
    doublePrepare({ federation: later.federation, key: later.keys[4] as PrivateKey, sender: 4 }, 9),
  );
  const judge = (met: boolean, complete: boolean) => {
    const check = openEvidenceCheck(federation);
    if (met) check.onFederation(later.federation);
    return check.finish([piece], { complete }).map(brief);
  };
  deepEqual(judge(true, true), ["notice 9 evidence"]);
  deepEqual(judge(true, false), ["notice 9 evidence"]);
  deepEqual(judge(false, true), ["failure 0 evidence-proof"]);
  deepEqual(judge(false, false), ["notice 0 evidence-proof"]);
});

Deno.test("audit prints evidence as text and as JSON; its exit code is the archive's", async () => {
  await using directory = await temporaryDirectory();
  const { file } = directory;
  await Deno.writeTextFile(file("federation.json"), federationToJson(federation));
  const args = ["audit", "--chain", file("chain.archive"), "--federation", file("federation.json")];

  await Deno.writeFile(file("chain.archive"), archiveOf(federation, blocks, [TWICE]));
  const text = await runProgram(args);
  equal(text.code, 0, text.stderr);
  match(text.stdout, /^evidence +1 proofs against members$/m);
  match(text.stdout, /^notice +block 3 +evidence +member member-2 voted twice: /m);
  match(text.stdout, /^audit: ok: /m);
  const json = await runProgram([...args, "--json"]);
  const { ok: holds, evidence, findings } = JSON.parse(json.stdout);
  deepEqual([json.code, holds, evidence], [0, true, 1]);
  deepEqual([findings[0].rule, findings[0].member.name, findings[0].contradiction], [
    "evidence",
    "member-2",
    "double-vote",
  ]);

  await Deno.writeFile(file("chain.archive"), archiveOf(federation, blocks, [TWICE.with(-1, 0), FORGOT]));
  const failed = await runProgram(args);
  equal(failed.code, 1);
  match(
    failed.stdout,
    /^failure +no block +evidence-proof +evidence 0, against member 2 at height 3, proves nothing/m,
  );
  match(failed.stdout, /^audit: failed: the blocks hold up to height 5;/m);
  ok(failed.stdout.includes("notice   block 4"));
});
