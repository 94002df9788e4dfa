import assert from "node:assert/strict";
import { watchDiskRoom } from "../../../cmd/node/disk_room.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

Deno.test("watchDiskRoom() finds a disk low below the reserve, and recovers by itself", async () => {
  let free = 99;
  const changes: unknown[] = [];
  await using room = await watchDiskRoom({
    directory: "/",
    onChange: (change) => void changes.push(change),
    reserveBytes: 100,
    everyMs: 1,
    freeBytes: () => Promise.resolve(free),
  });
  assert.equal(room.isLow(), true);
  free = 110; // not yet enough: it would flap
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(room.isLow(), true);
  free = 130;
  await until(() => !room.isLow());
  free = 110;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(room.isLow(), false);
  assert.deepEqual(changes, [{ isLow: true, freeBytes: 99 }, { isLow: false, freeBytes: 130 }]);
});

Deno.test("watchDiskRoom() asks the file system where the directory is", async () => {
  await using directory = await temporaryDirectory();
  const of = (reserveBytes: number) =>
    watchDiskRoom({ directory: directory.path, onChange: () => {}, reserveBytes });
  await using enough = await of(0);
  await using never = await of(Number.MAX_SAFE_INTEGER);
  assert.deepEqual([enough.isLow(), never.isLow()], [false, true]);
});

Deno.test("watchDiskRoom() takes a file system that does not tell for one with room", async () => {
  await using room = await watchDiskRoom({ directory: "/does/not/exist", onChange: () => {} });
  assert.equal(room.isLow(), false);
});
