/**
 * The program, whose process is killed at one chosen moment: right before, amid or right after it writes to a file, syncs
 * one, commits to the store or writes to a link. The program itself knows nothing of it.
 *
 * `VNFCHAIN_TEST_KILL` is the moment and how many such moments it lives to see, as `3 after sync`.
 *
 * @module
 */

const [times, chosen] = (Deno.env.get("VNFCHAIN_TEST_KILL") ?? "").split(/ (.*)/, 2);
let left = Number(times);

/** Whether this is the moment. */
function isIt(moment: string): boolean {
  return moment === chosen && --left === 0;
}

function die(): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`killed ${chosen}\n`));
  Deno.kill(Deno.pid, "SIGKILL");
}

type Method = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** Has a method pass a moment before and one after each call, and one amid, where half of its bytes are written. */
function watch(prototype: object, { method, name }: { method: string; name: string }): void {
  const methods = prototype as Record<string, Method>;
  const genuine = methods[method] as Method;
  methods[method] = async function (...args) {
    if (isIt(`before ${name}`)) die();
    const [bytes] = args;
    if (bytes instanceof Uint8Array && bytes.length > 1 && isIt(`amid ${name}`)) {
      await genuine.call(this, bytes.subarray(0, bytes.length / 2));
      die();
    }
    const result = await genuine.apply(this, args);
    if (isIt(`after ${name}`)) die();
    return result;
  };
}

/** What all TCP connections share, which the platform does not name. */
async function linkPrototype(): Promise<object> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    Deno.connect({ port: listener.addr.port }),
  ]);
  for (const conn of [accepted, dialed]) conn.close();
  return Object.getPrototypeOf(dialed) as object;
}

watch(Deno.FsFile.prototype, { method: "write", name: "write" });
watch(Deno.FsFile.prototype, { method: "syncData", name: "sync" });
watch(Deno.AtomicOperation.prototype, { method: "commit", name: "commit" });
watch(await linkPrototype(), { method: "write", name: "send" });

await import("../../main.ts");
