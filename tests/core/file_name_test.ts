/** File names in content: what is allowed, and the names that attackers try. */
import assert from "node:assert/strict";
import { checkFileName, checkFilePath } from "../../core/file_name.ts";

const allowed = ["a", "nftables.conf", "50-local.conf", "a..b", "A_1@host+x=y,z", "0", "x".repeat(255)];

const refused: readonly (readonly [string, string])[] = [
  ["an empty name", ""],
  ["the current directory", "."],
  ["the parent directory", ".."],
  ["a hidden file", ".ssh"],
  ["an option", "-rf"],
  ["NUL", "a\0.conf"],
  ["a newline", "a\nb"],
  ["a final newline", "a\n"],
  ["an escape sequence", "a\u001b[2J"],
  ["DEL", "a\u007f"],
  ["a backslash", "a\\b"],
  ["a drive letter", "C:"],
  ["a space", "a b"],
  ["a command substitution", "$(id)"],
  ["a command separator", "a;id"],
  ["a wildcard", "a*"],
  ["a home directory", "~root"],
  ["a Cyrillic look-alike", "p\u0430sswd"],
  ["a full-width stop", "a\uff0e\uff0eb"],
  ["a letter with a combining accent", "e\u0301"],
  ["a right-to-left override", "a\u202efdp.exe"],
  ["a lone surrogate", "a\ud800"],
  ["256 bytes", "x".repeat(256)],
];

Deno.test("checkFileName() accepts letters, digits and a few marks", () => {
  for (const name of allowed) assert.deepEqual(checkFileName(name), { ok: true, value: name });
});

for (const [what, name] of refused) {
  Deno.test(`checkFileName() and checkFilePath() refuse ${what}`, () => {
    for (const verdict of [checkFileName(name), checkFilePath(name), checkFilePath(`a/${name}`)]) {
      assert.equal(verdict.ok ? "accepted" : verdict.code, "content-path");
    }
  });
}

Deno.test("checkFileName() refuses a path", () => {
  assert.equal(checkFileName("a/b").ok, false);
});

Deno.test("checkFilePath() accepts sixteen segments and refuses seventeen", () => {
  assert.equal(checkFilePath(Array(16).fill("d").join("/")).ok, true);
  assert.equal(checkFilePath(Array(17).fill("d").join("/")).ok, false);
});

for (const path of ["/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "/", "a/..", "a\\..\\b"]) {
  Deno.test(`checkFilePath() refuses ${path}`, () => {
    const verdict = checkFilePath(path);
    assert.equal(verdict.ok ? "accepted" : verdict.code, "content-path");
  });
}
