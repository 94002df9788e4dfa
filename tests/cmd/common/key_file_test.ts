import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createKeyFile, readKeyFile } from "../../../cmd/common/key_file.ts";
import { EXIT, VnfchainError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import { HAS_OPENSSL, openssl } from "../../support/openssl.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const key = generatePrivateKey();
const PASSPHRASE = "canary-passphrase";

/** The error of a refused key file; its code, that it names the file, and that it gives a hint are checked. */
async function refusal(
  run: Promise<unknown>,
  wanted: { code: string; path: string },
): Promise<VnfchainError> {
  const errors: VnfchainError[] = [];
  await rejects(run, (error) => {
    ok(error instanceof VnfchainError, String(error));
    errors.push(error);
    return true;
  });
  const [error] = errors;
  ok(error);
  equal(error.code, wanted.code, error.message);
  ok(error.message.includes(wanted.path), error.message);
  ok(error.hint.length > 0);
  equal(error.exitCode, EXIT.usage);
  return error;
}

Deno.test("readKeyFile() reads what createKeyFile() writes, plain and encrypted", async () => {
  await using directory = await temporaryDirectory();
  for (const [name, options] of [["plain", {}], ["encrypted", { passphrase: PASSPHRASE }]] as const) {
    await createKeyFile(directory.file(name), key, options);
    deepEqual((await readKeyFile(directory.file(name), options)).agreementSeed(), key.agreementSeed());
  }
});

Deno.test("createKeyFile() makes the file 0600 whatever the umask, with nothing beside it", async () => {
  await using directory = await temporaryDirectory();
  const before = Deno.umask(0);
  try {
    await createKeyFile(directory.file("key.pem"), key);
  } finally {
    Deno.umask(before);
  }
  equal(((await Deno.stat(directory.file("key.pem"))).mode ?? 0) & 0o777, 0o600);
  equal((await Array.fromAsync(Deno.readDir(directory.path))).length, 1);
});

Deno.test("createKeyFile() refuses a path that is taken, also by a dangling symlink", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("key.pem");
  await Deno.writeTextFile(path, "something");
  await refusal(createKeyFile(path, key), { code: "key-exists", path });
  equal(await Deno.readTextFile(path), "something");
  const dangling = directory.file("link");
  await Deno.symlink(directory.file("elsewhere"), dangling);
  await refusal(createKeyFile(dangling, key), { code: "key-exists", path: dangling });
});

Deno.test("createKeyFile() names a directory that is not there", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("no/key.pem");
  await refusal(createKeyFile(path, key), { code: "key-access", path });
});

Deno.test("readKeyFile() refuses a missing file", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("key.pem");
  await refusal(readKeyFile(path), { code: "key-missing", path });
});

for (const mode of [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666, 0o777]) {
  Deno.test(`readKeyFile() refuses mode ${mode.toString(8)} and says what to do`, async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("key.pem");
    await createKeyFile(path, key);
    await Deno.chmod(path, mode);
    const error = await refusal(readKeyFile(path), { code: "key-exposed", path });
    ok(error.hint.startsWith(`chmod 600 ${path}`), error.hint);
  });
}

for (const mode of [0o400, 0o600, 0o700]) {
  Deno.test(`readKeyFile() takes mode ${mode.toString(8)}`, async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("key.pem");
    await createKeyFile(path, key);
    await Deno.chmod(path, mode);
    deepEqual((await readKeyFile(path)).publicKey, key.publicKey);
  });
}

Deno.test("readKeyFile() refuses a symlink, also to a good key", async () => {
  await using directory = await temporaryDirectory();
  await createKeyFile(directory.file("key.pem"), key);
  const path = directory.file("link");
  await Deno.symlink("key.pem", path);
  await refusal(readKeyFile(path), { code: "key-symlink", path });
});

Deno.test({
  name: "readKeyFile() refuses a file of another user",
  ignore: Deno.uid() !== 0, // only root can give a file away
  fn: async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("key.pem");
    await createKeyFile(path, key);
    await Deno.chown(path, 12345, null);
    await refusal(readKeyFile(path), { code: "key-owner", path });
  },
});

Deno.test("readKeyFile() refuses a directory", async () => {
  await using directory = await temporaryDirectory();
  await refusal(readKeyFile(directory.path), { code: "key-unreadable", path: directory.path });
});

Deno.test("readKeyFile() refuses a FIFO without waiting for its writer", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("fifo");
  const made = await new Deno.Command("mkfifo", { args: ["-m", "600", path] }).output();
  ok(made.success);
  await refusal(readKeyFile(path), { code: "key-unreadable", path });
});

Deno.test("readKeyFile() refuses an empty file, binary and more bytes than the limit", async () => {
  await using directory = await temporaryDirectory();
  for (const [i, length] of [0, 100, LIMITS.keyFileBytes + 1].entries()) {
    const path = directory.file(`${i}`);
    await Deno.writeFile(path, new Uint8Array(length).fill(0xfe), { mode: 0o600 });
    await refusal(readKeyFile(path), { code: "key-unreadable", path });
  }
});

Deno.test("readKeyFile() does not read a file that is too large for a key", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("huge");
  await Deno.writeFile(path, new Uint8Array(), { mode: 0o600 });
  // Sparse: more than the system's reader would take, and than this machine should hold.
  await Deno.truncate(path, 2 ** 32);
  await refusal(readKeyFile(path), { code: "key-unreadable", path });
});

Deno.test("readKeyFile() gives one error for a wrong passphrase and a damaged file, and shows no secret", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("key.pem");
  await createKeyFile(path, key, { passphrase: PASSPHRASE });
  const wrong = await refusal(readKeyFile(path, { passphrase: "canary-wrong" }), {
    code: "key-unreadable",
    path,
  });
  const pem = await Deno.readTextFile(path);
  const lines = pem.split("\n");
  await Deno.writeTextFile(path, lines.toSpliced(2, 1).join("\n"));
  const damaged = await refusal(readKeyFile(path, { passphrase: PASSPHRASE }), {
    code: "key-unreadable",
    path,
  });
  deepEqual([wrong.message, wrong.hint], [damaged.message, damaged.hint]);
  const shown = [wrong, damaged].map((error) => Deno.inspect(error, { depth: 10 })).join();
  ok(!shown.includes("canary"));
  ok(!shown.includes(lines[1] as string));
});

Deno.test("readKeyFile() asks for the passphrase of an encrypted key", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("key.pem");
  await createKeyFile(path, key, { passphrase: PASSPHRASE });
  await refusal(readKeyFile(path), { code: "key-passphrase", path });
});

Deno.test({
  name: "readKeyFile() reads a key that openssl made, and refuses its RSA key as another type",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const [path, rsa] = [directory.file("key.pem"), directory.file("rsa.pem")];
    openssl("genpkey", "-algorithm", "ed25519", "-out", path); // openssl makes it 0600
    openssl("genpkey", "-algorithm", "RSA", "-out", rsa);
    ok((await readKeyFile(path)).publicKey.length === 32);
    await refusal(readKeyFile(rsa), { code: "key-type", path: rsa });
  },
});
