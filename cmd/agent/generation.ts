/**
 * Generations: each configuration that is tried becomes a numbered directory, `generations/000001`, with its documents
 * in the order in which they apply, `000-NAME`, `001-NAME`, …, and `manifest.json`. The symlink `current` names the
 * one in force.
 *
 * A directory is written whole under a temporary name and then renamed; a symlink likewise. So whoever looks sees a
 * generation whole or not at all. Names come from checked content (core/file_name.ts) and every file is created new.
 *
 * @module
 */
import { mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Cid, Hash, Height, TxId } from "../../core/brands.ts";
import { type Bytes, toHex, utf8 } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { randomBytes } from "../../core/platform/crypto.ts";
import { syncDirectory, writeNew } from "../common/durable_file.ts";
import type { Position } from "./state.ts";
import { generationsPath } from "./state_store.ts";

/** One configuration's content, opened and verified. */
export interface Document {
  /** Where it stands in the base transaction. */
  readonly role: "before" | "own" | "after";
  /** The content's name, checked; null when it has none. */
  readonly name: string | null;
  readonly bytes: Bytes;
  readonly cid: Cid;
  readonly vid: number;
  readonly transaction: TxId;
  /** SHA-256 of `bytes`. */
  readonly contentHash: Hash;
  readonly position: Position;
}

/** Configurations are nobody else's to read. */
const PRIVATE = { mode: 0o600 } as const;
const MANIFEST = "manifest.json";
const NUMBER = /^\d{6}$/;
const DOCUMENT = /^\d{3}-/;
const TEMPORARY = ".new-";
/** What a crash leaves in the state directory: a symlink of {@link setCurrent}, a file of `writeDurably`. */
const LEFT_BEHIND = /^\.current-|^\..+\.[0-9a-f]{16}\.tmp$/;

/** The directory of a generation. */
export function generationPath(stateDir: string, generation: number): string {
  return join(generationsPath(stateDir), String(generation).padStart(6, "0"));
}

/** Writes the next generation, durable when it resolves; gives its number. */
export async function writeGeneration(
  stateDir: string,
  { documents, resolvedAt }: { documents: readonly Document[]; resolvedAt: Height },
): Promise<number> {
  const parent = generationsPath(stateDir);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const generation = Math.max(0, ...await numbersIn(parent)) + 1;
  const temporary = join(parent, `${TEMPORARY}${toHex(randomBytes(8))}`);
  await mkdir(temporary, { mode: 0o700 });
  try {
    const files = documents.map((document, i) => ({ document, file: fileName(document, i) }));
    for (const { document, file } of files) await writeNew(join(temporary, file), document.bytes, PRIVATE);
    const manifest = JSON.stringify(manifestOf(files, { generation, resolvedAt }), null, 2) + "\n";
    await writeNew(join(temporary, MANIFEST), utf8(manifest), PRIVATE);
    await syncDirectory(temporary);
    // A crash before this line leaves a temporary directory, which the next start removes.
    await rename(temporary, generationPath(stateDir, generation));
  } catch (error) {
    // A full disk above all: what is tried again in each round must not fill it further.
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(parent);
  return generation;
}

/** Whether a generation is there whole. */
export async function hasGeneration(stateDir: string, generation: number): Promise<boolean> {
  try {
    return (await stat(join(generationPath(stateDir, generation), MANIFEST))).isFile();
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
}

/** The documents of a generation, in order. */
export async function readDocuments(directory: string): Promise<readonly Bytes[]> {
  const names = (await readdir(directory)).filter((name) => DOCUMENT.test(name)).sort();
  return await Promise.all(names.map(async (name) => new Uint8Array(await readFile(join(directory, name)))));
}

/** Makes `current` name a generation, durable when it resolves. */
export async function setCurrent(stateDir: string, generation: number): Promise<void> {
  const temporary = join(stateDir, `.current-${toHex(randomBytes(8))}`);
  await symlink(join("generations", basename(generationPath(stateDir, generation))), temporary);
  // A crash before this line leaves the old generation in `current`, and a symlink that the next start removes.
  await rename(temporary, join(stateDir, "current"));
  await syncDirectory(stateDir);
}

/** Removes a generation that came to nothing. */
export async function removeGeneration(stateDir: string, generation: number): Promise<void> {
  await rm(generationPath(stateDir, generation), { recursive: true, force: true });
}

/** Removes what a crash left behind, and all but the newest generations and those that are `needed`. */
export async function pruneGenerations(stateDir: string, needed: readonly number[]): Promise<void> {
  const parent = generationsPath(stateDir);
  const names = await namesIn(parent);
  const numbers = names.filter((name) => NUMBER.test(name)).sort();
  const old = numbers.slice(0, -LIMITS.agentGenerations).filter((name) => !needed.includes(Number(name)));
  const left = names.filter((name) => name.startsWith(TEMPORARY));
  for (const name of [...old, ...left]) await rm(join(parent, name), { recursive: true, force: true });
  for (const directory of [stateDir, join(stateDir, "outbox")]) {
    const crumbs = (await namesIn(directory)).filter((name) => LEFT_BEHIND.test(name));
    for (const name of crumbs) await rm(join(directory, name), { force: true });
  }
}

function fileName({ name }: Document, index: number): string {
  return `${String(index).padStart(3, "0")}-${(name ?? "configuration").slice(0, LIMITS.fileNameBytes - 4)}`;
}

function manifestOf(
  files: readonly { document: Document; file: string }[],
  { generation, resolvedAt }: { generation: number; resolvedAt: Height },
): unknown {
  return {
    version: 1,
    generation,
    resolvedAt,
    documents: files.map(({ document, file }) => ({
      file,
      role: document.role,
      cid: toHex(document.cid),
      vid: document.vid,
      transaction: toHex(document.transaction),
      sha256: toHex(document.contentHash),
      height: document.position.height,
      index: document.position.index,
    })),
  };
}

async function numbersIn(parent: string): Promise<readonly number[]> {
  return (await namesIn(parent)).filter((name) => NUMBER.test(name)).map(Number);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}
