/**
 * The vote journal: an append-only file beside the store, which keeps what this node has voted. It is a file of its own
 * because a truncated write-ahead log of SQLite loses acknowledged commits without an error.
 *
 * Format: eight bytes that name it, then records: length and its check, four bytes each, checksum, eight bytes, and the
 * record. Checks are truncated hashes over the record's number too, so that none can be moved.
 *
 * A file that ends in the middle of its last record was cut by a crash before that record was acknowledged; the rest is
 * dropped. Everything else that does not fit is refused (`journal-damaged`): a vote might be missing.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Bytes, concat, equal, u32be, u64be, utf8 } from "../core/bytes.ts";
import { VnfchainError } from "../core/errors.ts";
import { type HashFunction, taggedHash } from "../core/hashing.ts";
import { messageOf } from "./kv.ts";

const FORMAT = utf8("vnfvote1");
const LENGTH_BYTES = 4;
const CHECK_BYTES = 4;
const CHECKSUM_BYTES = 8;
const HEAD_BYTES = LENGTH_BYTES + CHECK_BYTES + CHECKSUM_BYTES;

/**
 * Opens the journal at `path`, which is made when there is none.
 *
 * @throws VnfchainError `journal-damaged`, `journal-unusable`
 */
export async function openVoteJournal(
  path: string,
  { hash }: { hash: HashFunction },
): Promise<VoteJournal> {
  try {
    const { records, end } = parseJournal(await readOrNothing(path), { path, hash });
    if (end === 0) await replaceFile(path, FORMAT);
    const file = await Deno.open(path, { write: true });
    // What a crash has cut goes before anything is written behind it.
    await file.truncate(Math.max(end, FORMAT.length));
    await file.seek(0, Deno.SeekMode.End);
    await file.sync();
    return new VoteJournal({ path, hash, file, records });
  } catch (cause) {
    throw cause instanceof VnfchainError ? cause : unusable(path, cause);
  }
}

/** An open journal. Made by {@link openVoteJournal}. */
export class VoteJournal implements AsyncDisposable {
  /** The records found at opening, oldest first. */
  readonly records: readonly Bytes[];
  readonly #path: string;
  readonly #hash: HashFunction;
  #file: Deno.FsFile;
  #count: number;
  #last: Promise<void> = Promise.resolve();

  constructor(
    { path, hash, file, records }: {
      path: string;
      hash: HashFunction;
      file: Deno.FsFile;
      records: readonly Bytes[];
    },
  ) {
    this.records = records;
    this.#path = path;
    this.#hash = hash;
    this.#file = file;
    this.#count = records.length;
  }

  /**
   * Appends records, in order; resolves once they are on the disk, by one fsync for all. After a failure, which may
   * have left a part of them, every later call fails too.
   *
   * @throws VnfchainError `journal-unusable`
   */
  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#inOrder(async () => {
      const bytes = concat(...records.map((record, i) => frame(this.#hash, this.#count + i, record)));
      await writeAll(this.#file, bytes);
      await this.#file.syncData();
      this.#count += records.length;
    });
  }

  /**
   * Replaces all records by these. A crash on the way leaves the old journal or the new one.
   *
   * @throws VnfchainError `journal-unusable`
   */
  compact(records: readonly Uint8Array[]): Promise<void> {
    return this.#inOrder(async () => {
      const framed = records.map((record, i) => frame(this.#hash, i, record));
      await replaceFile(this.#path, concat(FORMAT, ...framed));
      this.#file.close();
      this.#file = await Deno.open(this.#path, { write: true, append: true });
      this.#count = records.length;
    });
  }

  /** Waits for what is under way and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    this.#file.close();
  }

  #inOrder(write: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(write).catch((cause: unknown) => {
      throw cause instanceof VnfchainError ? cause : unusable(this.#path, cause);
    });
    return this.#last;
  }
}

function frame(hash: HashFunction, number: number, record: Uint8Array): Bytes {
  const length = u32be(record.length);
  return concat(length, lengthCheck(hash, number, length), checksum(hash, number, record), record);
}

function lengthCheck(hash: HashFunction, number: number, length: Uint8Array): Bytes {
  return taggedHash(hash, "vnfchain/journal-length/1", u64be(number), length).slice(0, CHECK_BYTES);
}

function checksum(hash: HashFunction, number: number, record: Uint8Array): Bytes {
  return taggedHash(hash, "vnfchain/journal-record/1", u64be(number), record).slice(0, CHECKSUM_BYTES);
}

/** The whole records in a journal's bytes, and where they end; 0 when not even the format's name is there. */
function parseJournal(
  bytes: Uint8Array,
  { path, hash }: { path: string; hash: HashFunction },
): { records: readonly Bytes[]; end: number } {
  const bad = (what: string) =>
    new VnfchainError(`Cannot use the vote journal ${path}: ${what}`, {
      code: "journal-damaged",
      hint:
        "This node may have voted what is lost: keep the file, and give the node a new key and membership",
    });
  const named = bytes.subarray(0, FORMAT.length);
  if (!equal(named, FORMAT.subarray(0, named.length))) throw bad("it is no journal of this version");
  if (named.length < FORMAT.length) return { records: [], end: 0 };
  const records: Bytes[] = [];
  let end = FORMAT.length;
  while (bytes.length - end >= HEAD_BYTES) {
    const number = records.length;
    const length = bytes.subarray(end, end + LENGTH_BYTES);
    const check = bytes.subarray(end + LENGTH_BYTES, end + LENGTH_BYTES + CHECK_BYTES);
    if (!equal(check, lengthCheck(hash, number, length))) {
      // A file system may have grown the file without its content.
      if (bytes.subarray(end).every((byte) => byte === 0)) break;
      throw bad(`record ${number} at byte ${end} is damaged`);
    }
    const size = new DataView(length.buffer, length.byteOffset).getUint32(0);
    const start = end + HEAD_BYTES;
    if (bytes.length - start < size) break;
    const record = bytes.slice(start, start + size);
    const stored = bytes.subarray(start - CHECKSUM_BYTES, start);
    if (!equal(stored, checksum(hash, number, record))) {
      throw bad(`record ${number} at byte ${end} is damaged`);
    }
    records.push(record as Bytes);
    end = start + size;
  }
  return { records, end };
}

async function readOrNothing(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

/** Writes a whole file: its name holds the old content or the new, whatever happens. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  {
    using file = await Deno.open(temporary, { create: true, write: true, truncate: true, mode: 0o600 });
    await writeAll(file, bytes);
    // Before the rename: otherwise the new name could outlive a power cut without its content.
    await file.sync();
  }
  await Deno.rename(temporary, path);
  using directory = await Deno.open(dirname(path));
  await directory.sync();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

function unusable(path: string, cause: unknown): VnfchainError {
  return new VnfchainError(`Cannot use the vote journal ${path}: ${messageOf(cause)}`, {
    code: "journal-unusable",
    hint:
      "Check the disk's space and health, then start the node again: without its journal it does not vote",
    cause,
  });
}
