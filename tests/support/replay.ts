/** Replaying chains in tests. */
import { openReplay, type Replay } from "../../core/chain_replay.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import { WINDOW_SALT_BYTES } from "../../core/uniqueness_window.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";

/** A replay before the first block, as the auditor opens it. */
export function replayOf({ federation }: { readonly federation: Federation }): Replay {
  const salt = randomBytes(WINDOW_SALT_BYTES);
  return openReplay({ federation, crypto: platformCrypto, leaderOf: leaderKeyAt, salt });
}
