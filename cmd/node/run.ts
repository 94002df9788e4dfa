/**
 * `vnfchain node`: one stack of resources, opened in order and closed in reverse.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { assert } from "../../core/errors.ts";
import { memberAt } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { DriverLog } from "../../consensus/driver/log.ts";
import { type Member, openMember } from "../../consensus/driver/member.ts";
import type { NetworkPort } from "../../consensus/driver/traffic.ts";
import { formatAddress } from "../../consensus/tcp/address.ts";
import { openPeers, type Peers } from "../../consensus/tcp/peers.ts";
import { logOf, type LogOptions, openLog } from "../common/log.ts";
import { handleSignals } from "../common/signals.ts";
import { makeAdmission } from "./admission.ts";
import { makeRoutes } from "./api/routes.ts";
import { openApiServer } from "./api/server.ts";
import { readBlocks } from "./blocks.ts";
import { hashToken, type NodeConfig, type NodeFlags, readNodeConfig } from "./config.ts";
import { makeEvidenceKeeper } from "./evidence_files.ts";
import { checkFederation } from "./federation_check.ts";
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
  await checkFederation(config.federation, { nowMs: Date.now(), log: logOf("node") });
  await using store = await openNodeStore({
    directory: config.directory,
    federation: config.federation,
    location: config.store,
  });
  await using node = await openNode({ config, store, fatal: fail });
  logOf("node").info("ready", {
    name: memberAt(config.federation, config.self).name,
    members: formatAddress(node.peers.address),
    clients: node.url,
    height: store.chain.tip().parent.height,
  });
  await ended;
  logOf("node").info("stopping");
}

interface Node extends AsyncDisposable {
  readonly peers: Peers;
  readonly url: string;
}

/** Opens everything above the store. */
async function openNode(
  { config, store, fatal }: { config: NodeConfig; store: NodeStore; fatal: (error: unknown) => void },
): Promise<Node> {
  await using stack = new AsyncDisposableStack();
  const { federation, self, key } = config;
  const parts: Parts = { metrics: makeMetrics(() => running(parts).services.status()) };
  const journal = stack.use(await openNodeJournal(store.paths.votes));
  const keepEvidence = makeEvidenceKeeper(config.directory, logOf("consensus"));
  const room = stack.use(await watchDiskRoom({ directory: config.directory, onChange: logRoom }));
  const member = stack.use(
    await openMember({
      chain: store.chain,
      pool: store.chain.pool,
      journal,
      crypto: platformCrypto,
      key,
      network: networkOf(parts),
      nowMs: Date.now,
      readBlocks: (options) => readBlocks(store.chain, options),
      isDiskLow: room.isLow,
      onAppended: (decided) => {
        parts.metrics.onAppended(decided);
        running(parts).onAppended(decided);
      },
      onEvidence: (evidence) => void keepEvidence(evidence),
      log: driverLog(parts.metrics),
      fatal,
    }),
  );
  parts.services = makeServices({
    member,
    chain: store.chain,
    federation,
    self,
    crypto: platformCrypto,
    connected: () => parts.peers?.connected() ?? [],
  });
  parts.peers = stack.use(openLinks(config, { member, metrics: parts.metrics }));
  const api = stack.use(
    await openApiServer(
      makeRoutes(parts.services.services, {
        admission: makeAdmission(config.admission, { hashToken }),
        metrics: parts.metrics.text,
        onRefused: parts.metrics.onRefused,
        nowMs: Date.now,
      }),
      { address: config.http, tls: config.tls, onError: logBug },
    ),
  );
  const opened = stack.move();
  return {
    peers: parts.peers,
    url: `${config.tls === undefined ? "http" : "https"}://${formatAddress(api.address)}`,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
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
  peers?: Peers;
}

function running({ services }: Parts): RunningServices {
  assert(services !== undefined, "nothing is appended or served before the services are made");
  return services;
}

/** The links as the member uses them; before they are open nobody is connected. */
function networkOf(parts: Parts): NetworkPort {
  return {
    send: (to, frame) => parts.peers?.send(to, frame) ?? false,
    broadcast: (frame) => void parts.peers?.broadcast(frame),
  };
}

function openLinks(
  { key, federation, listen, peerAddresses }: NodeConfig,
  { member, metrics }: { member: Member; metrics: NodeMetrics },
): Peers {
  const log = logOf("members");
  return openPeers({
    self: key,
    federation,
    crypto: platformCrypto,
    listen: formatAddress(listen),
    addresses: peerAddresses,
    hello: member.hello,
    on: {
      up: member.onUp,
      down: member.onDown,
      frame: (from: number, bytes: Bytes) => member.onFrame(from, bytes),
    },
    log: ({ level, code, member: index, detail }) => {
      if (level === "warning") metrics.onRefused(code);
      const name = index === null ? null : memberAt(federation, index).name;
      log[level](detail, { code, member: name });
    },
  });
}

function driverLog(metrics: NodeMetrics): DriverLog {
  const log = logOf("consensus");
  return (level, text, properties = {}) => {
    const { code, leftOut } = properties;
    if (typeof code === "string") metrics.onRefused(code, 1 + (typeof leftOut === "number" ? leftOut : 0));
    log[level](text, properties);
  };
}
