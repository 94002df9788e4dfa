/** What does not change while twins are searched: the federation, the keys, who is whose copy, the code under test. */
import { makeHeader } from "../../core/block_rules.ts";
import { asTxId, type Hash, type Height, type Round, ZERO_HASH } from "../../core/brands.ts";
import { type Bytes, utf8 } from "../../core/bytes.ts";
import type { Certificate } from "../../core/certificate.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { DEFAULT_PARAMETERS, type Federation, federationOf } from "../../core/federation.ts";
import type { Proposal, Tip } from "../../core/ports.ts";
import { genesisTip } from "../../core/tip.ts";
import type { Event } from "../../consensus/events.ts";
import type { VoteMessage } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { EPOCH_MS } from "./clockwork.ts";
import { rememberVerdicts } from "./protocol.ts";
import { nodeKey, QUICK_SIGNERS } from "./quick_crypto.ts";
import { PROCESSES, SECOND_COPY } from "./twins_choices.ts";
import type { Protocol } from "./types.ts";

/** A process between two rounds: plain data. */
export interface Copy {
  readonly state: State;
  /** Its block of height 1. */
  readonly decided:
    | { readonly hash: Hash; readonly proposal: Proposal; readonly certificate: Certificate }
    | null;
  /** The votes that it has sent, by place; see {@link forget}. */
  readonly signed: ReadonlyMap<string, VoteMessage>;
}

/** The surroundings of the copies. */
export interface TwinWorld {
  /** The code under test; it looks at each message once. */
  readonly protocol: Protocol;
  readonly federation: Federation;
  readonly crypto: CryptoPort;
  readonly genesis: Tip;
  /** The member that runs twice. */
  readonly twin: number;
  /** The member that a process is. */
  readonly memberOf: (process: number) => number;
  /** Another block for each process and round. */
  readonly makeBlock: (process: number, createdRound: Round) => Proposal;
  /** Each process when the first round begins: it has greeted the others, and has something to propose. */
  readonly begin: (process: number) => Copy;
}

/** Every round lasts as long as the longest: the bound of liveness is in rounds of that length. */
const ROUND_MS = 1_000;

/** Members; one of them fails. */
const MEMBERS = PROCESSES - 1;

/** Makes the surroundings for one twin. */
export function makeTwinWorld(twin: number, genuine: Protocol): TwinWorld {
  const { crypto, sign } = QUICK_SIGNERS;
  const federation = federationOfFour();
  const genesis = genesisTip(federation);
  const protocol = { ...genuine, verifyMessage: rememberVerdicts(genuine) };
  const memberOf = (process: number) => process === SECOND_COPY ? twin : process;

  function begin(process: number): Copy {
    const self = memberOf(process);
    const key = nodeKey(self);
    const tools = { crypto, publicKey: key.publicKey, sign: (message: Bytes) => sign(key, message) };
    const others = Array.from({ length: MEMBERS }, (_, member) => member).filter((member) => member !== self);
    const events: readonly Event[] = others.map((member) => ({
      kind: "peerUp",
      member,
      height: 0 as Height,
      highest: null,
    }));
    const started = protocol.start({ tools, tip: genesis, self, work: false, records: [] }).state;
    const state = events.reduce((before, event) => protocol.step(before, event).state, started);
    return { state, decided: null, signed: new Map() };
  }

  function makeBlock(process: number, createdRound: Round): Proposal {
    const ids = [asTxId(crypto.hash(utf8(`process ${process}, round ${createdRound}`)))];
    const proposer = nodeKey(memberOf(process)).publicKey;
    const block = { tip: genesis, proposer, createdRound, nowMs: EPOCH_MS, ids, stateRoot: ZERO_HASH };
    return { header: makeHeader(block, crypto), ids, parentCertificate: null };
  }

  return { protocol, federation, crypto, genesis, twin, memberOf, makeBlock, begin };
}

function federationOfFour(): Federation {
  return federationOf(QUICK_SIGNERS.crypto.hash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: EPOCH_MS - 60_000,
    name: "twins",
    authority: new Uint8Array(),
    members: Array.from({ length: MEMBERS }, (_, member) => ({
      name: `member ${member}`,
      key: nodeKey(member).publicKey,
      certificate: new Uint8Array(),
      peerAddress: `member-${member}:7000`,
      apiUrl: `http://member-${member}:8000`,
    })),
    parameters: { ...DEFAULT_PARAMETERS, roundTimeoutMs: ROUND_MS, roundTimeoutMaxMs: ROUND_MS },
  });
}
