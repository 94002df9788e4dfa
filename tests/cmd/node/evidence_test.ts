/** `node evidence`, and the evidence in what `node export` writes. */
import { deepEqual, equal, match } from "node:assert/strict";
import { readFederationFile } from "../../../cmd/common/federation_file.ts";
import { readKeyFile } from "../../../cmd/common/key_file.ts";
import { describeList, listEvidence } from "../../../cmd/node/evidence.ts";
import { openEvidenceKeeper } from "../../../cmd/node/evidence_files.ts";
import { encodeEvidence } from "../../../consensus/evidence.ts";
import { amnesia, doublePrepare, type Liar } from "../../support/contradictions.ts";
import { makeFederation } from "../../support/federation.ts";
import { runJson, runProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const log = { debug: () => {}, info: () => {}, warning: () => {}, error: () => {} };
const { federation: strange, keys: [strangeKey] } = makeFederation();

/** A network that has not run yet, and what its first node has kept in `evidence`. */
async function prepared() {
  const directory = await temporaryDirectory();
  const net = directory.file("net");
  await runJson(["node", "testnet", "--nodes", "4", "--dir", net]);
  const node = `${net}/node-1`;
  const federation = await readFederationFile(`${net}/federation.json`);
  const liar: Liar = { federation, key: await readKeyFile(`${net}/node-4/key.pem`, {}), sender: 3 };
  await using keeper = openEvidenceKeeper(node, log);
  await keeper.keep(doublePrepare(liar, 12), "node-4");
  await keeper.keep(amnesia(liar, 7), "node-4");
  return { directory, node, liar, federationFile: `${net}/federation.json` };
}

/** Writes a file that a node would not have written. */
async function plant(node: string, name: string, bytes: Uint8Array): Promise<void> {
  await Deno.writeFile(`${node}/evidence/${name}-of-0123456789abcdef.cbor`, bytes);
}

Deno.test("node evidence lists what a node has kept, judged again", async () => {
  const { directory, node, liar } = await prepared();
  await using _ = directory;
  const { first, federationHash } = doublePrepare(liar, 20);
  await plant(node, "height-20-member-3", encodeEvidence({ federationHash, first, second: first }));
  await plant(node, "height-21-member-3", new Uint8Array(5000));
  if (strangeKey === undefined) throw new Error("no key");
  const other = doublePrepare({ federation: strange, key: strangeKey, sender: 0 }, 22);
  await plant(node, "height-22-member-0", encodeEvidence(other));
  const list = await listEvidence(node);
  deepEqual(
    list.map((each) =>
      each.verdict === "proven"
        ? [each.height, each.member.name, each.contradiction]
        : [each.verdict, each.verdict === "refused" ? each.code : ""]
    ),
    [
      [7, "node-4", "amnesia"],
      [12, "node-4", "double-vote"],
      ["refused", "evidence-proof"],
      ["refused", "too-large"],
      ["unjudged", ""],
    ],
  );
  const text = describeList(list).split("\n");
  equal(text.length, 5);
  match(text[0] ?? "", /^height 7 +member node-4 did not own up to a lock: COMMIT in round 0 for /);
  match(text[4] ?? "", /^not judged .*federation document [0-9a-f]{64} is not known here$/);
});

Deno.test("node evidence says so when there is none, and exits 2 for a directory that is no node's", async () => {
  const { directory, node } = await prepared();
  await using _ = directory;
  const none = await runProgram(["node", "evidence", "--dir", node.replace("node-1", "node-2")]);
  deepEqual([none.code, none.stdout], [
    0,
    "no member has contradicted itself, as far as this node has seen\n",
  ]);
  const missing = await runProgram(["node", "evidence", "--dir", directory.file("nothing")]);
  equal(missing.code, 2);
  match(missing.stderr, /^vnfchain: error: .*\nhint: /);
});

Deno.test("node export takes what holds into the archive, and leaves out with a word what does not", async () => {
  const { directory, node, federationFile } = await prepared();
  await using _ = directory;
  await plant(node, "height-21-member-3", new Uint8Array([1, 2, 3]));
  const archive = directory.file("chain.archive");
  const { code, stdout, stderr } = await runProgram(["node", "export", "--dir", node, "--out", archive]);
  equal(code, 0, stderr);
  match(stdout, /2 proofs against members/);
  match(stderr, /^left out: .*height-21-member-3-of-0123456789abcdef\.cbor: cbor: /m);
  const { ok, evidence, findings } = await runJson<
    { ok: boolean; evidence: number; findings: readonly { height: number; rule: string }[] }
  >(["audit", "--chain", archive, "--federation", federationFile]);
  deepEqual([ok, evidence], [true, 2]);
  deepEqual(findings.map(({ height, rule }) => [height, rule]), [[7, "evidence"], [12, "evidence"]]);
});
