/** What the protocol asks of the chain: building a block, judging one, appending one; as the driver does it. */
import assert from "node:assert/strict";
import type { Action } from "../../consensus/events.ts";
import type { State } from "../../consensus/state.ts";
import { blockHash, type RawBlock, transactionsRoot } from "../../core/block.ts";
import type { TxId } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { certificateHash } from "../../core/certificate.ts";
import type { Refusal } from "../../core/errors.ts";
import type { Tip } from "../../core/ports.ts";
import type { FederationPayload } from "../../core/transaction.ts";
import type { HeldBlock, StoreContent } from "./disk.ts";
import type { DecidedBlock } from "./ledger.ts";
import type { MemberPool } from "./member_pool.ts";
import type { Surroundings } from "./surroundings.ts";
import { makeMutex, runTask, type Task } from "./tasks.ts";
import type { NodeId, SimTransaction } from "./types.ts";

type Validate = Extract<Action, { kind: "validate" }>;
type Build = Extract<Action, { kind: "build" }>;
type Commit = Extract<Action, { kind: "commit" }>;

/** How long one member is waited for before the next is asked for bodies, as in the driver. */
const ASK_NEXT_MS = 400;
const ASK_NEXT_MAX_MS = 5_000;

/** What is told of a member's chain. */
export interface ChainEvents {
  readonly onBuilt: (action: Build, proposal: HeldBlock["proposal"]) => void;
  readonly onValidated: (action: Validate, verdict: "valid" | "invalid") => void;
  readonly onAppended: (decided: DecidedBlock) => void;
}

/** A member's chain and what it does with it. */
export interface MemberChain {
  readonly tip: () => Tip;
  readonly blocks: () => readonly DecidedBlock[];
  readonly isUsed: (transaction: SimTransaction) => boolean;
  readonly latestVid: (transaction: SimTransaction) => number;
  /** Judges a change of the federation as the next one. */
  readonly judgeChange: (change: FederationPayload) => Refusal | undefined;
  readonly held: (id: TxId) => SimTransaction | undefined;
  readonly arrived: (transactions: readonly SimTransaction[]) => void;
  readonly build: (action: Build) => void;
  readonly validate: (action: Validate) => void;
  readonly commit: (action: Commit) => Task;
  /** Judges and appends a decided block from elsewhere; whether it held. */
  readonly append: (raw: RawBlock) => Task<boolean>;
}

interface BodyWait {
  readonly missing: Map<string, TxId>;
  readonly found: Map<string, SimTransaction>;
  isOver: boolean;
  resume: () => void;
}

/** Opens the chain that a store holds. */
export function openMemberChain(
  { around, content, pool, state, events }: {
    readonly around: Surroundings;
    readonly content: StoreContent;
    readonly pool: () => MemberPool;
    readonly state: () => State;
    readonly events: ChainEvents;
  },
): MemberChain {
  const { ledger, disk, rules, protocol, crypto, network, watcher } = around;
  const mutex = makeMutex();
  const blocks = [...content.blocks];
  const held = new Map(content.held);
  const used = new Set<string>();
  const versions = new Map<string, number>();
  let building = { isAborted: false };
  let validating: { isAborted: boolean; wait: BodyWait | null } = { isAborted: false, wait: null };
  let tip = ledger.genesis;
  for (const decided of blocks) take(decided);

  function take(decided: DecidedBlock): void {
    tip = ledger.tipAfter(decided, tip);
    for (const { nonceKey, cid, vid } of decided.transactions) {
      used.add(toHex(nonceKey));
      if (vid !== null) versions.set(toHex(cid), vid);
    }
  }

  function abort(): void {
    building.isAborted = true;
    validating.isAborted = true;
    end(validating.wait);
  }

  function end(wait: BodyWait | null): void {
    if (wait === null || wait.isOver) return;
    wait.isOver = true;
    wait.resume();
  }

  function* build({ height, round, ...action }: Build, token: { isAborted: boolean }): Task {
    const built = yield* mutex.alone(function* () {
      if (token.isAborted || tip.parent.height + 1 !== height) return null;
      const made = ledger.build(tip, {
        proposer: around.key.publicKey,
        createdRound: round,
        candidates: pool().candidates(),
        nowMs: Math.floor(around.wallMs()),
      });
      const hash = toHex(blockHash(crypto.hash, made.proposal.header));
      // The maker's own block is judged as everybody's: what it led to is known from then on.
      const wrong = ledger.judge(tip, { ...made, nowMs: null, checkDuplicates: true });
      assert(wrong === undefined, `a member built a block that is refused: ${wrong?.detail}`);
      yield* disk.write({ kind: "hold", hash, block: made });
      held.set(hash, made);
      return made;
    });
    if (built === null) return;
    yield* pool().drop(built.refused);
    if (!token.isAborted) events.onBuilt({ ...action, height, round }, built.proposal);
  }

  function* validate(action: Validate, token: typeof validating): Task {
    const { height, blockHash: hash, fresh, proposal } = action;
    const name = toHex(hash);
    const transactions = held.get(name)?.transactions ?? (yield* collect(action, token));
    if (transactions === null) return;
    const verdict = yield* mutex.alone(function* () {
      if (token.isAborted || tip.parent.height + 1 !== height) return null;
      const { checkDuplicates, checkClock } = rules;
      const nowMs = fresh && checkClock ? around.wallMs() : null;
      const refusal = ledger.judge(tip, { proposal, transactions, nowMs, checkDuplicates });
      if (refusal !== undefined) watcher.count(`refused ${refusal.code}`);
      if (refusal?.code === "federation-order") watcher.count("change refused as old");
      if (refusal?.code === "federation-pending") watcher.count("change refused while another is pending");
      const isStrange = !rules.ignorePool && transactions.some(({ id }) => pool().get(id) === undefined);
      if (refusal !== undefined || isStrange) return "invalid";
      const block = { proposal, transactions };
      if (rules.holdBeforeValidated) yield* disk.write({ kind: "hold", hash: name, block });
      else runTask(disk.write({ kind: "hold", hash: name, block }));
      held.set(name, block);
      return "valid";
    });
    if (verdict !== null && !token.isAborted) events.onValidated(action, verdict);
  }

  /** What is not at hand is asked of the members that must have it, in turn, while it is of interest. */
  function* collect(
    action: Validate,
    token: typeof validating,
  ): Task<readonly SimTransaction[] | null> {
    const { proposal: { ids } } = action;
    const wait: BodyWait = { missing: new Map(), found: new Map(), isOver: false, resume: () => {} };
    for (const id of ids) {
      const here = pool().get(id) ?? heldTransaction(id);
      if (here === undefined) wait.missing.set(toHex(id), id);
      else wait.found.set(toHex(id), here);
    }
    if (wait.missing.size > 0) {
      token.wait = wait;
      const from = action.from.map((index) => around.nodeAt(state().tip.federation, index));
      ask(wait, { action, from, turn: 0 });
      yield (resume) => {
        wait.resume = resume;
        // Who was asked cannot have answered yet, but the proposal may be of no interest any more.
        if (wait.isOver) resume();
      };
      watcher.count(wait.missing.size === 0 ? "missing bodies fetched" : "bodies that never came");
    }
    if (wait.missing.size > 0) return null;
    return ids.map((id) => wait.found.get(toHex(id)) as SimTransaction);
  }

  function ask(
    wait: BodyWait,
    { action, from, turn }: { action: Validate; from: readonly NodeId[]; turn: number },
  ): void {
    if (wait.isOver) return;
    if (!isWanted(action)) return end(wait);
    const node = from[turn % from.length];
    if (node !== undefined) network.send(node, { kind: "want", ids: [...wait.missing.values()] });
    const doublings = Math.min(10, Math.floor(turn / Math.max(1, from.length)));
    const pauseMs = Math.min(ASK_NEXT_MS * 2 ** doublings, ASK_NEXT_MAX_MS);
    around.after(pauseMs, () => ask(wait, { action, from, turn: turn + 1 }));
  }

  function isWanted(action: Validate): boolean {
    const { height, current } = state();
    return height === action.height && current?.round === action.round && current.status === "validating" &&
      equal(current.blockHash, action.blockHash);
  }

  function heldTransaction(id: TxId): SimTransaction | undefined {
    for (const { transactions } of held.values()) {
      const found = transactions.find((each) => equal(each.id, id));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function* commit({ blockHash: hash, certificate, height }: Commit): Task {
    yield* mutex.alone(function* () {
      if (tip.parent.height >= height) {
        const same = tip.parent.height > height || equal(tip.parent.hash, hash);
        assert(same, `two certified blocks at height ${height}`);
        return;
      }
      const block = held.get(toHex(hash));
      assert(block !== undefined, `block at height ${height} was voted for but is not held`);
      const isGood = yield* appendNext({ ...block, hash, certificate });
      assert(isGood, `a quorum decided a block at height ${height} that is refused`);
    });
  }

  /** Appends under the mutex: the block, its indexes, last the tip. A crash in between is redone at the start. */
  function* appendNext(decided: DecidedBlock): Task<boolean> {
    const { proposal, transactions, certificate, hash } = decided;
    const { height } = proposal.header;
    const { checkDuplicates } = rules;
    const refusal = ledger.judge(tip, { proposal, transactions, nowMs: null, checkDuplicates });
    if (refusal !== undefined) return false;
    if (rules.verifySynced) {
      const { federation } = tip;
      if (!protocol.verifyCertificate(certificate, { federation, block: { height, hash }, crypto }).ok) {
        return false;
      }
    }
    if (!rules.acknowledgeDurable) watcher.onCommitTold(decided);
    yield* disk.write({ kind: "block", decided });
    const rest = [{ kind: "index", height }, { kind: "tip", height }] as const;
    for (const write of rules.batchesBeforeTip ? rest : [...rest].reverse()) yield* disk.write(write);
    blocks.push(decided);
    take(decided);
    abort();
    for (const [name, block] of held) if (block.proposal.header.height <= height) held.delete(name);
    watcher.onAppended({ decided, tip });
    yield* pool().settle(transactions);
    if (rules.acknowledgeDurable) watcher.onCommitTold(decided);
    events.onAppended(decided);
    return true;
  }

  function* append(raw: RawBlock): Task<boolean> {
    return yield* mutex.alone(function* () {
      const { header, certificate, parentCertificate } = raw;
      if (header.height <= tip.parent.height) return true;
      if (header.height !== tip.parent.height + 1 || !equal(header.parent, tip.parent.hash)) return false;
      const transactions = raw.transactions.map(around.readTransaction);
      if (!transactions.every((each) => each !== undefined)) return false;
      const ids = transactions.map(({ id }) => id);
      if (!equal(header.transactionsRoot, transactionsRoot(crypto.hash, ids))) return false;
      const named = parentCertificate === null ? null : certificateHash(crypto.hash, parentCertificate);
      if (named !== null && !equal(named, header.parentCertificate)) return false;
      const proposal = { header, parentCertificate, ids };
      return yield* appendNext({ hash: blockHash(crypto.hash, header), proposal, transactions, certificate });
    });
  }

  return {
    tip: () => tip,
    blocks: () => blocks,
    isUsed: ({ nonceKey }) => used.has(toHex(nonceKey)),
    latestVid: ({ cid }) => versions.get(toHex(cid)) ?? 0,
    judgeChange: ({ body }) =>
      protocol.checkChange(body, {
        federation: tip.nextFederation,
        pastBlock: (height) => {
          const { hash, proposal } = blocks[height - 1] ?? {};
          return hash === undefined || proposal === undefined
            ? undefined
            : { hash, time: proposal.header.time };
        },
        timeMs: around.wallMs(),
        crypto,
      }),
    held: heldTransaction,
    arrived: (transactions) => {
      const { wait } = validating;
      if (wait === null || wait.isOver) return;
      for (const each of transactions) {
        if (wait.missing.delete(toHex(each.id))) wait.found.set(toHex(each.id), each);
      }
      if (wait.missing.size === 0) end(wait);
    },
    build: (action) => {
      building.isAborted = true;
      building = { isAborted: false };
      runTask(build(action, building));
    },
    validate: (action) => {
      validating.isAborted = true;
      end(validating.wait);
      validating = { isAborted: false, wait: null };
      runTask(validate(action, validating));
    },
    commit,
    append,
  };
}
