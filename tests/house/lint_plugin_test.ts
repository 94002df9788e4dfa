/**
 * Each rule of the lint plugin refuses a bad sample and lets a good one pass.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { importProblem, isPure, roomOf } from "./imports.ts";
import { plugin } from "./lint_plugin.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The rules that a source text breaks when it stands at `path`. */
function broken(path: string, source: string): readonly string[] {
  return Deno.lint.runPlugin(plugin, root + path, source).map(({ id }) => id.replace("house/", ""));
}

const ALLOWED: readonly (readonly [string, string])[] = [
  ["main.ts", "./cmd/node/command.ts"],
  ["cmd/node/command.ts", "../output.ts"],
  ["cmd/node/command.ts", "../../core/bytes.ts"],
  ["cmd/node/command.ts", "../../core/platform/hash.ts"],
  ["cmd/node/command.ts", "../../consensus/step.ts"],
  ["cmd/node/command.ts", "../../consensus/driver/run.ts"],
  ["cmd/node/command.ts", "../../store/chain.ts"],
  ["cmd/node/command.ts", "node:fs"],
  ["cmd/output.ts", "commander"],
  ["store/chain.ts", "./keys.ts"],
  ["store/chain.ts", "../core/bytes.ts"],
  ["store/lock.ts", "node:fs"],
  ["store/chain.ts", "../core/platform/hash.ts"],
  ["consensus/step.ts", "./votes.ts"],
  ["consensus/step.ts", "../core/ports.ts"],
  ["consensus/tcp/peer.ts", "node:net"],
  ["consensus/tcp/peer.ts", "../message.ts"],
  ["consensus/tcp/peer.ts", "../../core/platform/sign.ts"],
  ["consensus/driver/run.ts", "../step.ts"],
  ["consensus/driver.ts", "node:timers"],
  ["core/cbor.ts", "cbor-x/index-no-eval"],
  ["core/keys.ts", "@noble/curves/ed25519.js"],
  ["core/keys.ts", "@scure/base"],
  ["core/platform/hash.ts", "node:crypto"],
  ["core/platform/envelope.ts", "@hpke/core"],
  ["core/platform/envelope.ts", "../bytes.ts"],
  ["tests/core/cbor_test.ts", "../../core/cbor.ts"],
];

const FORBIDDEN: readonly (readonly [string, string])[] = [
  ["main.ts", "./core/errors.ts"],
  ["main.ts", "node:process"],
  ["cmd/node/command.ts", "../../main.ts"],
  ["cmd/node/command.ts", "../../tests/house/imports.ts"],
  ["cmd/node/command.ts", "../../../elsewhere/x.ts"],
  ["cmd/node/command.ts", "/etc/x.ts"],
  ["cmd/node/command.ts", "file:///etc/x.ts"],
  ["cmd/node/command.ts", "npm:commander"],
  ["cmd/node/command.ts", "https://example.org/x.ts"],
  ["cmd/tenant/publish.ts", "@noble/hashes/sha2.js"],
  ["cmd/tenant/publish.ts", "@hpke/core"],
  ["cmd/tenant/publish.ts", "cbor-x"],
  ["cmd/tenant/publish.ts", "cbor-x/index-no-eval"],
  ["store/chain.ts", "../consensus/step.ts"],
  ["store/chain.ts", "../consensus/driver/run.ts"],
  ["store/chain.ts", "../cmd/output.ts"],
  ["store/chain.ts", "@scure/base"],
  ["consensus/step.ts", "./tcp/peer.ts"],
  ["consensus/step.ts", "./driver/run.ts"],
  ["consensus/step.ts", "./driver.ts"],
  ["consensus/step.ts", "../core/platform/hash.ts"],
  ["consensus/step.ts", "../store/chain.ts"],
  ["consensus/step.ts", "node:crypto"],
  ["consensus/step.ts", "@noble/hashes/sha2.js"],
  ["consensus/driver/run.ts", "../../store/chain.ts"],
  ["consensus/tcp/peer.ts", "../../cmd/output.ts"],
  ["core/bytes.ts", "./platform/hash.ts"],
  ["core/bytes.ts", "node:buffer"],
  ["core/bytes.ts", "@hpke/core"],
  ["core/bytes.ts", "../store/chain.ts"],
  ["core/bytes.ts", "../consensus/step.ts"],
  ["core/bytes.ts", "cbor-x"],
  ["core/platform/hash.ts", "cbor-x"],
  ["core/platform/hash.ts", "../../cmd/output.ts"],
  ["core/platform/hash.ts", "commander"],
];

Deno.test("importProblem() allows what the table of rooms allows", () => {
  for (const [path, specifier] of ALLOWED) {
    assert.equal(importProblem(path, specifier), undefined, `${path} imports ${specifier}`);
  }
});

Deno.test("importProblem() refuses what the table of rooms does not name", () => {
  for (const [path, specifier] of FORBIDDEN) {
    assert.notEqual(importProblem(path, specifier), undefined, `${path} imports ${specifier}`);
  }
});

Deno.test("roomOf() takes the innermost room", () => {
  assert.equal(roomOf("core/platform/hash.ts"), "core/platform");
  assert.equal(roomOf("consensus/driver/run.ts"), "consensus/driver");
  assert.equal(roomOf("corelike/x.ts"), undefined);
});

Deno.test("isPure() holds for core and consensus without platform and shells", () => {
  assert.ok(isPure("core/bytes.ts"));
  assert.ok(isPure("consensus/step.ts"));
  for (
    const path of ["core/platform/hash.ts", "consensus/tcp/peer.ts", "consensus/driver.ts", "store/x.ts"]
  ) {
    assert.ok(!isPure(path), path);
  }
});

const IMPORT_FORMS = [
  `import { x } from "node:fs";`,
  `import type { X } from "node:fs";`,
  `import * as fs from "node:fs";`,
  `import "node:fs";`,
  `export { x } from "node:fs";`,
  `export * from "node:fs";`,
  `const fs = import("node:fs");`,
  `const fs = import(name);`,
  `type X = import("node:fs").Stats;`,
];

Deno.test("rule imports sees every form of import", () => {
  for (const source of IMPORT_FORMS) assert.deepEqual(broken("core/x.ts", source), ["imports"], source);
});

Deno.test("rule imports lets allowed imports and local exports pass", () => {
  const source = `import { x } from "./bytes.ts"; import { y } from "@scure/base"; export { x, y };
    export const z = 1; type Z = import("./bytes.ts").Bytes;`;
  assert.deepEqual(broken("core/x.ts", source), []);
});

Deno.test("rule imports says nothing about tests", () => {
  for (const source of IMPORT_FORMS) {
    assert.deepEqual(broken("tests/x_test.ts", source), [], source);
  }
});

const IMPURE = [
  `const now = Date.now();`,
  `const now = new Date();`,
  `type When = Date;`,
  `const t = performance.now();`,
  `setTimeout(f, 1);`,
  `setInterval(f, 1);`,
  `queueMicrotask(f);`,
  `const r = Math.random();`,
  `const r = Math["random"]();`,
  `const r = Math[name]();`,
  `const { random } = Math;`,
  `crypto.getRandomValues(bytes);`,
  `const id = crypto.randomUUID();`,
  `const c = { crypto };`,
  `export { crypto };`,
  `function f(a = crypto) {}`,
  `function f(crypto: object) {} const d = crypto;`,
  `const args = Deno.args;`,
  `const answer = fetch(url);`,
  `console.log(1);`,
  `const pid = process.pid;`,
  `const g = globalThis["fet" + "ch"];`,
  `const here = import.meta.url;`,
  `async function f() {}`,
  `const f = async () => {};`,
  `const o = { async f() {} };`,
];

Deno.test("rule pure refuses clock, timers, randomness, I/O and asynchrony", () => {
  for (const source of IMPURE) {
    assert.ok(broken("core/x.ts", source).includes("pure"), source);
    assert.ok(broken("consensus/x.ts", source).includes("pure"), source);
  }
});

Deno.test("rule pure leaves the shells, the platform, store and cmd alone", () => {
  const paths = [
    "core/platform/x.ts",
    "consensus/tcp/x.ts",
    "consensus/driver/x.ts",
    "store/x.ts",
    "cmd/x.ts",
  ];
  for (const path of paths) {
    for (const source of IMPURE) assert.deepEqual(broken(path, source), [], `${path}: ${source}`);
  }
});

const PURE = [
  `function f(crypto: CryptoPort) { return () => crypto.hash(x); }`,
  `const f = ({ crypto, ...rest }: Ports) => ({ crypto });`,
  `const f = ([performance = 1]) => performance;`,
  `function f(x: unknown) { const { crypto } = x; return crypto; }`,
  `for (const process of list) use(process);`,
  `try { f(); } catch (self) { use(self); }`,
  `import { fetch } from "./plan.ts"; fetch();`,
  `const action = { fetch: 1, Date: 2, console() {} }; const x = action.fetch;`,
  `interface X { readonly performance: number; fetch(): void }`,
  `class X { fetch = 1; console() {} }`,
  `type F = (crypto: CryptoPort) => void; type G = { (crypto: CryptoPort): void };`,
  `const m = Math.max(1, 2) + Math["min"](1, 2);`,
  `import { fetch as get } from "./plan.ts"; get(); export { get as fetch };`,
];

Deno.test("rule pure lets declared names, properties and types of that name pass", () => {
  for (const source of PURE) assert.deepEqual(broken("core/x.ts", source), [], source);
});

Deno.test("rule no-default-export refuses every form of default export", () => {
  const forms = [
    `export default 1;`,
    `export default function f() {}`,
    `const x = 1; export { x as default };`,
    `export { default } from "./x.ts";`,
  ];
  for (const source of forms) assert.deepEqual(broken("cmd/x.ts", source), ["no-default-export"], source);
  assert.deepEqual(broken("cmd/x.ts", `export const x = 1; export { y } from "./x.ts";`), []);
});

Deno.test("rule no-enum refuses enums", () => {
  assert.deepEqual(broken("cmd/x.ts", `export enum Kind { A }`), ["no-enum"]);
  assert.deepEqual(broken("cmd/x.ts", `export type Kind = "a" | "b";`), []);
});

Deno.test("rule no-any refuses any", () => {
  assert.deepEqual(broken("cmd/x.ts", `export const x = y as any;`), ["no-any"]);
  assert.deepEqual(broken("cmd/x.ts", `export const x: unknown = y; const any = 1;`), []);
});
