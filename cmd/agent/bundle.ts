/**
 * Bundles for an agent that reaches no node: a poller that answers from a file. What the file says is verified as an
 * answer over the network is; its age is held to `bundle_max_age` and said.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { type VerifiedBundle, verifyBundle } from "../../core/bundle.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { readBoundedFile } from "../common/bounded_file.ts";
import type { PollQuestion } from "../common/certified_poll.ts";
import { durationText } from "../common/time_text.ts";
import type { FederationTrust } from "../common/federation_trust.ts";
import type { Log } from "../common/log.ts";
import type { AgentConfig } from "./config.ts";
import type { Polled, Poller } from "./poll.ts";

/** Reads a bundle's bytes; nothing in them is verified. Throws `bundle-missing`. */
export function readBundleFile(path: string): Promise<Bytes> {
  return readBoundedFile(path, {
    what: "bundle",
    maxBytes: LIMITS.bundleBytes,
    code: "bundle-missing",
    hint: "name a file that `vnfchain tenant bundle` wrote",
  });
}

/** What a bundle is read with. */
export interface BundleReading {
  /** As the operator named it. */
  readonly name: string;
  readonly config: Pick<AgentConfig, "bundleMaxAgeMs">;
  readonly trust: FederationTrust;
  readonly log: Log;
}

/** Makes a poller that answers every question from the bundle. */
export function makeBundlePoller(bytes: Bytes, { name, config, trust, log }: BundleReading): Poller {
  return async (question): Promise<Polled> => {
    const verdict = judge(bytes, { question, trust, maxAgeMs: config.bundleMaxAgeMs });
    if (!verdict.ok) {
      const { code, detail } = verdict;
      const failures = [{ node: name, code, detail, lied: false }];
      return { kind: code === "stale" ? "stale" : "refused", failures };
    }
    const { poll, followed } = verdict.value;
    await trust.adopt(followed);
    const age = durationText(Math.max(0, Date.now() - poll.head.time));
    log.info("bundle verified", { height: poll.head.height, closed: `${age} ago` });
    return { kind: "answered", poll, failures: [] };
  };
}

function judge(
  bytes: Bytes,
  { question, trust, maxAgeMs }: { question: PollQuestion; trust: FederationTrust; maxAgeMs: number },
): Verdict<VerifiedBundle> {
  const { feeds, known, configurations } = question;
  const trusted = trust.current();
  const verdict = verifyBundle(bytes, { feeds, known, trusted, crypto: platformCrypto });
  if (!verdict.ok) return verdict;
  const { head, configuration } = verdict.value.poll;
  for (const wanted of configurations) {
    const found = configuration(wanted);
    if (!found.ok) return found;
  }
  const ageMs = Date.now() - head.time;
  return ageMs <= maxAgeMs ? accept(verdict.value) : refuse(
    "stale",
    `the bundle ends at height ${head.height}, closed ${durationText(ageMs)} ago, at most ${
      durationText(maxAgeMs)
    }`,
  );
}
