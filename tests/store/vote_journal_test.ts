/**
 * The vote journal: cut at every byte, damaged at every byte.
 *
 * @module
 */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { openVoteJournal } from "../../store/vote_journal.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { hash, patterned } from "./fixture.ts";

const RECORDS = [utf8("first"), new Uint8Array(), patterned(300), utf8("last")];
const DAMAGED = { name: "VnfchainError", code: "journal-damaged" };
const HEAD = 8;
const RECORD_HEAD = 16;

/** Where each record ends in the file. */
const ENDS = RECORDS.map((_, i) =>
  RECORDS.slice(0, i + 1).reduce((sum, { length }) => sum + RECORD_HEAD + length, HEAD)
);

async function withJournal(body: (path: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const path = directory.file("votes.journal");
  await (async () => {
    await using journal = await openVoteJournal(path, { hash });
    await journal.append(RECORDS.slice(0, 2));
    await journal.append(RECORDS.slice(2));
  })();
  await body(path);
}

async function readBack(path: string) {
  await using journal = await openVoteJournal(path, { hash });
  return journal.records;
}

Deno.test("append() survives a reopening", async () => {
  await withJournal(async (path) => {
    assert.deepEqual(await readBack(path), RECORDS);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  });
});

Deno.test("append() keeps the order of calls that do not wait for each other", async () => {
  await withJournal(async (path) => {
    const more = Array.from({ length: 50 }, (_, i) => patterned(i));
    await (async () => {
      await using journal = await openVoteJournal(path, { hash });
      await Promise.all(more.map((record) => journal.append([record])));
    })();
    assert.deepEqual(await readBack(path), [...RECORDS, ...more]);
  });
});

Deno.test("openVoteJournal() drops a record that was cut, at every byte, and goes on behind it", async () => {
  await withJournal(async (path) => {
    const whole = await Deno.readFile(path);
    assert.equal(whole.length, ENDS.at(-1));
    for (let length = 0; length < whole.length; length++) {
      await Deno.writeFile(path, whole.subarray(0, length));
      const left = RECORDS.slice(0, ENDS.filter((end) => end <= length).length);
      await (async () => {
        await using journal = await openVoteJournal(path, { hash });
        assert.deepEqual(journal.records, left, `cut at ${length}`);
        await journal.append([utf8("more")]);
      })();
      assert.deepEqual(await readBack(path), [...left, utf8("more")], `cut at ${length}`);
    }
  });
});

Deno.test("openVoteJournal() refuses a flipped bit at every byte", async () => {
  await withJournal(async (path) => {
    const whole = await Deno.readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at] = flipped[at]! ^ (1 << (at & 7));
      await Deno.writeFile(path, flipped);
      await assert.rejects(openVoteJournal(path, { hash }), DAMAGED, `byte ${at}`);
    }
  });
});

Deno.test("openVoteJournal() refuses records that were swapped or left out", async () => {
  await withJournal(async (path) => {
    const whole = await Deno.readFile(path);
    const parts = ENDS.map((end, i) => whole.slice(ENDS[i - 1] ?? HEAD, end));
    const head = whole.slice(0, HEAD);
    for (const order of [[1, 0, 2, 3], [0, 2, 3], [0, 0, 1, 2, 3]]) {
      const bytes = [head, ...order.map((i) => parts[i]!)].flatMap((part) => [...part]);
      await Deno.writeFile(path, new Uint8Array(bytes));
      await assert.rejects(openVoteJournal(path, { hash }), DAMAGED, order.join());
    }
  });
});

Deno.test("openVoteJournal() takes zeros at the end for space that was never written", async () => {
  await withJournal(async (path) => {
    const whole = await Deno.readFile(path);
    const bytes = new Uint8Array(whole.length + 500);
    bytes.set(whole);
    await Deno.writeFile(path, bytes);
    assert.deepEqual(await readBack(path), RECORDS);
    assert.equal((await Deno.stat(path)).size, whole.length);
  });
});

Deno.test("openVoteJournal() refuses a file that is no journal", async () => {
  await withJournal(async (path) => {
    await Deno.writeTextFile(path, "SQLite format 3");
    await assert.rejects(openVoteJournal(path, { hash }), DAMAGED);
  });
});

Deno.test("openVoteJournal() says when there is no such directory", async () => {
  const code = "journal-unusable";
  await assert.rejects(openVoteJournal("/nowhere/at/all/votes", { hash }), { name: "VnfchainError", code });
});

Deno.test("compact() leaves the given records, and append() goes on behind them", async () => {
  await withJournal(async (path) => {
    await (async () => {
      await using journal = await openVoteJournal(path, { hash });
      await journal.append([utf8("x")]);
      await journal.compact([utf8("a"), utf8("b")]);
      await journal.append([utf8("c")]);
      await journal.compact([utf8("c")]);
      await journal.append([utf8("d"), utf8("e")]);
    })();
    assert.deepEqual(await readBack(path), ["c", "d", "e"].map(utf8));
  });
});

Deno.test("compact() that stopped before the new file was whole leaves the old journal", async () => {
  await withJournal(async (path) => {
    await Deno.writeTextFile(`${path}.new`, "half");
    assert.deepEqual(await readBack(path), RECORDS);
    await (async () => {
      await using journal = await openVoteJournal(path, { hash });
      await journal.compact([utf8("a")]);
    })();
    assert.deepEqual(await readBack(path), [utf8("a")]);
  });
});

Deno.test("append() fails for good after a failure", async () => {
  await withJournal(async (path) => {
    await using journal = await openVoteJournal(path, { hash });
    await Deno.mkdir(`${path}.new`);
    await assert.rejects(journal.compact([utf8("a")]), { code: "journal-unusable" });
    await assert.rejects(journal.append([utf8("b")]), { code: "journal-unusable" });
  });
});
