/**
 * Opens a node's store under the lock of its data directory.
 *
 * @module
 */
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type ChainStore, openStore } from "../../store/chain_store.ts";
import { type DataDirectory, dataDirectory } from "../../store/directory.ts";
import { lockDirectory } from "../../store/lock.ts";

/** An open store, its lock held until disposal. */
export interface NodeStore extends AsyncDisposable {
  readonly chain: ChainStore;
  readonly paths: DataDirectory;
}

/** The environment variable that names the file with the token of a KV Connect server. */
const TOKEN_FILE_VARIABLE = "VNFCHAIN_STORE_TOKEN_FILE";

/** Locks the directory and opens the store; `location` is where it is not in the directory. */
export async function openNodeStore(
  { directory, federation, location }: {
    directory: string;
    federation: Federation;
    location: string | undefined;
  },
): Promise<NodeStore> {
  const paths = dataDirectory(directory);
  const lock = await lockDirectory(paths.lock);
  try {
    const accessToken = await readAccessToken();
    const chain = await openStore({
      location: location ?? paths.chain,
      ...(accessToken === undefined ? {} : { accessToken }),
      federation,
      crypto: platformCrypto,
    });
    return {
      chain,
      paths,
      [Symbol.asyncDispose]: async () => {
        await chain[Symbol.asyncDispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** A token never stands in argv or in the environment, only the name of its file does. */
async function readAccessToken(): Promise<string | undefined> {
  const path = Deno.env.get(TOKEN_FILE_VARIABLE);
  if (path === undefined) return undefined;
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (cause) {
    throw new VnfchainError(`read the store's access token: ${path} cannot be read`, {
      code: "store-token",
      hint: `${TOKEN_FILE_VARIABLE} names the file`,
      exitCode: EXIT.usage,
      cause,
    });
  }
}
