/**
 * `vnfchain node export`: writes a stopped node's chain, and the evidence that it has kept, to an archive, for `audit`.
 * The archive takes its name only once it is complete and on disk.
 *
 * @module
 */
import { archiveItem, encodeArchiveHeader, encodeRawBlock } from "../../core/archive.ts";
import { asHeight } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import { assert, AssertionError, EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import type { ChainReader } from "../../core/ports.ts";
import { syncDirectory, writeAll } from "../common/durable_file.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { FEDERATION_FILE } from "./directory.ts";
import { judgeFile } from "./evidence.ts";
import { readEvidenceFiles } from "./evidence_files.ts";
import { openNodeStore } from "./open_store.ts";
import { escaped, note } from "../common/output.ts";

/** What was written. */
export interface ExportSummary {
  readonly height: number;
  readonly blocks: number;
  readonly transactions: number;
  /** Pieces of evidence against members. */
  readonly evidence: number;
  readonly bytes: number;
}

/** Exports; throws `directory-locked` while the node runs, and `export` when the file cannot be written. */
export async function exportChain(
  { dir, out, store }: { dir: string; out: string; store?: string | undefined },
): Promise<ExportSummary> {
  const federation = await readFederationFile(`${dir}/${FEDERATION_FILE}`);
  await using opened = await openNodeStore({ directory: dir, federation, location: store });
  const documents = opened.chain.federationTerms().map((term) => term.federation);
  const evidence = await readProofs(dir, documents);
  const partial = `${out}.part`;
  try {
    using file = await Deno.open(partial, { write: true, create: true, truncate: true, mode: 0o644 });
    const summary = await writeArchive(file, { chain: opened.chain, federation, evidence });
    await file.sync();
    await Deno.rename(partial, out);
    await syncDirectory(out.includes("/") ? out.slice(0, out.lastIndexOf("/")) || "/" : ".");
    return summary;
  } catch (cause) {
    await Deno.remove(partial).catch(() => {}); // what is left of it is of no use
    if (cause instanceof VnfchainError || cause instanceof AssertionError) throw cause;
    throw new VnfchainError(`export chain: ${out} cannot be written`, {
      code: "export",
      hint: "check that the directory exists and has room",
      exitCode: EXIT.usage,
      cause,
    });
  }
}

/**
 * The evidence in the node's directory. What does not hold under one of the chain's documents is left out with a word:
 * an archive that accuses without proof does not pass an audit.
 */
async function readProofs(directory: string, documents: readonly Federation[]): Promise<readonly Bytes[]> {
  const files = await readEvidenceFiles(directory);
  return files.flatMap((file) => {
    const judged = judgeFile(file, documents);
    if (judged.verdict === "proven") return [file.bytes];
    const why = judged.verdict === "refused"
      ? `${judged.code}: ${judged.detail}`
      : `the chain has no federation document ${judged.federation}`;
    note(escaped(`left out: ${file.path}: ${why}`));
    return [];
  });
}

const PROGRESS_MS = 1000;

async function writeArchive(
  file: Deno.FsFile,
  { chain, federation, evidence }: {
    chain: ChainReader;
    federation: Federation;
    evidence: readonly Bytes[];
  },
): Promise<ExportSummary> {
  const { height } = chain.tip().parent;
  const summary = { height, blocks: 0, transactions: 0, evidence: evidence.length, bytes: 0 };
  let saidMs = performance.now();
  summary.bytes += await writeItem(file, encodeArchiveHeader(federation, evidence));
  for (let at = 1; at <= height; at++) {
    const block = await chain.block(asHeight(at));
    assert(block !== null, `block ${at} is missing below height ${height}`);
    summary.bytes += await writeItem(file, encodeRawBlock(block));
    summary.blocks++;
    summary.transactions += block.transactions.length;
    if (Deno.stderr.isTerminal() && performance.now() > saidMs + PROGRESS_MS) {
      note(`exported ${at} of ${height} blocks`);
      saidMs = performance.now();
    }
  }
  return summary;
}

async function writeItem(file: Deno.FsFile, item: Bytes): Promise<number> {
  const bytes = archiveItem(item);
  await writeAll(file, bytes);
  return bytes.length;
}
