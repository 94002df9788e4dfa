/**
 * Several nodes as one: each question goes to one node after the other until an answer holds. A node that cannot be
 * reached, or whose answer does not verify, costs a try, and its reason is kept for the log.
 *
 * @module
 */
import { EXIT, type Refusal, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import type { Reply } from "./http_client.ts";

/** Why a node's answer was not taken. */
export interface NodeFailure {
  readonly node: string;
  /** `unreachable`, or the code with which the node refused or its answer was refused. */
  readonly code: string;
  readonly detail: string;
  /** The answer itself did not hold: the node lies, or something between it and us does. */
  readonly lied: boolean;
}

/** What came of asking all nodes in turn. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T; readonly node: string; readonly failures: readonly NodeFailure[] }
  | { readonly ok: false; readonly failures: readonly NodeFailure[] };

/** One node's part: a reply that is judged, or a verdict at once. */
export interface Question<T> {
  readonly ask: (node: string) => Promise<Reply>;
  readonly judge: (body: Uint8Array<ArrayBuffer>, node: string) => Verdict<T> | Promise<Verdict<T>>;
  /** A refusal by an honest node that no other node would answer otherwise: stops the rotation. */
  readonly final?: (reply: Refusal) => boolean;
}

/** Codes of answers that an honest node gives while it lags. */
const LAGS: ReadonlySet<string> = new Set(["rollback", "stale"]);

/** The same in their order, beginning at a place; one beyond the end counts on from the start. */
export function startingAt<T>(all: readonly T[], first: number): readonly T[] {
  const place = all.length === 0 ? 0 : first % all.length;
  return [...all.slice(place), ...all.slice(0, place)];
}

/** Asks the nodes in turn, starting with `first`, until one answer holds. */
export async function askNodes<T>(
  nodes: readonly string[],
  { ask, judge, final, first = 0 }: Question<T> & { first?: number },
): Promise<Outcome<T>> {
  const failures: NodeFailure[] = [];
  for (const node of startingAt(nodes, first)) {
    const reply = await ask(node);
    if (reply.kind === "unreachable") {
      failures.push({ node, code: "unreachable", detail: reply.reason, lied: false });
      continue;
    }
    if (reply.kind === "refused") {
      failures.push({ node, code: reply.code, detail: reply.detail, lied: false });
      if (final?.(refuse(reply.code, reply.detail)) === true) break;
      continue;
    }
    const verdict = await judge(reply.body, node);
    if (verdict.ok) return { ok: true, value: verdict.value, node, failures };
    const { code, detail } = verdict;
    failures.push({ node, code, detail, lied: !LAGS.has(code) });
  }
  return { ok: false, failures };
}

/** The error for a question that no node answered well: exit code 3 when none answered, 1 otherwise. */
export function failedQuestion(what: string, failures: readonly NodeFailure[]): VnfchainError {
  const reasons = failures.map(({ node, code, detail }) => `${node}: ${code}: ${detail}`).join("; ");
  const none = failures.every(({ code }) => code === "unreachable");
  const last = failures.at(-1);
  return new VnfchainError(`${what}: ${reasons === "" ? "no node addresses" : reasons}`, {
    code: none ? "no-node" : last?.code ?? "no-node",
    hint: none
      ? "check the node addresses (--nodes) and that the nodes are running"
      : failures.some(({ lied }) => lied)
      ? "an answer did not verify; name more nodes with --nodes, and tell the federation which one it was"
      : "",
    exitCode: none ? EXIT.unreachable : EXIT.failed,
  });
}
