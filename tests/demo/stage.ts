/**
 * How the demonstration looks: numbered steps as they happen, checks with their evidence, a table at the end.
 *
 * @module
 */
import { table } from "../../cmd/common/output.ts";

/** A thing that was proved, and by what. */
export interface Proof {
  readonly claim: string;
  readonly evidence: string;
}

/** Where the demonstration plays. */
export interface Stage {
  /** Announces the next step. */
  readonly step: (text: string) => void;
  /** Shows something of interest. */
  readonly show: (text: string) => void;
  /** Notes what was proved; throws when it was not. */
  readonly prove: (claim: string, proof: { holds: boolean; evidence: string }) => void;
  readonly proofs: readonly Proof[];
  readonly seconds: () => number;
}

/** An empty stage; `quiet` shows nothing, for `--json`. */
export function makeStage(quiet: boolean): Stage {
  const startMs = performance.now();
  const proofs: Proof[] = [];
  const seconds = () => Math.round((performance.now() - startMs) / 100) / 10;
  let steps = 0;
  const say = (text: string) => {
    if (!quiet) console.log(text);
  };
  return {
    step: (text) => say(`\n[${String(seconds()).padStart(4)} s] ${++steps}. ${text}`),
    show: (text) => say(text.trimEnd().split("\n").map((line) => `           ${line}`).join("\n")),
    prove: (claim, { holds, evidence }) => {
      if (!holds) throw new Error(`not so: ${claim}: ${evidence}`);
      proofs.push({ claim, evidence });
      say(`           ✓ ${claim}: ${evidence}`);
    },
    proofs,
    seconds,
  };
}

/** The table at the end. */
export function proofTable(proofs: readonly Proof[]): string {
  return table([["what was proved", "by what"], ...proofs.map(({ claim, evidence }) => [claim, evidence])]);
}
