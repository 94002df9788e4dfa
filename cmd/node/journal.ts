/**
 * The vote journal as the driver uses it: appends, and drops what older heights no longer need.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { openVoteJournal } from "../../store/vote_journal.ts";

/** A journal of this size, and twice what it was cut down to before, is cut down to the height being decided. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/** The journal. */
export interface NodeJournal extends AsyncDisposable {
  /** What was found at the start, oldest first. */
  readonly records: readonly Bytes[];
  readonly append: (height: number, records: readonly Bytes[]) => Promise<void>;
}

/** Opens the journal at `path`. */
export async function openNodeJournal(path: string): Promise<NodeJournal> {
  const journal = await openVoteJournal(path, { hash: platformCrypto.hash });
  let kept: { height: number; record: Bytes }[] = [];
  let unknown: readonly Bytes[] = journal.records;
  let bytes = sizeOf(unknown);
  let limitBytes = Math.max(COMPACT_BYTES, 2 * bytes);

  async function append(height: number, records: readonly Bytes[]): Promise<void> {
    // What was found at the start may be of this very height: it stays until a higher one comes.
    kept.push(
      ...unknown.map((record) => ({ height, record })),
      ...records.map((record) => ({ height, record })),
    );
    unknown = [];
    bytes += sizeOf(records);
    await journal.append(records);
    if (bytes < limitBytes) return;
    // Appended first and then compacted: a crash in between has both journals hold the new records.
    kept = kept.filter((each) => each.height >= height);
    await journal.compact(kept.map(({ record }) => record));
    bytes = sizeOf(kept.map(({ record }) => record));
    limitBytes = Math.max(COMPACT_BYTES, 2 * bytes);
  }

  return { records: journal.records, append, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
}

function sizeOf(records: readonly Bytes[]): number {
  return records.reduce((sum, record) => sum + record.length, 0);
}
