/**
 * The project's own files, as the tests of the house see them.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The project's root directory, with a final slash. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The rooms whose files follow every rule of the house. */
export const ROOMS: readonly string[] = ["core", "consensus", "store", "cmd"];

const SKIPPED: ReadonlySet<string> = new Set([".git", "dist", "node_modules", "coverage"]);

/** Every file below a directory (`""` is the root), by its path from the root; generated ones are left out. */
export function filesIn(directory: string): readonly string[] {
  const entries = readdirSync(ROOT + directory, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesIn(path);
    return entry.isFile() ? [path] : [];
  }).sort();
}

/** The TypeScript files of the rooms. */
export function roomFiles(): readonly string[] {
  return ROOMS.flatMap(filesIn).filter((path) => path.endsWith(".ts"));
}

/** A file's text, by its path from the root. */
export function read(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}
