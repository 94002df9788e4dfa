/**
 * The text of the project speaks of itself alone, and its files keep the shape of the house.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { filesIn, read, roomFiles } from "./sources.ts";

const LINES_MAX = 300;

// Put together from parts, so that this file does not find itself.
const MACHINE_PATHS = new RegExp(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"].join("|"));
const REGISTRIES = new RegExp(
  ["registry\\." + "npmjs", "jsr\\." + "io", "deno\\." + "land", "pypi\\." + "org", "deb\\." + "debian"].join(
    "|",
  ),
);
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "[Ss]tu" + "b(?:s|bed)?"].join("|")})\\b`);
const LINT_IGNORED = new RegExp("deno-lint-" + "ignore(?:-file)?(?=\\s*$|.*house/)", "m");
const MODULE_DOC = /^(?:#![^\n]*\n)?\/\*\*\n(?: \*[^\n]*\n)+? \* @module\n \*\/\n/;

/** What people read or run; the licence is not ours to word, lock file and vectors are no texts. */
function texts(): readonly string[] {
  return filesIn("").filter((path) => !/^(LICENSE|deno\.lock|tests\/vectors\/.*\.json)$/.test(path));
}

/** The lines of all texts that a pattern matches. */
function found(pattern: RegExp, paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) =>
    read(path).split("\n").flatMap((line, i) =>
      pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []
    )
  );
}

Deno.test("no text names a path of the machine that it was written on", () => {
  assert.deepEqual(found(MACHINE_PATHS, texts()), []);
});

Deno.test("no text names a package registry's host", () => {
  assert.deepEqual(found(REGISTRIES, texts()), []);
});

Deno.test("no text leaves work for later", () => {
  assert.deepEqual(found(UNFINISHED, texts()), []);
});

Deno.test("no room switches the lint rules of the house off", () => {
  assert.deepEqual(found(LINT_IGNORED, roomFiles()), []);
});

Deno.test("no file of a room has more than 300 lines", () => {
  const long = roomFiles().filter((path) => read(path).trimEnd().split("\n").length > LINES_MAX);
  assert.deepEqual(long, []);
});

Deno.test("every file of a room opens with a module doc", () => {
  assert.deepEqual(roomFiles().filter((path) => !MODULE_DOC.test(read(path))), []);
});

Deno.test("every file name of a room is in snake_case", () => {
  assert.deepEqual(roomFiles().filter((path) => !/^[a-z][a-z0-9_]*\.ts$/.test(basename(path))), []);
});

Deno.test("the patterns of this test match what they are meant to match", () => {
  assert.match(`see ${"/wo" + "rk/"}x`, MACHINE_PATHS);
  assert.match(`https://${"registry." + "npmjs"}.example`, REGISTRIES);
  assert.match(`// ${"TO" + "DO"}: later`, UNFINISHED);
  assert.match(`// deno-lint-${"ignore"} house/no-any`, LINT_IGNORED);
  assert.match(`// deno-lint-${"ignore"}-file`, LINT_IGNORED);
  assert.doesNotMatch(`// deno-lint-${"ignore"} no-control-regex`, LINT_IGNORED);
  assert.match(`/**\n * What it does.\n *\n * @module\n */\nimport x`, MODULE_DOC);
  assert.doesNotMatch(`import x\n/**\n * @module\n */\n`, MODULE_DOC);
});
