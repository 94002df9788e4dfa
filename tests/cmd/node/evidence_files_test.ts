import assert from "node:assert/strict";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto as crypto } from "../../../core/platform/crypto.ts";
import { decodeEvidence, judgeEvidence } from "../../../consensus/evidence.ts";
import { openEvidenceKeeper, readEvidenceFiles } from "../../../cmd/node/evidence_files.ts";
import { amnesia, doublePrepare } from "../../support/contradictions.ts";
import { memberKey, testFederation } from "../../support/federation.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const federation = testFederation(4);
const liar = (sender: number, of = federation) => ({ federation: of, key: memberKey(sender), sender });

function logger() {
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  return { lines, log: { debug: say, info: say, warning: say, error: say } };
}

/** What is kept, as `height/member`. */
async function keptIn(directory: string): Promise<readonly string[]> {
  return (await readEvidenceFiles(directory)).map(({ bytes }) => {
    const decoded = decodeEvidence(bytes);
    assert(decoded.ok);
    return `${decoded.value.first.height}/${decoded.value.first.sender}`;
  });
}

Deno.test("evidence is kept in a file that anybody who knows the federation can judge", async () => {
  await using directory = await temporaryDirectory();
  const { log, lines } = logger();
  await using keeper = openEvidenceKeeper(directory.path, log);
  await keeper.keep(doublePrepare(liar(2), 7), "member-2");
  const [file, ...others] = await readEvidenceFiles(directory.path);
  assert(file !== undefined);
  assert.deepEqual(others, []);
  assert.match(file.path, /\/evidence\/height-7-member-2-of-[0-9a-f]{16}\.cbor$/);
  assert.equal((await Deno.stat(file.path)).mode! & 0o777, 0o600);
  const decoded = decodeEvidence(file.bytes);
  assert(decoded.ok);
  assert.deepEqual(judgeEvidence(decoded.value, { federation, crypto }), { ok: true, value: "double-vote" });
  assert.deepEqual(lines, ["a member contradicts itself", "the evidence is kept"]);
});

Deno.test("evidence is listed by height and member, as numbers", async () => {
  await using directory = await temporaryDirectory();
  await using keeper = openEvidenceKeeper(directory.path, logger().log);
  for (const [height, sender] of [[10, 0], [9, 3], [10, 3], [2, 1], [9, 1]] as const) {
    await keeper.keep(doublePrepare(liar(sender), height), `${sender}`);
  }
  assert.deepEqual(await keptIn(directory.path), ["2/1", "9/1", "9/3", "10/0", "10/3"]);
});

Deno.test("the first proof against a member at a height stays, over restarts", async () => {
  await using directory = await temporaryDirectory();
  for (const evidence of [doublePrepare(liar(2), 7), amnesia(liar(2), 7)]) {
    await using keeper = openEvidenceKeeper(directory.path, logger().log);
    await keeper.keep(evidence, "member-2");
  }
  const [file] = await readEvidenceFiles(directory.path);
  const decoded = decodeEvidence(file?.bytes ?? new Uint8Array());
  assert.equal(decoded.ok && decoded.value.first.kind, "prepare");
});

Deno.test("a member that contradicts itself at every height fills its own share alone", async () => {
  await using directory = await temporaryDirectory();
  await using keeper = openEvidenceKeeper(directory.path, logger().log);
  const other = testFederation(4, { heartbeatMs: 77 });
  const flood = Array.from({ length: 3 * LIMITS.evidencePerMember }, (_, i) => doublePrepare(liar(2), i + 1));
  // All at once: none waits for another before it counts.
  await Promise.all(flood.map((evidence) => keeper.keep(evidence, "member-2")));
  assert.equal((await keptIn(directory.path)).length, LIMITS.evidencePerMember);
  await keeper.keep(doublePrepare(liar(1), 500), "member-1");
  await keeper.keep(doublePrepare(liar(2, other), 501), "member-2");
  assert.deepEqual((await keptIn(directory.path)).slice(-2), ["500/1", "501/2"]);
});

Deno.test("what a crash has left in the folder is no evidence and takes no room", async () => {
  await using directory = await temporaryDirectory();
  await Deno.mkdir(directory.file("evidence"));
  for (let i = 0; i < 2 * LIMITS.evidencePerMember; i++) {
    await Deno.writeTextFile(
      directory.file(`evidence/.height-${i}-member-2-of-0000000000000000.cbor.0.tmp`),
      "",
    );
  }
  await using keeper = openEvidenceKeeper(directory.path, logger().log);
  await keeper.keep(doublePrepare(liar(2), 7), "member-2");
  assert.deepEqual(await keptIn(directory.path), ["7/2"]);
});

Deno.test("evidence that cannot be kept is said so, and throws nothing", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("evidence"), "in the way");
  const { log, lines } = logger();
  await using keeper = openEvidenceKeeper(directory.path, log);
  await keeper.keep(doublePrepare(liar(2), 7), "member-2");
  assert.deepEqual(lines, ["a member contradicts itself", "evidence against a member could not be kept"]);
});

Deno.test("a node that has kept nothing has no evidence; one that is not there is an error", async () => {
  await using directory = await temporaryDirectory();
  assert.deepEqual(await readEvidenceFiles(directory.path), []);
  await assert.rejects(readEvidenceFiles(directory.file("nothing")), { code: "evidence-missing" });
  await Deno.writeTextFile(directory.file("evidence"), "in the way");
  await assert.rejects(readEvidenceFiles(directory.path), { code: "evidence-missing" });
});
