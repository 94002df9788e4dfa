/**
 * Evidence of misbehaviour, kept in the node's directory: one file for each member and height, which anybody who knows
 * the federation can judge (consensus/evidence.ts).
 *
 * @module
 */
import { join } from "node:path";
import { encodeShape } from "../../core/shape.ts";
import { type Evidence, evidenceShape } from "../../consensus/evidence.ts";
import { writeDurably } from "../common/durable_file.ts";
import type { Log } from "../common/log.ts";

/** Keeps evidence; never throws. */
export type EvidenceKeeper = (evidence: Evidence) => Promise<void>;

/** Files that are kept; a member that contradicts itself at every height must not fill the disk. */
const FILES_MAX = 1000;

/** Keeps evidence under `DIRECTORY/evidence`, which is made at need. */
export function makeEvidenceKeeper(directory: string, log: Log): EvidenceKeeper {
  const folder = join(directory, "evidence");
  let kept: number | undefined;

  async function keep(evidence: Evidence): Promise<void> {
    const { sender, height } = evidence.first;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    kept ??= (await Array.fromAsync(Deno.readDir(folder))).length;
    if (kept++ >= FILES_MAX) return;
    const path = join(folder, `height-${height}-member-${sender}.cbor`);
    await writeDurably(path, encodeShape(evidenceShape, evidence), { mode: 0o600 });
    log.error("a member contradicts itself; the evidence is kept", { member: sender, height, path });
  }

  return (evidence) =>
    keep(evidence).catch((cause: unknown) => {
      // The votes themselves are not lost: the protocol goes on without a record of the fault.
      log.error("evidence against a member could not be kept", {
        member: evidence.first.sender,
        height: evidence.first.height,
        error: String(cause),
      });
    });
}
