/** The frame that all subcommands share: wrong usage, help and version. */
import { deepEqual, equal, match } from "node:assert/strict";
import { runProgram } from "../../support/program.ts";

/** A command line, what is wrong with it, and the help that the hint names. */
const WRONG: readonly (readonly [string, string, string])[] = [
  ["nod", "unknown command 'nod' (Did you mean node?)", ""],
  ["--verbose", "unknown option '--verbose'", ""],
  ["node exprt --dir x", "unknown command 'exprt'", " node"],
  ["node", "required option '--dir <directory>' not specified", " node"],
  ["node --dri x", "unknown option '--dri' (Did you mean --dir?)", " node"],
  ["node export --dir x", "required option '--out <file>' not specified", " node export"],
  ["tenant publsh", "unknown command 'publsh' (Did you mean publish?)", " tenant"],
  ["tenant show", "missing required argument 'id|cid[@vid]'", " tenant show"],
  ["agent statsu --config x", "unknown command 'statsu'", " agent"],
  ["agent --once", "required option '--config <file>' not specified", " agent"],
  ["agent key", "required option '--config <file>' not specified", " agent key"],
  ["audit --chain x", "required option '-f, --federation <file>' not specified", " audit"],
];

for (const [line, message, command] of WRONG) {
  Deno.test(`vnfchain ${line}: wrong usage names what is wrong, and the help`, async () => {
    const { code, stdout, stderr } = await runProgram(line.split(" "));
    equal(stderr, `vnfchain: error: ${message}\nhint: vnfchain${command} --help\n`);
    deepEqual([code, stdout], [2, ""]);
  });
}

Deno.test("wrong usage with control characters is shown escaped", async () => {
  const { code, stderr } = await runProgram(["node", "--\u001b[31m"]);
  equal(code, 2);
  match(stderr, /unknown option '--\\u001b\[31m'/);
});

Deno.test("vnfchain without a command shows its help on standard error, with exit code 2", async () => {
  const { code, stdout, stderr } = await runProgram([]);
  deepEqual([code, stdout], [2, ""]);
  for (const command of ["node", "tenant", "agent", "audit"]) {
    match(stderr, new RegExp(`^  ${command} `, "m"));
  }
});

Deno.test("vnfchain --version prints the version that deno.json names", async () => {
  const { default: { version } } = await import("../../../deno.json", { with: { type: "json" } });
  const { code, stdout, stderr } = await runProgram(["--version"]);
  deepEqual([code, stdout, stderr], [0, `${version}\n`, ""]);
});
