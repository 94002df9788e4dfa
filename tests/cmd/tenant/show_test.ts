import { deepEqual, equal, match, ok } from "node:assert/strict";
import { toHex } from "../../../core/bytes.ts";
import { createKeyFile } from "../../../cmd/common/key_file.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { failed, type Scene, scene } from "./command_line.ts";
import { lying, startNode } from "./node.ts";

const TEXT = "flush ruleset\n";

/** Publishes two versions and gives what was printed for each. */
async function twoVersions(it: Scene) {
  const first = await it.json("publish", await it.file("rules.nft", TEXT), "--to", it.to, ...it.access());
  const second = await it.json(
    ...["publish", await it.file("rules.nft", `${TEXT}# two\n`), "--to", it.to, "--cid", String(first.cid)],
    ...it.access(),
  );
  return [first, second] as const;
}

Deno.test("show finds a configuration by CID, CID@VID and transaction id, and opens it", async () => {
  await using it = await scene();
  const [first, second] = await twoVersions(it);
  const cases = [
    [String(first.cid), second, `${TEXT}# two\n`],
    [`${first.cid}@1`, first, TEXT],
    [`${first.cid}@2`, second, `${TEXT}# two\n`],
    [String(first.transaction), first, TEXT],
  ] as const;
  for (const [wanted, printed, text] of cases) {
    const shown = await it.json("show", wanted, ...it.access());
    const { transaction, cid, vid, height, content } = shown;
    deepEqual({ transaction, cid, vid, height }, printed);
    const sha256 = toHex(platformCrypto.hash(new TextEncoder().encode(text)));
    deepEqual(content, { type: "file", name: "rules.nft", length: text.length, sha256, text });
  }
});

Deno.test("show tells the header's fields", async () => {
  await using it = await scene();
  const file = await it.file("a.conf", "a");
  const { cid: template } = await it.json("template", file, ...it.access());
  const references = ["--before", `${template}@1`, "--description", "about"];
  const { cid } = await it.json("publish", file, "--to", it.to, ...references, ...it.access());
  const shown = await it.json("show", String(cid), ...it.access());
  const { type, sender, recipient, description, compression, encryption, applyBefore, applyAfter } = shown;
  deepEqual({ type, sender, recipient, description, compression, encryption, applyBefore, applyAfter }, {
    type: "configuration",
    sender: publicKeyToText(it.tenant.publicKey),
    recipient: it.to,
    description: "about",
    compression: "none",
    encryption: "hpke",
    applyBefore: [`${template}@1`],
    applyAfter: [],
  });
});

Deno.test("show --out writes the bytes as they were published, for the owner alone", async () => {
  await using it = await scene();
  const bytes = randomBytes(3000);
  const { cid } = await it.json("publish", await it.file("b.bin", bytes), "--to", it.to, ...it.access());
  const out = it.directory.file("out.bin");
  const shown = await it.json("show", String(cid), "--out", out, ...it.access());
  deepEqual(new Uint8Array(await Deno.readFile(out)), new Uint8Array(bytes));
  equal(((await Deno.stat(out)).mode ?? 0) & 0o777, 0o600);
  equal((shown.content as { file: string }).file, out);
});

Deno.test("show tells binary content and escapes text, so that nothing steers a terminal", async () => {
  await using it = await scene();
  const contents = [["\u001b]0;title\u0007\tx\n", /\\u001b\]0;title\\u0007\tx/], [
    "a\u0000b",
    /^binary: write/m,
  ]] as const;
  for (const [text, wanted] of contents) {
    const { cid } = await it.json("publish", await it.file("a.conf", text), "--to", it.to, ...it.access());
    const { code, stdout } = await it.run("show", String(cid), ...it.access());
    equal(code, 0);
    match(stdout, wanted);
    ok(!stdout.includes("\u001b") && !stdout.includes("\u0000"));
  }
});

Deno.test("show says what it can of a configuration that is not for this key", async () => {
  await using it = await scene();
  const { cid } = await it.json("publish", await it.file("a.conf", TEXT), "--to", it.to, ...it.access());
  const path = it.directory.file("stranger.pem");
  await createKeyFile(path, generatePrivateKey());
  const stranger = [...it.access(), "--key", path];
  const shown = await it.json("show", String(cid), ...stranger);
  deepEqual(shown.content, { unreadable: "decryption" });
  const out = it.directory.file("out");
  failed(await it.run("show", String(cid), "--out", out, ...stranger), {
    code: 1,
    error: /no wrap.*\nhint: /,
  });
  ok(!(await Array.fromAsync(Deno.readDir(it.directory.path))).some(({ name }) => name === "out"));
});

Deno.test("show opens everybody's template with anybody's key", async () => {
  await using it = await scene();
  const { cid } = await it.json("template", await it.file("a.conf", TEXT), ...it.access());
  const path = it.directory.file("stranger.pem");
  await createKeyFile(path, generatePrivateKey());
  const shown = await it.json("show", String(cid), ...it.access(), "--key", path);
  deepEqual([shown.type, (shown.content as { text: string }).text], ["template", TEXT]);
});

Deno.test("show tells what is not there, and whether that is proved", async () => {
  await using it = await scene();
  const [first] = await twoVersions(it);
  const show = (...args: string[]) => it.run("show", ...args, ...it.access());
  failed(await show(`${first.cid}@3`), {
    code: 1,
    error: /no configuration [0-9a-f]{64}@3 .*which is proved/,
  });
  failed(await show("ab".repeat(32)), { code: 1, error: /no node knows a transaction/ });
  failed(await show("ab".repeat(32), "--to", it.to), { code: 1, error: /which is proved/ });
  const found = await it.json("show", String(first.transaction), "--to", it.to, ...it.access());
  equal(found.transaction, first.transaction);
});

Deno.test("show refuses what is neither id nor CID", async () => {
  await using it = await scene();
  for (const wrong of ["x", "ab", `${"ab".repeat(32)}@x`]) {
    failed(await it.run("show", wrong, ...it.access()), { code: 2, error: /wanted/ });
  }
});

Deno.test("show believes no node whose answer does not prove itself", async () => {
  await using it = await scene();
  const [first] = await twoVersions(it);
  await using liar = await startNode(it.chain, { fault: lying() });
  for (const wanted of [String(first.cid), String(first.transaction)]) {
    failed(await it.run("show", wanted, ...it.access(liar.url)), {
      code: 1,
      error: /did not verify|unknown/,
    });
    const shown = await it.json("show", wanted, ...it.access(liar.url, it.node.url));
    equal(shown.cid, first.cid);
  }
});
