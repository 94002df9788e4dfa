/**
 * docs/FORMATS.md as its tests read it: CDDL, worked examples, values, tables.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Bytes, concat, fromHex } from "../../core/bytes.ts";
import { read } from "../house/sources.ts";

/** A worked example. */
export interface Example {
  readonly bytes: Bytes;
  /** The CDDL rule that it matches; null for what is no CBOR item. */
  readonly rule: string | null;
}

/** What the document states. */
export interface FormatsDocument {
  readonly text: string;
  /** All CDDL blocks, joined. */
  readonly cddl: string;
  /** Examples and values by name. */
  readonly examples: ReadonlyMap<string, Example>;
}

interface Block {
  readonly kind: string;
  readonly words: readonly string[];
  readonly body: string;
}

/** Reads the document; fails on a block that it does not know how to read. */
export function readDocument(): FormatsDocument {
  const text = read("docs/FORMATS.md");
  const blocks = [...text.matchAll(/^```(\w+)(.*)\n([^]*?)^```$/gm)].map(([, kind, words, body]): Block => ({
    kind: kind as string,
    words: (words as string).trim().split(" ").filter((word) => word !== ""),
    body: body as string,
  }));
  const ofKind = (kind: string) => blocks.filter((block) => block.kind === kind);
  const sources = new Map(ofKind("hex").map(({ words, body }) => [words[0] as string, { words, body }]));
  assert.equal(sources.size, ofKind("hex").length, "an example's name stands twice");
  const examples = new Map<string, Example>();
  for (const [name, { words, body }] of sources) {
    const bytes = bytesOf(body, (part) => sources.get(part)?.body);
    examples.set(name, { bytes, rule: words[1] ?? null });
  }
  for (const line of ofKind("values").flatMap(({ body }) => body.trim().split("\n"))) {
    const [, name, digits] = /^(\S+) += ([0-9a-f]+)$/.exec(line) ?? [];
    assert.ok(name !== undefined && digits !== undefined && !examples.has(name), `value ${line}`);
    examples.set(name, { bytes: fromHex(digits) as Bytes, rule: null });
  }
  return { text, cddl: ofKind("cddl").map(({ body }) => body).join("\n"), examples };
}

/** The bytes of an example: digits, and `<NAME>` for another example; `#` begins a comment. */
function bytesOf(body: string, source: (name: string) => string | undefined): Bytes {
  const words = body.replaceAll(/#.*$/gm, "").split(/\s+/).filter((word) => word !== "");
  return concat(...words.map((word) => {
    const name = /^<(.+)>$/.exec(word)?.[1];
    if (name === undefined) return fromHex(word) ?? assert.fail(`${word} is not hexadecimal`);
    return bytesOf(source(name) ?? assert.fail(`there is no example ${name}`), source);
  }));
}

/** The rows of all tables under a heading (down to the next one of its level or above), cells trimmed. */
export function rowsUnder(text: string, heading: string): readonly (readonly string[])[] {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  assert.ok(start >= 0, `there is no heading ${heading}`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= level);
  return (end < 0 ? rest : rest.slice(0, end)).filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter((cells) => !cells.every((cell) => /^:?-+:?$/.test(cell)));
}

/** The text of a cell that is all code, as `this`. */
export function codeIn(cell: string | undefined): string | undefined {
  return /^`([^`]+)`$/.exec(cell ?? "")?.[1];
}
