import assert from "node:assert/strict";
import { asHash, asHeight, asRound } from "../../../core/brands.ts";
import { platformCrypto as crypto } from "../../../core/platform/crypto.ts";
import { decodeShape } from "../../../core/shape.ts";
import { type Evidence, evidenceShape, provesMisbehaviour } from "../../../consensus/evidence.ts";
import { voteMessage } from "../../../consensus/vote.ts";
import { makeEvidenceKeeper } from "../../../cmd/node/evidence_files.ts";
import { memberKey, testFederation } from "../../support/federation.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const federation = testFederation(4);

/** Two PREPAREs of one member for one height and round. */
function evidence(height: number): Evidence {
  const [first, second] = [1, 2].map((byte) => {
    const blockHash = asHash(new Uint8Array(32).fill(byte));
    const subject = { kind: "prepare", height: asHeight(height), round: asRound(0), blockHash } as const;
    return { ...subject, sender: 2, signature: memberKey(2).sign(voteMessage(federation, subject)) };
  });
  assert(first !== undefined && second !== undefined);
  return { federationHash: federation.hash, first, second };
}

function logger() {
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  return { lines, log: { debug: say, info: say, warning: say, error: say } };
}

Deno.test("evidence is kept in a file that anybody who knows the federation can judge", async () => {
  await using directory = await temporaryDirectory();
  const { log } = logger();
  await makeEvidenceKeeper(directory.path, log)(evidence(7));
  const bytes = await Deno.readFile(directory.file("evidence/height-7-member-2.cbor"));
  const decoded = decodeShape(evidenceShape, bytes, { what: "evidence", code: "message-format" });
  assert(decoded.ok);
  assert(provesMisbehaviour(decoded.value, { federation, crypto }));
});

Deno.test("evidence that cannot be kept is said so, and throws nothing", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("evidence"), "in the way");
  const { log, lines } = logger();
  await makeEvidenceKeeper(directory.path, log)(evidence(7));
  assert.deepEqual(lines, ["evidence against a member could not be kept"]);
});
