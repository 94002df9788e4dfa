/**
 * Opening Deno KV: a file on this machine, or the URL of a KV Connect server. Nothing else in the store knows which.
 *
 * @module
 */
import { VnfchainError } from "../core/errors.ts";

/** Where Deno reads the token of a KV Connect server, and the only way to give it one. */
const TOKEN_VARIABLE = "DENO_KV_ACCESS_TOKEN";

/** Whether a location is a KV Connect server's URL rather than a path. */
export function isRemote(location: string): boolean {
  return /^https?:\/\//.test(location);
}

/**
 * Opens the key-value store at `location`; a file is made when there is none. `accessToken` is for a server.
 *
 * @throws VnfchainError `store-open`
 */
export async function openKv(location: string, options: { accessToken?: string } = {}): Promise<Deno.Kv> {
  if (isRemote(location) && options.accessToken !== undefined) {
    Deno.env.set(TOKEN_VARIABLE, options.accessToken);
  }
  try {
    return await Deno.openKv(location);
  } catch (cause) {
    throw new VnfchainError(`Cannot open the store ${location}: ${messageOf(cause)}`, {
      code: "store-open",
      hint: isRemote(location)
        ? "Check the server's URL and the access token"
        : "Check that the directory exists, is writable and has space; a damaged file can be deleted, and the node catches up from its peers",
      cause,
    });
  } finally {
    // Programs that this process starts would inherit it.
    if (isRemote(location)) Deno.env.delete(TOKEN_VARIABLE);
  }
}

/** An error's text, whatever was thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
