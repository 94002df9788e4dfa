import { deepEqual, ok } from "node:assert/strict";
import { openNodeJournal } from "../../../cmd/node/journal.ts";
import { utf8 } from "../../../core/bytes.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const MIB = 1024 * 1024;

/** What a journal has when it is opened again. */
async function recordsIn(path: string): Promise<readonly string[]> {
  await using journal = await openNodeJournal(path);
  return journal.records.map((record) => new TextDecoder().decode(record.subarray(0, 8)).trim());
}

Deno.test("openNodeJournal() finds again what was appended, in order", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("votes");
  {
    await using journal = await openNodeJournal(path);
    deepEqual(journal.records, []);
    await journal.append(1, [utf8("a"), utf8("b")]);
    await journal.append(2, [utf8("c")]);
  }
  deepEqual(await recordsIn(path), ["a", "b", "c"]);
});

Deno.test("openNodeJournal() drops older heights when it grows, and nothing of the height being decided", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("votes");
  const large = (name: string) => {
    const record = new Uint8Array(MIB).fill(32);
    record.set(utf8(name));
    return record;
  };
  {
    await using journal = await openNodeJournal(path);
    await journal.append(1, [large("1a"), large("1b")]);
    await journal.append(2, [large("2a")]);
    await journal.append(2, [large("2b")]);
  }
  deepEqual(await recordsIn(path), ["2a", "2b"]);
  ok((await Deno.stat(path)).size < 3 * MIB);
});

Deno.test("openNodeJournal() keeps what it found at the start while the height may be the same", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("votes");
  {
    await using journal = await openNodeJournal(path);
    await journal.append(5, [utf8("old")]);
  }
  {
    await using journal = await openNodeJournal(path);
    await journal.append(5, [new Uint8Array(5 * MIB).fill(33)]);
  }
  deepEqual((await recordsIn(path))[0], "old");
});
