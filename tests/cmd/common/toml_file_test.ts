/** Strict configuration files: types, unknown keys, and what the errors say. */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { AssertionError, VnfchainError } from "../../../core/errors.ts";
import { parseToml, readTomlFile, type TomlTable } from "../../../cmd/common/toml_file.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const KEYS = ["a", "b", "interval", "list", "item"];

const read = (text: string) => parseToml(text, { place: "x.toml", keys: KEYS });

function refuses(act: () => unknown, said: RegExp): void {
  throws(
    act,
    (error) =>
      error instanceof VnfchainError && error.code === "config-invalid" && error.exitCode === 2 &&
      said.test(`${error.message}\n${error.hint}`),
  );
}

Deno.test("a table gives values of the type asked for", () => {
  const table = read(`a = "text"\nb = true\ninterval = "1.5s"\nlist = ["x", "y"]\nitem = [{ a = "/p" }, {}]`);
  deepEqual([table.text("a"), table.requiredText("a")], ["text", "text"]);
  deepEqual([table.flag("b", false), table.has("b")], [true, true]);
  equal(table.durationMs("interval", 1), 1500);
  deepEqual(table.texts("list"), ["x", "y"]);
  deepEqual(table.tables("item", ["a"]).map((item) => item.path("a")), ["/p", undefined]);
});

Deno.test("a table gives what is left out as absent, or as the value to take instead", () => {
  const table = read("");
  deepEqual([table.has("a"), table.text("a"), table.path("a"), table.texts("a")], [
    false,
    undefined,
    undefined,
    undefined,
  ]);
  deepEqual([table.flag("a", true), table.positive("a", 7), table.durationMs("a", 9)], [true, 7, 9]);
  deepEqual(table.tables("a", []), []);
});

/** A value, how it is read, and what the error says. */
const wrong: readonly (readonly [string, (table: TomlTable) => unknown, RegExp])[] = [
  ["1", (table) => table.text("a"), /^read configuration: x\.toml: a is not a text\n$/],
  [`""`, (table) => table.text("a"), /a is not a text/],
  [`"x\\u0000"`, (table) => table.text("a"), /a is not a text/],
  [`"p"`, (table) => table.path("a"), /a is not an absolute path/],
  [`"x"`, (table) => table.texts("a"), /a is not a list of texts/],
  [`["x", ""]`, (table) => table.texts("a"), /a is not a list of texts/],
  [`["x", 1]`, (table) => table.texts("a"), /a is not a list of texts/],
  [`"true"`, (table) => table.flag("a", false), /a is not true or false/],
  ["0", (table) => table.positive("a", 1), /a is not a number above 0/],
  ["inf", (table) => table.positive("a", 1), /a is not a number above 0/],
  [`"10"`, (table) => table.durationMs("a", 1), /a is not a duration/],
  [`"0s"`, (table) => table.durationMs("a", 1), /a is not a duration/],
  [`"8d"`, (table) => table.durationMs("a", 1), /a is not a duration/],
  ["10", (table) => table.durationMs("a", 1), /a is not a duration/],
  ["{ a = 1 }", (table) => table.tables("a", ["a"]), /a is not tables, written as \[\[a\]\]/],
  ["[[]]", (table) => table.tables("a", ["a"]), /a is not tables/],
  ["[1979-05-27]", (table) => table.tables("a", ["a"]), /a is not tables/],
];

for (const [value, ask, said] of wrong) {
  Deno.test(`a table refuses a = ${value}: ${said.source}`, () =>
    refuses(() => ask(read(`a = ${value}`)), said));
}

Deno.test("a table says of a required value that is missing what it should be", () => {
  refuses(() => read("").requiredText("a"), /x\.toml: a is missing\na is a text$/);
  refuses(() => read("").requiredPath("a"), /x\.toml: a is missing\na is an absolute path$/);
});

Deno.test("a key that is not known is refused before any is read, with the nearest known one", () => {
  refuses(() => read(`intervall = "1s"`), /x\.toml: intervall is no key\nthe nearest key is interval$/);
  refuses(() => read("__proto__ = 1"), /__proto__ is no key/);
  refuses(() => read("[[item]]\nx = 1").tables("item", ["y"]), /x\.toml: \[\[item\]\] 1: x is no key/);
  refuses(() => read("a = 1\nb = 1").only(["a"]), /b is no key\nthe nearest key is a$/);
});

Deno.test("a table asserts that what is read is among the known keys", () => {
  throws(() => read("").text("unknown"), AssertionError);
});

Deno.test("a text that is no TOML is refused with its place, and without quoting the file", () => {
  refuses(() => read("a = 1\ntoken = secret"), /^read configuration: x\.toml:2:9: [^\n]*\n$/);
});

Deno.test("readTomlFile() throws config-missing for a file that is not there, unless it is optional", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("none.toml");
  await rejects(readTomlFile(path, { keys: KEYS }), { code: "config-missing", exitCode: 2 });
  equal((await readTomlFile(path, { keys: KEYS, optional: true })).has("a"), false);
  await rejects(readTomlFile(directory.path, { keys: KEYS, optional: true }), { code: "config-missing" });
});
