/** Audits of chains whose federation changes, and of those that forge a change. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { archiveSource } from "../../../cmd/audit/archive_source.ts";
import { auditChain, type AuditResult } from "../../../cmd/audit/run.ts";
import type { RawBlock } from "../../../core/block.ts";
import type { FederationDocument, Member } from "../../../core/federation.ts";
import { archiveOf } from "../../support/archive.ts";
import {
  type ChangeOptions,
  changeTransaction,
  makeChange,
  memberOf,
  naming,
} from "../../support/federation_changes.ts";
import { certifiedFederation, memberKey } from "../../support/federation.ts";
import { testKey } from "../../support/keys.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { TestChain } from "../../support/test_chain.ts";
import { plainConfiguration } from "../../support/test_transactions.ts";

const START_MS = Date.UTC(2026, 0, 1);
const keys = Array.from({ length: 6 }, (_, index) => memberKey(index));
const four = await certifiedFederation({ keys: keys.slice(0, 4), timeMs: START_MS });
const { federation, issue } = four;
const { members } = federation.document;
const tenant = testKey("tenant");

async function certified(index: number, validity: { notAfterMs?: number } = {}): Promise<Member> {
  const member = memberOf(memberKey(index), { name: `member-${index}`, index });
  return { ...member, certificate: await issue(member, validity) };
}

const fifth = await certified(4);
const sixth = await certified(5);

async function audit(blocks: readonly RawBlock[]): Promise<AuditResult> {
  await using directory = await temporaryDirectory();
  const path = directory.file("chain.archive");
  const bytes = archiveOf(federation, blocks);
  await Deno.writeFile(path, bytes);
  const source = archiveSource(path, { federation, sizeBytes: bytes.length });
  return await auditChain({ source, federation, receipts: [], onBlock: () => Promise.resolve() });
}

function newChain(): TestChain {
  const chain = new TestChain({ federation, keys });
  chain.append();
  return chain;
}

/** Appends a block with a change, however it came about. */
function change(
  chain: TestChain,
  next: Partial<FederationDocument>,
  options: Partial<ChangeOptions> = {},
): void {
  const { header, federation: inForce, parent } = chain.tip();
  const names = header && naming(header);
  const made = makeChange({ federation: inForce, keys, next, ...(names && { names }), ...options });
  chain.append([changeTransaction(made, { federation, from: tenant, timestamp: parent.time })]);
}

function findings({ findings }: AuditResult): readonly string[] {
  return findings.map(({ severity, height, rule }) => `${severity} ${height} ${rule}`);
}

Deno.test("auditChain() passes a chain with two changes, and shows both", async () => {
  const chain = newChain();
  change(chain, { members: [...members, fifth, sixth] });
  chain.append([await plainConfiguration(chain, tenant)]);
  chain.append([await plainConfiguration(chain, tenant)], { createdRound: 1 });
  change(chain, { members: [sixth, ...members.slice(1)] });
  for (let i = 0; i < 3; i++) chain.append();
  const result = await audit(chain.blocks);
  equal(result.ok, true);
  deepEqual(findings(result), ["notice 2 federation", "notice 5 federation"]);
  const details = result.findings.map(({ detail }) => detail);
  match(details[0] ?? "", /document 1 is in force from height 4: 6 members, 4 decide, 1 may fail/);
  match(details[1] ?? "", /document 2 is in force from height 7: 4 members, 3 decide, 1 may fail/);
  equal(result.height, 8);
});

Deno.test("auditChain() refuses a rival document that fewer than a quorum approve, by height and rule", async () => {
  const chain = newChain();
  chain.append();
  // The forgers are few, but go on as if their document were in force.
  change(chain, { members: [fifth, sixth] }, { approvers: [0, 1] });
  const result = await audit(chain.blocks);
  equal(result.ok, false);
  deepEqual(findings(result), ["failure 3 federation-approvals"]);
  match(result.findings[0]?.detail ?? "", /2 approvals of 4 members, wanted 3/);
  equal(result.findings[0]?.transaction?.index, 0);
  equal(result.height, 2);
});

Deno.test("auditChain() fails a newcomer's certificate that was expired when its change was decided", async () => {
  const chain = newChain();
  change(chain, { members: [...members, await certified(4, { notAfterMs: START_MS - 1 })] });
  for (let i = 0; i < 3; i++) chain.append();
  const result = await audit(chain.blocks);
  equal(result.ok, false);
  deepEqual(findings(result), ["notice 2 federation", "failure 2 federation-certificate"]);
  match(result.findings[1]?.detail ?? "", /member-4: .*valid from/);
  equal(result.height, 5);
});

Deno.test("auditChain() passes a certificate that expires after its change", async () => {
  const chain = newChain();
  change(chain, { members: [...members, await certified(4, { notAfterMs: START_MS + 4_000 })] });
  for (let i = 0; i < 8; i++) chain.append();
  ok(chain.tip().parent.time > START_MS + 6_000);
  equal((await audit(chain.blocks)).ok, true);
});

Deno.test("auditChain() fails each certificate of a document under another authority", async () => {
  const other = await certifiedFederation({ keys: keys.slice(0, 4), timeMs: START_MS });
  const chain = newChain();
  change(chain, { authority: other.federation.document.authority });
  const result = await audit(chain.blocks);
  deepEqual(findings(result), [
    "notice 2 federation",
    ...members.map(() => "failure 2 federation-certificate"),
  ]);
});

Deno.test("auditChain() judges gaps between blocks by the heartbeat in force", async () => {
  const chain = newChain();
  const { parameters } = federation.document;
  change(chain, { parameters: { ...parameters, heartbeatMs: 1_000 } });
  chain.append([], { afterMs: 5_000 });
  chain.append([], { afterMs: 5_000 });
  deepEqual(findings(await audit(chain.blocks)), ["notice 2 federation", "notice 4 outage"]);
});
