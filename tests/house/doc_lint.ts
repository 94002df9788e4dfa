/**
 * Documentation lint: `deno doc --lint` over all rooms at once, so that a type exported by another file is public.
 * Reports exported symbols without JSDoc or return type, and signatures that name a type which nobody exports.
 * Members of a type may go without: their names and units say enough where nothing was written. Types of packages
 * count as public.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { roomFiles, ROOT } from "./sources.ts";

/** What came of a documentation lint: findings as printed by `deno doc --lint`, without those that do not count. */
export interface DocLint {
  /** Each names rule, file and line; empty when all is documented. */
  readonly findings: readonly string[];
}

/** Lints files, by absolute path. */
export function docLint(files: readonly string[]): DocLint {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["doc", "--lint", ...files], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status === 0) return { findings: [] };
  const blocks = `${stdout}\n${stderr}`.split(/^(?=error\[)/m).filter((block) => block.startsWith("error["));
  // It failed before it looked at anything: a syntax error, or an import that leads nowhere.
  if (blocks.length === 0) return { findings: [stderr] };
  return { findings: blocks.filter(counts).map((block) => block.trim()) };
}

function counts(block: string): boolean {
  if (block.startsWith("error[missing-jsdoc]")) return isExport(block);
  const privateType = /^error\[private-type-ref\].*private type '([^'.[]+)/.exec(block)?.[1];
  return privateType === undefined || isOurs(privateType, block);
}

/** The source line that the finding points at exports something itself: it is no member, and no private helper. */
function isExport(block: string): boolean {
  return /^ *\d+ \| export /m.test(block);
}

/** Whether a private type is one of this project; a value's name in lower case, such as a brand's symbol, is none. */
function isOurs(type: string, block: string): boolean {
  if (/^[a-z]/.test(type)) return false;
  const path = /--> (.+):\d+:\d+/.exec(block)?.[1] ?? "";
  const imported = new RegExp(`import[^;]*\\b${type}\\b[^;]*from "([^"]+)"`).exec(readFileSync(path, "utf8"))
    ?.[1];
  return imported === undefined || imported.startsWith(".");
}

if (import.meta.main) {
  const files = roomFiles();
  const { findings } = docLint(files.map((path) => ROOT + path));
  for (const finding of findings) console.error(`${finding}\n`);
  console.error(`${files.length} files, ${findings.length} findings`);
  process.exit(findings.length === 0 ? 0 : 1);
}
