/**
 * Copies of the pure sources with replacements applied, as the simulator's code under test. A replacement whose text
 * does not occur exactly once fails: the sources have moved on, and the mutant with them.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Protocol } from "../types.ts";
import type { MutantCase, Patch } from "./catalogue.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A copy of the sources on disk; disposing removes it. */
export interface PatchedSources extends Disposable {
  readonly protocol: Protocol;
}

/** Copies, patches and loads the sources. */
export async function loadPatched(patches: readonly Patch[]): Promise<PatchedSources> {
  const folder = Deno.makeTempDirSync({ prefix: "vnfchain-mutant-" });
  try {
    for (const room of ["core", "consensus"]) copyRoom(room, { folder, patches });
    const protocol = await load(pathToFileURL(`${folder}/`));
    return { protocol, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
  } catch (error) {
    Deno.removeSync(folder, { recursive: true });
    throw error;
  }
}

/** Copies what is pure: the shells and the platform's part are not under test. */
function copyRoom(path: string, { folder, patches }: { folder: string; patches: readonly Patch[] }): void {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, path))) {
    const file = `${path}/${name}`;
    if (["consensus/driver", "consensus/tcp", "core/platform"].includes(file)) continue;
    if (isDirectory) copyRoom(file, { folder, patches });
    else if (name.endsWith(".ts")) {
      const text = Deno.readTextFileSync(join(ROOT, file));
      Deno.mkdirSync(dirname(join(folder, file)), { recursive: true });
      Deno.writeTextFileSync(join(folder, file), patch(text, patches.filter((each) => each.file === file)));
    }
  }
}

/** Applies replacements in turn. */
export function patch(text: string, patches: readonly Patch[]): string {
  return patches.reduce((before, { file, find, replace }) => {
    const times = before.split(find).length - 1;
    assert.equal(times, 1, `${file} has ${times} times: ${find}`);
    return before.replace(find, () => replace);
  }, text);
}

/** The files of the real sources that a case changes are there, and have the texts. */
export function assertApplies({ patches = [] }: MutantCase): void {
  for (const file of new Set(patches.map((each) => each.file))) {
    patch(Deno.readTextFileSync(join(ROOT, file)), patches.filter((each) => each.file === file));
  }
}

/** Where the functions of the code under test are. */
const FILES = [
  "consensus/start.ts",
  "consensus/step.ts",
  "consensus/verify.ts",
  "consensus/wire.ts",
  "consensus/interest.ts",
  "consensus/peers.ts",
  "consensus/leader.ts",
  "consensus/vote.ts",
  "core/block_rules.ts",
  "core/certificate.ts",
  "core/federation_change.ts",
  "core/state/transition.ts",
  "core/tip.ts",
];

/** Loads the code under test from a folder that has `consensus` and `core`. */
async function load(base: URL): Promise<Protocol> {
  const from = (file: string) => import(new URL(file, base).href) as Promise<object>;
  const functions: object = Object.assign({}, ...await Promise.all(FILES.map(from)));
  const [mempool, catchUp] = await Promise.all(["consensus/mempool.ts", "consensus/catch_up.ts"].map(from));
  return { ...functions, mempool, catchUp } as Protocol;
}
