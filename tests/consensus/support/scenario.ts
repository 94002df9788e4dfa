/**
 * Runs text scenarios: commands, and after `----` the trace that they must give, up to the next empty line.
 *
 *     cluster N [tenure=T] [cap=MS]         N members that have greeted each other (not traced)
 *     lonely N                              the same, but nobody has greeted anybody
 *     greet A…                              links come up between these and all others
 *     cut A B | heal A B                    the link between two members breaks, or stands again
 *     work A… | idle A…                     something can be proposed, until the next block; or no more
 *     deliver [KIND…] [from=A…] [to=A…]     packets that match arrive, and those that they cause, until none is left
 *     lose [KIND…] [from=A…] [to=A…]        packets that match and are under way now are lost
 *     repeat                                everything that ever arrived arrives once more
 *     timeout A… | resend A… | heartbeat A…
 *     stale A H R                           a round timer of height H and round R expires at A, though nobody set it
 *     judge A valid|invalid|hold            what the driver says of proposals from now on
 *     answer A                              the driver gives the answers held back
 *     crash A… | restart A…                 restart greets everybody who is up
 *     rollback A RECORDS BLOCKS             the disk of a crashed member is set back: this many of each are left
 *     forge A KIND H/R [BLOCK] [to=B…]      a vote signed with A's key that its protocol did not cast
 *     chains                                which block each member has at which height
 */
import assert from "node:assert/strict";
import { blockHash } from "../../../core/block.ts";
import type { Height, Round } from "../../../core/brands.ts";
import type { TimerName } from "../../../consensus/events.ts";
import { NO_JUSTIFICATION } from "../../../consensus/justification.ts";
import type { Message } from "../../../consensus/message.ts";
import { voteMessage, type VoteSubject } from "../../../consensus/vote.ts";
import { encodeMessage } from "../../../consensus/wire.ts";
import {
  arrive,
  type Cluster,
  crash,
  fire,
  greet,
  greetAll,
  makeCluster,
  type Node,
  type Packet,
  post,
  restart,
  setWork,
  tipOf,
} from "./cluster.ts";
import { memberKey } from "../../support/federation.ts";
import { sha256 } from "../../support/sha256.ts";
import { makeProposal } from "./fixtures.ts";
import { actionLine, type BlockNames, makeBlockNames } from "./trace.ts";

interface Run {
  cluster: Cluster | undefined;
  readonly trace: string[];
  quiet: boolean;
  readonly names: BlockNames;
  readonly verdicts: Map<number, "valid" | "invalid" | "hold">;
  readonly arrived: Packet[];
}

interface Words {
  readonly plain: readonly string[];
  readonly numbers: readonly number[];
  readonly named: ReadonlyMap<string, readonly number[]>;
}

/** Runs a scenario; gives its text with the traces that came of it. */
export function runScenario(text: string): string {
  const run: Run = {
    cluster: undefined,
    trace: [],
    quiet: false,
    names: makeBlockNames(),
    verdicts: new Map(),
    arrived: [],
  };
  const blocks = text.trimEnd().split(/\n\n+/).map((block) => runBlock(run, block));
  return `${blocks.join("\n\n")}\n`;
}

function runBlock(run: Run, block: string): string {
  const lines = block.split("\n");
  const divider = lines.indexOf("----");
  const commands = divider < 0 ? lines : lines.slice(0, divider);
  run.trace.length = 0;
  for (const line of commands) if (!line.startsWith("#")) command(run, line);
  return divider < 0 && run.trace.length === 0 ? block : [...commands, "----", ...run.trace].join("\n");
}

function wordsOf(rest: readonly string[]): Words {
  const named = rest.filter((word) => word.includes("=")).map((word) => {
    const [name, values] = word.split("=") as [string, string];
    return [name, values.split(",").map(Number)] as const;
  });
  const plain = rest.filter((word) => !word.includes("="));
  return {
    plain,
    numbers: plain.filter((word) => /^\d+$/.test(word)).map(Number),
    named: new Map(named),
  };
}

/** Commands whose numbers are all members. */
const MEMBERS_ONLY = new Set(["work", "idle", "timeout", "resend", "heartbeat", "answer"]);

function command(run: Run, line: string): void {
  const [name, ...rest] = line.split(" ") as [string, ...string[]];
  const words = wordsOf(rest);
  if (name === "cluster" || name === "lonely") return make(run, { ...words, greeted: name === "cluster" });
  const { cluster } = run;
  assert(cluster !== undefined, "a scenario begins with a cluster");
  const nodes = MEMBERS_ONLY.has(name) ? words.numbers.map((index) => nodeOf(cluster, index)) : [];
  const [first, second] = words.numbers as [number, number];
  switch (name) {
    case "greet":
      return greetAll(cluster, [...words.numbers]);
    case "cut":
      cluster.cuts.add(`${first}-${second}`);
      post(cluster, { node: nodeOf(cluster, first), event: { kind: "peerDown", member: second } });
      return post(cluster, { node: nodeOf(cluster, second), event: { kind: "peerDown", member: first } });
    case "heal":
      cluster.cuts.delete(`${first}-${second}`);
      return greet(cluster, [first, second]);
    case "work":
    case "idle":
      return nodes.forEach((node) => setWork(cluster, { node, available: name === "work" }));
    case "deliver":
      return deliver(run, { cluster, words });
    case "lose":
      for (const packet of cluster.packets.filter((each) => matches(each, words))) remove(cluster, packet);
      return;
    case "repeat":
      return [...run.arrived].forEach((packet) => arrive(cluster, packet));
    case "timeout":
    case "resend":
    case "heartbeat":
      return nodes.forEach((node) => fireOrSay(run, { cluster, node, name }));
    case "stale":
      return stale(cluster, words.numbers);
    case "judge":
      run.verdicts.set(first, words.plain[1] as "valid" | "invalid" | "hold");
      return;
    case "answer":
      return nodes.forEach((node) =>
        node.heldBack.splice(0).forEach((event) => post(cluster, { node, event }))
      );
    case "crash":
      return words.numbers.forEach((index) => crash(cluster, index));
    case "restart":
      words.numbers.forEach((index) => restart(cluster, index));
      return greetAll(cluster, [...words.numbers]);
    case "rollback":
      return rollback(cluster, words.numbers as [number, number, number]);
    case "forge":
      return forge({ cluster, words });
    case "chains":
      return chains(run, cluster);
    default:
      assert.fail(`unknown command: ${line}`);
  }
}

function nodeOf({ nodes }: Cluster, index: number): Node {
  const node = nodes[index];
  assert(node !== undefined, `there is no member ${index}`);
  return node;
}

function make(run: Run, { numbers, named, greeted }: Words & { greeted: boolean }): void {
  run.quiet = true;
  run.cluster = makeCluster({
    n: numbers[0] as number,
    parameters: {
      tenureBlocks: named.get("tenure")?.[0] ?? 64,
      roundTimeoutMaxMs: named.get("cap")?.[0] ?? 16_000,
    },
    onAction: (node, action) => {
      // Timers other than the round's say little; what greeting sends is nothing yet.
      if (action.kind === "setTimer" && action.timer === "heartbeat") return;
      if (!run.quiet) run.trace.push(`${node.index} ${actionLine(action, run.names)}`);
    },
    judge: (node) => run.verdicts.get(node.index) ?? "valid",
  });
  if (greeted) greetAll(run.cluster);
  run.quiet = false;
}

function matches({ kind, from, to }: Packet, { plain, named }: Words): boolean {
  return (plain.length === 0 || plain.includes(kind)) &&
    (named.get("from")?.includes(from) ?? true) && (named.get("to")?.includes(to) ?? true);
}

function remove({ packets }: Cluster, packet: Packet): void {
  packets.splice(packets.indexOf(packet), 1);
}

function deliver(run: Run, { cluster, words }: { cluster: Cluster; words: Words }): void {
  for (let arrivals = 0;; arrivals++) {
    assert(arrivals < 2_000, "the members never fall silent");
    const packet = cluster.packets.find((each) => matches(each, words));
    if (packet === undefined) return;
    remove(cluster, packet);
    run.arrived.push(packet);
    arrive(cluster, packet);
  }
}

function fireOrSay(
  run: Run,
  { cluster, node, name }: { cluster: Cluster; node: Node; name: "timeout" | "resend" | "heartbeat" },
): void {
  const timer: TimerName = name === "timeout" ? "round" : name;
  if (!fire(cluster, { node, timer })) run.trace.push(`${node.index} has no ${timer} timer`);
}

function stale(cluster: Cluster, [index, height, round]: readonly number[]): void {
  const event = { kind: "timeout", height: height as Height, round: round as Round } as const;
  post(cluster, { node: nodeOf(cluster, index as number), event });
}

function rollback(cluster: Cluster, [index, records, blocks]: readonly [number, number, number]): void {
  const node = nodeOf(cluster, index);
  assert(!node.up, "only a crashed member's disk is set back");
  node.journal.length = Math.min(records, node.journal.length);
  node.chain.length = Math.min(blocks, node.chain.length);
}

function forge({ cluster, words: { plain, named } }: { cluster: Cluster; words: Words }): void {
  const [member, kind, where, letter = ""] = plain as [string, VoteSubject["kind"], string, string?];
  const [height, round] = where.split("/").map(Number) as [Height, Round];
  const sender = Number(member);
  const tip = tipOf(cluster, nodeOf(cluster, sender).chain);
  const proposal = makeProposal(tip, { proposer: sender, createdRound: round, content: `forged ${letter}` });
  const hash = blockHash(sha256, proposal.header);
  const subject: VoteSubject = kind === "round-change"
    ? { kind, height, round, prepared: null }
    : { kind, height, round, blockHash: hash };
  const signature = memberKey(sender).sign(voteMessage(cluster.federation, subject));
  const beside = kind === "pre-prepare" ? { proposal, justification: NO_JUSTIFICATION } : {};
  const bytes = encodeMessage({ ...subject, ...beside, sender, signature } as Message);
  for (const to of named.get("to") ?? cluster.nodes.map(({ index }) => index)) {
    if (to !== sender) cluster.packets.push({ from: sender, to, kind, bytes });
  }
}

function chains(run: Run, { nodes }: Cluster): void {
  for (const { index, chain } of nodes) {
    const names = chain.map(({ proposal }) => run.names.of(blockHash(sha256, proposal.header)));
    run.trace.push(`${index} has ${names.join(" ") || "nothing"}`);
  }
}
