/**
 * `vnfchain node`: one stack of resources, opened in order and closed in reverse.
 *
 * @module
 */
import type { PublicKey } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import { assert } from "../../core/errors.ts";
import { memberAt } from "../../core/federation.ts";
import { federationNamed, type FederationTerm } from "../../core/federation_terms.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { openRoster, type Roster } from "../../core/roster.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import type { DriverLog } from "../../consensus/driver/log.ts";
import { type Member, openMember } from "../../consensus/driver/member.ts";
import type { Evidence } from "../../consensus/evidence.ts";
import { formatAddress } from "../../consensus/tcp/address.ts";
import { logOf, type LogOptions, openLog } from "../common/log.ts";
import { handleSignals } from "../common/signals.ts";
import { makeAdmission } from "./admission.ts";
import { makeRoutes } from "./api/routes.ts";
import { openApiServer } from "./api/server.ts";
import { readBlocks } from "./blocks.ts";
import {
  hashToken,
  httpAddress,
  type NodeConfig,
  type NodeFlags,
  readNodeConfig,
  unknownNames,
} from "./config.ts";
import { openEvidenceKeeper } from "./evidence_files.ts";
import { checkFederation, warnOfExpired } from "./federation_check.ts";
import { openFollowing } from "./following.ts";
import { type MemberLinks, openMemberLinks } from "./member_links.ts";
import { watchDiskRoom } from "./disk_room.ts";
import { openNodeJournal } from "./journal.ts";
import { makeMetrics, type NodeMetrics } from "./metrics.ts";
import { type NodeStore, openNodeStore } from "./open_store.ts";
import { makeServices, type RunningServices } from "./services_of.ts";

/** Runs a node until SIGINT or SIGTERM; throws when it cannot start, or must stop. */
export async function runNode(
  flags: NodeFlags & { logLevel?: LogOptions["level"]; logJson?: true | undefined },
) {
  openLog({ level: flags.logLevel, json: flags.logJson });
  const config = await readNodeConfig(flags);
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
  ended.catch(() => {}); // it may fail before it is awaited; the wait below throws what it failed with
  using _signals = handleSignals({ onEnd: end, onWake: () => {} });
  await checkFederation(config.federation);
  await using store = await openNodeStore({
    directory: config.directory,
    federation: config.federation,
    location: config.store,
  });
  const { federation } = store.chain.tip();
  await warnOfExpired(federation, { nowMs: Date.now(), log: logOf("node") });
  for (const name of unknownNames(config, federation.document)) {
    logOf("node").warning("--peers names nobody that the federation in force knows", { name });
  }
  await using node = await openNode({ config, store, fatal: fail });
  const address = node.links.address();
  logOf("node").info("ready", {
    name: node.name(),
    members: address === undefined ? "none: no member, follows the chain" : formatAddress(address),
    clients: node.url,
    height: store.chain.tip().parent.height,
  });
  await ended;
  logOf("node").info("stopping");
}

interface Node extends AsyncDisposable {
  readonly name: () => string;
  readonly links: MemberLinks;
  readonly url: string;
}

/** Opens everything above the store. */
async function openNode(
  { config, store, fatal }: { config: NodeConfig; store: NodeStore; fatal: (error: unknown) => void },
): Promise<Node> {
  await using stack = new AsyncDisposableStack();
  const { federation, key } = config;
  const { chain } = store;
  const http = httpAddress(config, chain.federationTerms().map((term) => term.federation.document));
  const roster = openRoster(federation);
  const parts: Parts = { metrics: makeMetrics(() => running(parts).services.status()) };
  const journal = stack.use(await openNodeJournal(store.paths.votes));
  const evidence = stack.use(openEvidenceKeeper(config.directory, logOf("consensus")));
  const links = openMemberLinks({
    config,
    roster,
    tip: () => chain.tip(),
    onRefused: parts.metrics.onRefused,
    fatal,
  });
  const room = stack.use(await watchDiskRoom({ directory: config.directory, onChange: logRoom }));
  const member = stack.use(
    await openMember({
      chain: store.chain,
      pool: store.chain.pool,
      journal,
      crypto: platformCrypto,
      key,
      network: links.network,
      roster,
      nowMs: Date.now,
      readBlocks: (options) => readBlocks(store.chain, options),
      isDiskLow: room.isLow,
      onAppended: (decided) => {
        parts.metrics.onAppended(decided);
        running(parts).onAppended(decided);
      },
      onEvidence: (found) => {
        const name = accusedName(found, store.chain.federationTerms());
        parts.metrics.onEvidence(name);
        void evidence.keep(found, name);
      },
      log: driverLog(parts.metrics, roster),
      fatal,
    }),
  );
  parts.services = makeServices({
    member,
    chain: store.chain,
    federation,
    self: key.publicKey,
    crypto: platformCrypto,
    isConnected: (other) => links.connected().some((number) => number === roster.numberOf(other)),
  });
  // Closed before the member: it ends what the links began.
  stack.use(links).begin(member);
  stack.use(followChain(config, { member, chain, links, fatal }));
  const api = stack.use(
    await openApiServer(
      makeRoutes(parts.services.services, {
        admission: makeAdmission(config.admission, { hashToken }),
        metrics: parts.metrics.text,
        onRefused: parts.metrics.onRefused,
        nowMs: Date.now,
      }),
      { address: http, tls: config.tls, onError: logBug },
    ),
  );
  const opened = stack.move();
  return {
    name: () => running(parts).services.status().name,
    links,
    url: `${config.tls === undefined ? "http" : "https"}://${formatAddress(api.address)}`,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function accusedName(
  { federationHash, first: { sender } }: Evidence,
  terms: readonly FederationTerm[],
): string {
  const federation = federationNamed(terms, federationHash);
  assert(federation !== undefined, "votes are verified under a federation document of the chain");
  return memberAt(federation, sender).name;
}

function logRoom({ isLow, freeBytes }: { isLow: boolean; freeBytes: number }): void {
  const log = logOf("node");
  if (isLow) log.error("the disk is nearly full: transactions are refused, votes go on", { freeBytes });
  else log.info("the disk has room again", { freeBytes });
}

/** A bug while a client was served costs that client its answer, and no vote depends on it: the node goes on. */
function logBug(error: unknown): void {
  logOf("api").error("a request failed here", {
    error: error instanceof Error ? error.stack ?? error.message : "",
  });
}

/** What is made after the member, and used by it. */
interface Parts {
  readonly metrics: NodeMetrics;
  services?: RunningServices;
}

function running({ services }: Parts): RunningServices {
  assert(services !== undefined, "nothing is appended or served before the services are made");
  return services;
}

/** A member without any link for so long is cut off. */
const CUT_OFF_MS = 10_000;

/**
 * Follows the chain over HTTP while the node is no member, and while a member is cut off: it may have been removed
 * without having heard of it, or have slept through so many changes that it knows nobody any more.
 */
function followChain(
  { key, observe }: NodeConfig,
  { member, chain, links, fatal }: {
    member: Member;
    chain: ChainStore;
    links: MemberLinks;
    fatal: (error: unknown) => void;
  },
): AsyncDisposable {
  const members = () => chain.tip().federation.document.members;
  const isOwn = (other: { readonly key: PublicKey }) => equal(other.key, key.publicKey);
  let linkedMs = performance.now();
  const isCutOff = () => {
    if (links.connected().length > 0 || members().every(isOwn)) linkedMs = performance.now();
    return performance.now() > linkedMs + CUT_OFF_MS;
  };
  return openFollowing({
    sources: () =>
      observe.length > 0 ? observe : members().filter((each) => !isOwn(each)).map(({ apiUrl }) => apiUrl),
    isNeeded: () => isCutOff() || !members().some(isOwn),
    height: () => chain.tip().parent.height,
    append: member.append,
    log: logOf("node"),
    fatal,
  });
}

/** Members go by their names in the log. */
function driverLog(metrics: NodeMetrics, roster: Roster): DriverLog {
  const log = logOf("consensus");
  return (level, text, properties = {}) => {
    const { code, leftOut, member } = properties;
    if (typeof code === "string") metrics.onRefused(code, 1 + (typeof leftOut === "number" ? leftOut : 0));
    log[level](
      text,
      typeof member === "number" ? { ...properties, member: roster.member(member).name } : properties,
    );
  };
}
