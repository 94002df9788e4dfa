/**
 * Evidence of misbehaviour, kept in the node's directory: one file for each member and height, which anybody who knows
 * the federation can judge (consensus/evidence.ts). Never overwritten; a member that contradicts itself at every height
 * does not fill the disk, and leaves room for what is kept against the others.
 *
 * @module
 */
import { join } from "node:path";
import type { Bytes } from "../../core/bytes.ts";
import { toHex } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { encodeEvidence, type Evidence } from "../../consensus/evidence.ts";
import { syncDirectory, writeDurably } from "../common/durable_file.ts";
import type { Log } from "../common/log.ts";

/** Keeps evidence until it is disposed of, which waits for what is being written. */
export interface EvidenceKeeper extends AsyncDisposable {
  /** Resolves once it is durable, or could not be kept; never throws. `member` is the name for the log. */
  readonly keep: (evidence: Evidence, member: string) => Promise<void>;
}

/** A file of evidence. */
export interface EvidenceFile {
  readonly path: string;
  readonly bytes: Bytes;
}

const FOLDER = "evidence";
/** The federation's hash is in the name because an index is another member's under another document. */
const NAME = /^height-(\d+)-member-(\d+)-of-([0-9a-f]{16})\.cbor$/;

/** Keeps evidence under `DIRECTORY/evidence`, which is made at need. */
export function openEvidenceKeeper(directory: string, log: Log): EvidenceKeeper {
  const folder = join(directory, FOLDER);
  let last: Promise<void> = Promise.resolve();

  async function write(evidence: Evidence, member: string): Promise<void> {
    const { height, sender } = evidence.first;
    log.warning("a member contradicts itself", { member, height });
    if (!await makeFolder(folder)) await syncDirectory(directory);
    const federation = toHex(evidence.federationHash).slice(0, 16);
    if (await countAgainst(folder, { sender, federation }) >= LIMITS.evidencePerMember) return;
    const path = join(folder, `height-${height}-member-${sender}-of-${federation}.cbor`);
    try {
      await writeDurably(path, encodeEvidence(evidence), { mode: 0o600, createNew: true });
    } catch (error) {
      // After a restart a member is caught at the same height again: the first proof is as good as any.
      if ((error as { code?: string }).code === "EEXIST") return;
      throw error;
    }
    log.warning("the evidence is kept", { member, height, path });
  }

  /** One at a time, so that no two count the same files. */
  function keep(evidence: Evidence, member: string): Promise<void> {
    last = last.then(() => write(evidence, member)).catch((cause: unknown) => {
      // The votes themselves are not lost: the protocol goes on without a record of the fault.
      const { height } = evidence.first;
      log.error("evidence against a member could not be kept", { member, height, error: String(cause) });
    });
    return last;
  }

  return { keep, [Symbol.asyncDispose]: () => last };
}

/** Whether the folder was there; makes it when not. */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await Deno.mkdir(folder, { mode: 0o700 });
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && (await Deno.stat(folder)).isDirectory) return true;
    throw error;
  }
}

async function countAgainst(
  folder: string,
  { sender, federation }: { sender: number; federation: string },
): Promise<number> {
  const against = (await names(folder)).filter((name) => {
    const [, , member, of] = NAME.exec(name) ?? [];
    return Number(member) === sender && of === federation;
  });
  return against.length;
}

/** Without what a crash may have left of a file that was being written. */
async function names(folder: string): Promise<readonly string[]> {
  const found = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return found.filter((name) => NAME.test(name));
}

/**
 * What a node has kept, by height and then by member; nothing when it has no folder for it.
 *
 * @throws VnfchainError `evidence-missing`, exit code 2, when the folder or a file cannot be read.
 */
export async function readEvidenceFiles(directory: string): Promise<readonly EvidenceFile[]> {
  const folder = join(directory, FOLDER);
  try {
    const found = (await names(folder)).toSorted(byNumbers).slice(0, LIMITS.archiveEvidence);
    return await Promise.all(found.map(async (name) => {
      const path = join(folder, name);
      return { path, bytes: await readBounded(path) };
    }));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound && await isThere(directory)) return [];
    throw new VnfchainError(`read evidence: ${folder} cannot be read`, {
      code: "evidence-missing",
      hint: "check the directory and its permissions",
      exitCode: EXIT.usage,
      cause,
    });
  }
}

async function isThere(directory: string): Promise<boolean> {
  return await Deno.stat(directory).then(({ isDirectory }) => isDirectory, () => false);
}

function byNumbers(a: string, b: string): number {
  const [[, heightA, memberA], [, heightB, memberB]] = [NAME.exec(a) ?? [], NAME.exec(b) ?? []];
  return Number(heightA) - Number(heightB) || Number(memberA) - Number(memberB) || (a < b ? -1 : 1);
}

/** One byte beyond the limit is enough to see that it is no evidence. */
async function readBounded(path: string): Promise<Bytes> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(LIMITS.evidenceBytes + 1);
  let length = 0;
  for (let count: number | null = 0; count !== null && length < buffer.length; length += count ?? 0) {
    count = await file.read(buffer.subarray(length));
  }
  return buffer.slice(0, length);
}
