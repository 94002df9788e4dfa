/** Runs the nftables driver on a directory, inside a network namespace: `check|apply|export DIRECTORY`, result as JSON. */
import { nftablesDriver } from "../../../cmd/agent/nftables_driver.ts";

const [what, directory] = Deno.args as [string, string];
const driver = nftablesDriver({ preset: "nftables", health: null, confirmMs: 1, timeoutMs: 60_000 }, {
  pidFile: `${Deno.makeTempDirSync()}/pid`,
});
const verdict = what === "check"
  ? await driver.check(directory)
  : what === "apply"
  ? await driver.apply(directory)
  : await driver.export!();
console.log(JSON.stringify(
  verdict.ok
    ? { ok: true, text: verdict.value === null ? "" : new TextDecoder().decode(verdict.value) }
    : { ok: false, code: verdict.code, text: verdict.detail },
));
