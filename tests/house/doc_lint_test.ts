/**
 * The documentation lint finds what it should in a sample, and forgives what it should.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docLint } from "./doc_lint.ts";

/** The rules that a module breaks. */
function broken(source: string): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), "doc-lint-"));
  try {
    const file = join(directory, "sample.ts");
    writeFileSync(file, source);
    return docLint([file]).findings.map((finding) => /^error\[([^\]]+)\]/.exec(finding)?.[1] ?? finding);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

Deno.test("docLint() refuses an export without documentation", () => {
  assert.deepEqual(broken(`export function f(): void {}`), ["missing-jsdoc"]);
  assert.deepEqual(broken(`export const x: number = 1;`), ["missing-jsdoc"]);
  assert.deepEqual(broken(`export interface X {\n  a: 1;\n}`), ["missing-jsdoc"]);
});

Deno.test("docLint() refuses a signature that names a type which is not exported", () => {
  assert.deepEqual(broken(`interface P { a: 1 }\n/** Makes one. */\nexport function f(p: P): void {}`), [
    "private-type-ref",
  ]);
});

Deno.test("docLint() refuses an export without return type", () => {
  assert.deepEqual(broken(`/** Gives one. */\nexport function f() { return x(); }`), ["missing-return-type"]);
});

Deno.test("docLint() reports a file that does not parse", () => {
  assert.equal(broken(`export const = ;`).length, 1);
});

Deno.test("docLint() lets documented exports pass, their members and brands undocumented", () => {
  const source = `declare const brand: unique symbol;
    /** A branded text. */
    export type Branded = string & { readonly [brand]: 1 };
    /** A pair. */
    export interface Pair {
      readonly left: Branded;
      swap(): Pair;
    }`;
  assert.deepEqual(broken(source), []);
});
