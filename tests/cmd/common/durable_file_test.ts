import { deepEqual, equal, rejects } from "node:assert/strict";
import { syncDirectory, writeDurably } from "../../../cmd/common/durable_file.ts";
import { utf8 } from "../../../core/bytes.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const names = async (path: string) => (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
const modeOf = async (path: string) => ((await Deno.lstat(path)).mode ?? 0) & 0o777;

Deno.test("writeDurably() writes a new file with the mode given, and leaves nothing beside it", async () => {
  await using directory = await temporaryDirectory();
  await writeDurably(directory.file("a"), utf8("one"), { mode: 0o600 });
  equal(await Deno.readTextFile(directory.file("a")), "one");
  equal(await modeOf(directory.file("a")), 0o600);
  deepEqual(await names(directory.path), ["a"]);
});

Deno.test("writeDurably() replaces a longer file, and its mode", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("a"), "something longer", { mode: 0o644 });
  await writeDurably(directory.file("a"), utf8("two"), { mode: 0o600 });
  equal(await Deno.readTextFile(directory.file("a")), "two");
  equal(await modeOf(directory.file("a")), 0o600);
});

Deno.test("writeDurably() replaces a symlink and leaves what it points to alone", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("target"), "target");
  await Deno.symlink("target", directory.file("a"));
  await writeDurably(directory.file("a"), utf8("new"), { mode: 0o600 });
  equal(await Deno.readTextFile(directory.file("target")), "target");
  equal((await Deno.lstat(directory.file("a"))).isSymlink, false);
});

Deno.test("writeDurably() keeps a reader's open file whole while it replaces the path", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("a"), "old");
  using reader = await Deno.open(directory.file("a"));
  await writeDurably(directory.file("a"), utf8("new"), { mode: 0o600 });
  equal(await new Response(reader.readable).text(), "old");
});

Deno.test("writeDurably() with createNew fails on a file and on a dangling symlink, changing nothing", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("a"), "old");
  await Deno.symlink("nowhere", directory.file("b"));
  for (const name of ["a", "b"]) {
    await rejects(writeDurably(directory.file(name), utf8("new"), { mode: 0o600, createNew: true }), {
      code: "EEXIST",
    });
  }
  equal(await Deno.readTextFile(directory.file("a")), "old");
  deepEqual(await names(directory.path), ["a", "b"]);
});

Deno.test("writeDurably() with createNew lets one of many writers win, with its content whole", async () => {
  await using directory = await temporaryDirectory();
  const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(10_000));
  const outcomes = await Promise.allSettled(
    contents.map((content) =>
      writeDurably(directory.file("a"), utf8(content), { mode: 0o600, createNew: true })
    ),
  );
  const winners = contents.filter((_, i) => outcomes[i]?.status === "fulfilled");
  deepEqual(winners, [await Deno.readTextFile(directory.file("a"))]);
  deepEqual(await names(directory.path), ["a"]);
});

Deno.test("writeDurably() fails in a directory that is not there, and onto a directory", async () => {
  await using directory = await temporaryDirectory();
  await rejects(writeDurably(directory.file("no/a"), utf8("x"), { mode: 0o600 }), { code: "ENOENT" });
  await Deno.mkdir(directory.file("d"));
  await rejects(writeDurably(directory.file("d"), utf8("x"), { mode: 0o600 }), { code: "EISDIR" });
  deepEqual(await names(directory.path), ["d"]);
});

Deno.test("syncDirectory() takes a directory and fails on a missing one", async () => {
  await using directory = await temporaryDirectory();
  await syncDirectory(directory.path);
  await rejects(syncDirectory(directory.file("no")), { code: "ENOENT" });
});
