/**
 * Preset `nftables`: the generation's documents, in order, are the whole ruleset of the network namespace. They are
 * joined into one file, `ruleset.nft`, that starts with `flush ruleset`; nft applies a file as one transaction, so
 * there is no moment without rules, and a file that fails changes nothing.
 *
 * Refused with `driver-check` before nft sees it: the word `include`, wherever it stands, because nft would read any
 * file of this machine and quote it in its errors; and bytes that are no text. (The word is not searched for by
 * nft's own grammar: a difference between two parsers would be a way around it.)
 *
 * @module
 */
import { join } from "node:path";
import { type Bytes, concat, utf8 } from "../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { writeDurably } from "../common/durable_file.ts";
import type { DriverConfig } from "./config.ts";
import type { Driver } from "./driver.ts";
import { healthOf, verdictOf } from "./exec_driver.ts";
import { readDocuments } from "./generation.ts";
import { runProgram } from "./driver_program.ts";

const RULESET = "ruleset.nft";

/** Makes the driver. */
export function nftablesDriver(
  config: DriverConfig & { readonly preset: "nftables" },
  { pidFile }: { readonly pidFile: string },
): Driver {
  const running = { timeoutMs: config.timeoutMs, pidFile };
  return {
    name: "nftables",
    check: async (directory) => {
      const written = await writeRuleset(directory);
      if (!written.ok) return written;
      const argv = ["nft", "--check", "--file", RULESET];
      return await verdictOf(argv, { directory, ...running, code: "driver-check" });
    },
    apply: async (directory) => {
      const written = await writeRuleset(directory);
      if (!written.ok) return written;
      return await verdictOf(["nft", "--file", RULESET], { directory, ...running, code: "driver-apply" });
    },
    export: async () => {
      const options = { directory: "/", ...running, outputBytes: LIMITS.exportBytes };
      const { ok, summary, stdout, cut } = await runProgram(
        ["nft", "--stateless", "list", "ruleset"],
        options,
      );
      return ok && !cut ? accept(stdout) : refuse("driver-export", cut ? "the ruleset is too long" : summary);
    },
    ...healthOf(config, pidFile),
  };
}

/** Joins documents into one ruleset. */
export function joinRuleset(documents: readonly Bytes[]): Verdict<Bytes> {
  const parts: Bytes[] = [utf8("flush ruleset\n")];
  for (const document of documents) {
    const text = new TextDecoder("latin1").decode(document);
    if (/include/.test(text)) {
      return refuse(
        "driver-check",
        "the ruleset has the word include, which is not allowed, comments included",
      );
    }
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u0008\u000b-\u001f]/.test(text.replaceAll("\r\n", "\n"))) {
      return refuse("driver-check", "the ruleset has control characters");
    }
    // Each document ends its last line, lest a comment in it swallow the next one's first.
    parts.push(document, utf8("\n"));
  }
  return accept(concat(...parts));
}

async function writeRuleset(directory: string): Promise<Verdict<null>> {
  const joined = joinRuleset(await readDocuments(directory));
  if (!joined.ok) return joined;
  await writeDurably(join(directory, RULESET), joined.value, { mode: 0o600 });
  return accept(null);
}
