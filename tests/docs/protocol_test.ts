/**
 * docs/PROTOCOL.md against the code: what it names exists, what it quotes is what runs, and its numbers are the
 * code's.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHeight, asSignature, ZERO_HASH } from "../../core/brands.ts";
import { DEFAULT_PARAMETERS, faultsOf, quorumOf } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { encodeFrame, type Frame } from "../../consensus/driver/frames.ts";
import { KIND } from "../../consensus/tcp/session.ts";
import { positionOf, type Vote } from "../../consensus/vote.ts";
import { filesIn, read } from "../house/sources.ts";

const DOCUMENT = read("docs/PROTOCOL.md");
/** Without the quoted traces, and as if no line had been wrapped. */
const PROSE = DOCUMENT.replace(/```text\n.*?```\n/gs, "").replace(/\s+/g, " ");
const FILES: ReadonlySet<string> = new Set(filesIn(""));
const SECTIONS: readonly string[] = [...DOCUMENT.matchAll(/^## (.+)$/gm)].map(([, title]) => title as string);

/** A section's text. */
function section(title: string): string {
  const start = DOCUMENT.indexOf(`\n## ${title}\n`);
  assert(start >= 0, `there is no section "${title}"`);
  const end = DOCUMENT.indexOf("\n## ", start + 1);
  return DOCUMENT.slice(start, end < 0 ? undefined : end);
}

/** The rows of all tables in a text, cells trimmed and without code marks; heads and rules included. */
function rows(text: string): readonly (readonly string[])[] {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
}

/** The rows whose first cell is one of the names that `values` has, with the number beside it. */
function numbers(values: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return rows(section("Numbers")).filter(([name]) => name !== undefined && Object.hasOwn(values, name))
    .map(([name, value]) => [name as string, Number(value)]);
}

/** "`file.ts` `one`, `two`": every file with the names that follow it. */
const REFERENCE = /`([\w/]+\.ts)`((?:,? `[A-Za-z_]\w*`)*)/g;

/** Whether a file declares the name: at its top, inside a function, or as a member of an object or type. */
function declares(source: string, name: string): boolean {
  return new RegExp(
    `\\b(?:function|const|let|interface|type|class)\\s+${name}\\b|^\\s*(?:async |readonly )*${name}\\??(?:[(:<]|,$)`,
    "m",
  ).test(source);
}

Deno.test("every file that PROTOCOL.md names exists", () => {
  const named = [...PROSE.matchAll(/`([\w/]+\.(?:ts|txt))`/g)].map(([, path]) => path as string);
  assert(named.length > 60, `only ${named.length} files are named`);
  assert.deepEqual(named.filter((path) => !FILES.has(path)), []);
});

Deno.test("every function that PROTOCOL.md names is in the file that it names", () => {
  const missing: string[] = [];
  for (const [, path, names] of PROSE.matchAll(REFERENCE)) {
    const source = FILES.has(path as string) ? read(path as string) : "";
    for (const [, name] of (names as string).matchAll(/`(\w+)`/g)) {
      if (!declares(source, name as string)) missing.push(`${path} ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

Deno.test("every function that PROTOCOL.md names elsewhere is a name in the code", () => {
  const sources = [...FILES].filter((path) => /^(core|consensus|store|cmd)\/.*\.ts$/.test(path)).map(read);
  const elsewhere = PROSE.replace(REFERENCE, "");
  const names = new Set(
    [...elsewhere.matchAll(/`(?:LIMITS\.)?([a-z]+[A-Z]\w*)`/g)].map(([, name]) => name as string),
  );
  const unknown = [...names].filter((name) => {
    const word = new RegExp(`\\b${name}\\b`);
    return !sources.some((source) => word.test(source));
  });
  assert.deepEqual(unknown, []);
});

Deno.test("declares() tells a declaration from a mention", () => {
  assert(declares("export function step(a: A) {}", "step"));
  assert(declares("  async function validate(): void {}", "validate"));
  assert(declares("    install: (adopted) => {", "install"));
  assert(declares("  isNonceUsed(payload: P): boolean {", "isNonceUsed"));
  assert(!declares("// see step\nreturn step;", "step"));
  assert(!declares("import { step } from './step.ts';", "step"));
});

Deno.test("every section of PROTOCOL.md that a comment cites exists", () => {
  const cited: string[] = [];
  for (const path of FILES) {
    if (!path.endsWith(".ts") || path === "tests/docs/protocol_test.ts") continue;
    const text = read(path).replace(/\n\s*(?:\*|\/\/) ?/g, " ");
    for (const [, titles] of text.matchAll(/docs\/PROTOCOL\.md((?:(?:,|,? and) "[^"]+")+)/g)) {
      cited.push(...[...(titles as string).matchAll(/"([^"]+)"/g)].map(([, title]) => title as string));
    }
  }
  assert(cited.length >= 9, `only ${cited.length} citations were found`);
  assert.deepEqual(cited.filter((title) => !SECTIONS.includes(title)), []);
});

Deno.test("every section that PROTOCOL.md itself names exists", () => {
  const named = [...PROSE.matchAll(/sections? ((?:"[^"]+"(?: and )?)+)|\("([^"]+)"\)|of "([^"]+)"/g)]
    .flatMap((match) => [...match[0].matchAll(/"([^"]+)"/g)].map(([, title]) => title as string));
  assert(named.length >= 5, `only ${named.length} are named`);
  assert.deepEqual(named.filter((title) => !SECTIONS.includes(title)), []);
});

Deno.test("every trace that PROTOCOL.md quotes is the whole scenario file", () => {
  const quotes = [
    ...DOCUMENT.matchAll(/^`(tests\/consensus\/scenarios\/\w+\.txt)`\n\n```text\n(.*?)```$/gms),
  ];
  assert.equal(quotes.length, DOCUMENT.split("```text\n").length - 1, "a quotation names no file");
  assert(quotes.length >= 2, `only ${quotes.length} scenarios are quoted`);
  for (const [, path, quoted] of quotes) assert.equal(quoted, read(path as string), path);
});

Deno.test("the quorum table is right, and two quorums always share a correct member", () => {
  const table = rows(section("Members, faults and quorums")).filter(([n]) => /^\d+$/.test(n as string));
  assert(table.length >= 10, `${table.length} rows`);
  for (const row of table) {
    const n = Number(row[0]);
    const [f, q] = [faultsOf(n), quorumOf(n)];
    assert.deepEqual(row.map(Number), [n, f, q, 2 * q - n, n - q]);
    assert(2 * q - n >= f + 1 && n - q >= f);
  }
});

Deno.test("the steps of the votes are those of the code", () => {
  const height = asHeight(1);
  const table = rows(section("Votes")).filter(([, tag]) => tag?.startsWith("vnfchain/"));
  assert.equal(table.length, 4);
  for (const [name, tag, , step] of table) {
    const kind = (name as string).toLowerCase() as Vote["kind"];
    assert.equal(tag, `vnfchain/${kind}/1`);
    assert.equal(Number(step), positionOf({ kind, height, round: 0 as Vote["round"] }).step);
  }
});

Deno.test("the frame types are those of the code", () => {
  const height = asHeight(1);
  const signature = asSignature(new Uint8Array(64));
  const vote = { height, prefix: new Uint8Array(4), signature };
  const shortIds = new Uint8Array();
  const proposal = { height, time: 0, stateRoot: ZERO_HASH, parentCertificate: null, shortIds, signature };
  const frames: readonly Frame[] = [
    { kind: "message", bytes: new Uint8Array() },
    { kind: "transactions", transactions: [] },
    { kind: "want", ids: [] },
    { kind: "pool", ids: [] },
    { kind: "height", height },
    { kind: "getBlocks", from: height, count: 1 },
    { kind: "blocks", from: height, blocks: [] },
    { kind: "prepare", form: vote },
    { kind: "commit", form: vote },
    { kind: "proposal", form: proposal },
    { kind: "wantVotes", height },
  ];
  const table = rows(section("Dissemination")).slice(2).map(([name, type]) => [name, Number(type)]);
  assert.deepEqual(table, frames.map((frame) => [frame.kind, encodeFrame(frame)[0]]));
  const kinds = Object.entries(KIND).map(([name, number]) => `${number} ${name}`).join(", ");
  assert(PROSE.includes(`Kinds: ${kinds}.`), kinds);
});

Deno.test("the parameters and limits are those of the code", () => {
  for (const values of [DEFAULT_PARAMETERS, LIMITS] as const) {
    const stated = numbers({ ...values });
    assert(stated.length >= 8, `${stated.length} rows`);
    assert.deepEqual(stated, stated.map(([name]) => [name, ({ ...values } as Record<string, number>)[name]]));
  }
  const used = [...PROSE.matchAll(/`LIMITS\.(\w+)`/g)].map(([, name]) => name as string);
  const listed = new Set(numbers({ ...LIMITS }).map(([name]) => name));
  assert.deepEqual(used.filter((name) => !listed.has(name)), []);
});

Deno.test("the driver's pauses are those of the code", () => {
  const table = rows(section("Numbers")).filter(([name]) => /^[A-Z_]+_MS$/.test(name as string));
  assert(table.length >= 8, `${table.length} rows`);
  for (const [name, value, , path] of table) {
    const [, found] = new RegExp(`^const ${name} = ([\\d_]+);$`, "m").exec(read(path as string)) ?? [];
    assert.equal(Number(value), Number(found?.replaceAll("_", "")), name);
  }
  const used = [...PROSE.matchAll(/`([A-Z_]+_MS)`/g)].map(([, name]) => name as string);
  const listed = new Set(table.map(([name]) => name));
  assert.deepEqual(used.filter((name) => !listed.has(name)), []);
});

Deno.test("every event and action of the driver is in its table", () => {
  const source = read("consensus/events.ts");
  const [events, actions] = source.split("export type Action =") as [string, string];
  const kindsOf = (text: string) =>
    [...text.matchAll(/kind: "(\w+)"/g)].map(([, kind]) => kind as string).sort();
  const table = rows(section("Driving the protocol")).map(([name]) => name as string)
    .filter((name) => /^[a-zA-Z]+$/.test(name));
  const named = table.filter((name) => name !== "event" && name !== "action").sort();
  assert.deepEqual(named, [...kindsOf(events), ...kindsOf(actions)].sort());
});
