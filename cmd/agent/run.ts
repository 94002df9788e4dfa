/**
 * The agent's life: key, lock and state at the start, then round after round, woken by the interval, by SIGHUP, or
 * sooner and later by how the last one went. It opens no port. SIGINT and SIGTERM end it between two steps.
 *
 * @module
 */
import { join } from "node:path";
import { EXIT, type ExitCode, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { agreementKeyFromSeed } from "../../core/platform/agreement.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { type Log, logOf } from "../common/log.ts";
import { openNodeBook } from "../common/node_book.ts";
import { readSecretFile } from "../common/secret_file.ts";
import { handleSignals } from "../common/signals.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { makeBundlePoller, readBundleFile } from "./bundle.ts";
import { type Agent, type Round, runRound } from "./cycle.ts";
import { endLeftover } from "./driver_program.ts";
import { readBootId, tidy } from "./install.ts";
import { type Freshness, lookAt, openFreshness } from "./freshness.ts";
import { ensureKey, publicKeyNotice } from "./key.ts";
import { lockStateDirectory } from "./lock.ts";
import { makeFeedReader, makePoller } from "./poll.ts";
import { openAgentTrust } from "./trust.ts";
import { readRuntime, writeRuntime } from "./runtime_file.ts";
import { makeDrivers } from "./presets.ts";
import { openState } from "./state_store.ts";

const EXIT_OF: Readonly<Record<Round["end"], ExitCode>> = {
  done: EXIT.done,
  refused: EXIT.failed,
  stale: EXIT.stale,
  unreachable: EXIT.unreachable,
};

/** How the agent is run. */
export interface RunOptions {
  /** One round only. */
  readonly once: boolean;
  /** Says the public key on the console. */
  readonly announce: (text: string) => void;
}

/** Runs the agent until it is ended, or for one round; gives the exit code. */
export async function runAgent(configPath: string, { once, announce }: RunOptions): Promise<ExitCode> {
  const config = await readAgentConfig(configPath);
  const pause = new Pause();
  const ending = new AbortController();
  using _signals = handleSignals({
    onEnd: () => {
      ending.abort();
      pause.wake();
    },
    onWake: () => pause.wake(),
  });
  using _lock = await lockStateDirectory(config.stateDir);
  using client = await openClient(config);
  const { signal } = ending;
  const agent = await withHint(config.stateDir, () => startAgent(config, { client, announce, signal }));
  if (once) return EXIT_OF[await withHint(config.stateDir, () => runOnce(agent))];
  await runRounds(agent, pause);
  return EXIT.done;
}

async function startAgent(
  config: AgentConfig,
  { client, announce, signal }:
    & { client: Deno.HttpClient; signal: AbortSignal }
    & Pick<RunOptions, "announce">,
): Promise<Agent> {
  const { stateDir, nodes, maxStalenessMs } = config;
  const federation = await readFederationFile(config.federation);
  const token = config.tokenFile === null ? undefined : await readSecretFile(config.tokenFile);
  const key = await ensureKey(stateDir);
  announce(publicKeyNotice(key.publicKey));
  const store = await openState(stateDir, { genesisId: federation.genesisId, self: key.publicKey });
  const trust = await openAgentTrust(stateDir, { pinned: federation, log: logOf("agent") });
  const first = Math.floor(Math.random() * nodes.length);
  const { nodes: records = [] } = await readRuntime(stateDir) ?? {};
  const book = openNodeBook(nodes, { nowMs: Date.now, first, records });
  const target = { trust, book, maxStalenessMs, nowMs: Date.now, client, signal };
  const pidFile = join(stateDir, "driver.pid");
  endLeftover(pidFile);
  await tidy({ stateDir, store });
  return {
    config,
    stateDir,
    nodes,
    key,
    store,
    client,
    token,
    signal,
    log: logOf("agent"),
    drivers: makeDrivers(config.drivers, { pidFile }),
    bootId: await readBootId(),
    agreementKeys: [agreementKeyFromSeed(key.agreementSeed())],
    trust,
    book,
    isOffline: false,
    poller: makePoller(target),
    feedReader: makeFeedReader(target),
  };
}

/** Applies what a bundle brings, in one round without any node; gives the exit code. */
export async function applyBundle(configPath: string, { bundle, announce }: {
  readonly bundle: string;
  readonly announce: (text: string) => void;
}): Promise<ExitCode> {
  const config = await readAgentConfig(configPath);
  const bytes = await readBundleFile(bundle);
  const ending = new AbortController();
  using _signals = handleSignals({ onEnd: () => ending.abort(), onWake: () => {} });
  using _lock = await lockStateDirectory(config.stateDir);
  using client = await openClient(config);
  const { signal } = ending;
  return await withHint(config.stateDir, async () => {
    const agent = await startAgent(config, { client, announce, signal });
    const poller = makeBundlePoller(bytes, { name: bundle, config, log: agent.log, trust: agent.trust });
    return EXIT_OF[(await runRound({ ...agent, poller, isOffline: true })).end];
  });
}

/** One round; what the nodes did in it is kept for the next, and for `agent status`. */
async function runOnce(agent: Agent): Promise<Round["end"]> {
  try {
    return (await runRound(agent)).end;
  } finally {
    await showRuntime(agent, { stale: false });
  }
}

async function showRuntime({ stateDir, book }: Agent, { stale }: { stale: boolean }): Promise<void> {
  await writeRuntime(stateDir, { time: Date.now(), stale, nodes: book.records() });
}

async function runRounds(agent: Agent, pause: Pause): Promise<void> {
  const { maxStalenessMs } = agent.config;
  let freshness = openFreshness(performance.now());
  let failures = 0;
  while (!agent.signal.aborted) {
    const went = await runRoundSafely(agent);
    failures = went ? 0 : failures + 1;
    const height = agent.store.current().header?.height ?? 0;
    const looked = lookAt(freshness, { height, nowMs: performance.now(), maxStalenessMs });
    if (looked.stale !== freshness.stale) logFreshness(agent.log, looked);
    freshness = looked;
    await showRuntimeSafely(agent, looked);
    if (agent.signal.aborted) break;
    const ms = pauseMs(agent.config.intervalMs, { failures, random: Math.random() });
    // However long the interval is, staleness is noticed when it begins.
    const untilStaleMs = looked.sinceMs + maxStalenessMs - performance.now();
    await pause.wait(looked.stale || untilStaleMs <= 0 ? ms : Math.min(ms, untilStaleMs + 1));
  }
  agent.log.info("ended", {});
}

function logFreshness(log: Log, { stale, height }: Freshness): void {
  if (stale) log.error("STALE: no newer header for too long; the running configuration stays", { height });
  else log.info("fresh again", { height });
}

/** A full disk is told by what matters more. */
async function showRuntimeSafely(agent: Agent, freshness: Freshness): Promise<void> {
  await showRuntime(agent, freshness).catch((error: unknown) => {
    agent.log.warning("what the nodes did cannot be written", { error: String(error) });
  });
}

/** Does it; what the system refuses on the way is told as the operator's to mend. */
async function withHint<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (cause instanceof VnfchainError || typeof code !== "string") throw cause;
    throw new VnfchainError(`the system refuses: ${message}`, {
      code,
      hint: `check ${stateDir}, its owner and the space on its disk; nothing is lost, run it again`,
      cause,
    });
  }
}

/** Whether a node gave an answer that holds. What an operator must mend is logged, and tried again. */
async function runRoundSafely(agent: Agent): Promise<boolean> {
  try {
    return (await runRound(agent)).header !== null;
  } catch (error) {
    // A system's error has a code; anything else is a bug of ours and stops the process.
    const code = (error as { code?: unknown }).code;
    if (!(error instanceof Error) || typeof code !== "string") throw error;
    const hint = error instanceof VnfchainError ? error.hint : "";
    agent.log.error("round failed; it is tried again", { code, detail: error.message, hint });
    return false;
  }
}

/** The pause before the next round: the interval, give or take a tenth; doubled for each failure, within a bound. */
export function pauseMs(
  intervalMs: number,
  { failures, random }: { failures: number; random: number },
): number {
  const longest = Math.max(intervalMs, LIMITS.agentBackoffMs);
  const base = Math.min(intervalMs * 2 ** Math.min(failures, 20), longest);
  return Math.round(base * (0.9 + 0.2 * random));
}

/** A pause that a signal can end. */
class Pause {
  #wake: () => void = () => {};
  /** A signal that came while nobody paused ends the next pause at once. */
  #woken = false;

  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
    this.#wake = () => {};
  }
}

async function openClient({ caFile, proxy }: AgentConfig): Promise<Deno.HttpClient> {
  const authorities = caFile === null ? {} : { caCerts: [await readText(caFile)] };
  try {
    return Deno.createHttpClient({ ...authorities, ...(proxy === null ? {} : { proxy: { url: proxy } }) });
  } catch (error) {
    throw connectionProblem("ca_file or proxy is not usable", error);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw connectionProblem(`${path} cannot be read`, error);
  }
}

function connectionProblem(message: string, cause: unknown): VnfchainError {
  return new VnfchainError(`read configuration: ${message}`, {
    code: "config-invalid",
    hint: cause instanceof Error ? cause.message : "",
    exitCode: EXIT.usage,
    cause,
  });
}
