/** The preset nftables, with the real nft in a network namespace of its own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { utf8 } from "../../../core/bytes.ts";
import { joinRuleset } from "../../../cmd/agent/nftables_driver.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const RUNNER = fileURLToPath(new URL("nftables_run.ts", import.meta.url));

/** The namespace, and what can be done in it. */
interface Namespace extends Disposable {
  readonly nft: (...args: string[]) => string;
  readonly drive: (what: string, directory: string) => { ok: boolean; code?: string; text: string };
}

function run(args: readonly string[]): { success: boolean; stdout: string } {
  const [program, ...rest] = args as [string, ...string[]];
  const { success, stdout } = new Deno.Command(program, { args: rest, stderr: "null" }).outputSync();
  return { success, stdout: new TextDecoder().decode(stdout) };
}

function canMakeNamespaces(): boolean {
  const name = `vnfprobe${Deno.pid}`;
  try {
    const made = run(["ip", "netns", "add", name]).success &&
      run(["ip", "netns", "exec", name, "nft", "list", "ruleset"]).success;
    run(["ip", "netns", "del", name]);
    return made;
  } catch {
    return false;
  }
}

const ignore = !canMakeNamespaces();

function namespace(): Namespace {
  const name = `vnftest${Deno.pid}`;
  assert.ok(run(["ip", "netns", "add", name]).success);
  const inside = ["ip", "netns", "exec", name];
  return {
    nft: (...args) => run([...inside, "nft", ...args]).stdout,
    drive: (what, directory) =>
      JSON.parse(
        run([...inside, Deno.execPath(), "run", "-A", "--no-check", RUNNER, what, directory]).stdout,
      ),
    [Symbol.dispose]: () => void run(["ip", "netns", "del", name]),
  };
}

const rules = (port: number) =>
  `table inet filter {\n  chain input {\n    type filter hook input priority 0; policy accept;\n    tcp dport ${port} drop\n  }\n}\n`;

Deno.test({
  name: "nftables applies all documents as the whole ruleset, and a faulty one changes nothing",
  ignore,
  fn: async () => {
    using space = namespace();
    await using first = await temporaryDirectory();
    await Deno.writeTextFile(first.file("000-base.nft"), "table ip base { }");
    await Deno.writeTextFile(first.file("001-rules.nft"), rules(23));
    assert.deepEqual(space.drive("check", first.path), { ok: true, text: "" });
    assert.equal(space.nft("list", "ruleset"), "");
    assert.deepEqual(space.drive("apply", first.path), { ok: true, text: "" });
    const before = space.nft("-s", "list", "ruleset");
    assert.match(before, /table ip base[\s\S]*tcp dport 23 drop/);
    assert.deepEqual(space.drive("export", "/"), { ok: true, text: before });

    await using faulty = await temporaryDirectory();
    await Deno.writeTextFile(
      faulty.file("000-rules.nft"),
      `${rules(80)}table inet filter { chain input { tcp dport frop } }`,
    );
    assert.equal(space.drive("check", faulty.path).code, "driver-check");
    assert.equal(space.drive("apply", faulty.path).code, "driver-apply");
    assert.equal(space.nft("-s", "list", "ruleset"), before);

    await using second = await temporaryDirectory();
    await Deno.writeTextFile(second.file("000-rules.nft"), rules(80));
    assert.ok(space.drive("apply", second.path).ok);
    assert.doesNotMatch(space.nft("list", "ruleset"), /base|dport 23/);
  },
});

Deno.test({
  name: "nftables refuses a file that would be included, and says nothing of what is in it",
  ignore,
  fn: async () => {
    using space = namespace();
    await using directory = await temporaryDirectory();
    await Deno.writeTextFile(directory.file("000-rules.nft"), `include "/etc/passwd"\n`);
    const { code, text } = space.drive("check", directory.path);
    assert.equal(code, "driver-check");
    assert(!text.includes("root:x"), text);
    assert.equal(space.drive("apply", directory.path).ok, false);
  },
});

for (
  const text of [
    `include "/etc/passwd"`,
    `table inet a { }; include "/etc/passwd"`,
    `table inet a { comment "#"; include "x" }`,
    `\tinclude "./*.nft"`,
    `# a comment, and then\rinclude "x"`,
    `table inet a { }\u0000`,
    `\u001b[2J`,
  ]
) {
  Deno.test(`joinRuleset() refuses ${JSON.stringify(text)}`, () => {
    const joined = joinRuleset([utf8("table ip a { }\n"), utf8(text)]);
    assert.equal(joined.ok ? "accepted" : joined.code, "driver-check");
  });
}

Deno.test("joinRuleset() flushes first, keeps the order, and ends each document's last line", () => {
  const joined = joinRuleset([utf8("table ip a { } # end"), utf8("table ip b { }\r\n")]);
  assert.ok(joined.ok);
  assert.equal(
    new TextDecoder().decode(joined.value),
    "flush ruleset\ntable ip a { } # end\ntable ip b { }\r\n\n",
  );
});
