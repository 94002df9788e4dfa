/**
 * Text scenarios with their whole traces, in scenarios/. Run with UPDATE_SCENARIOS=1 to write what came of them; then
 * read the difference as if it were code.
 */
import assert from "node:assert/strict";
import { runScenario } from "./support/scenario.ts";

const FOLDER = new URL("./scenarios/", import.meta.url);
const UPDATE = Deno.env.get("UPDATE_SCENARIOS") === "1";

for (const { name } of [...Deno.readDirSync(FOLDER)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  Deno.test(`scenario: ${name.replace(".txt", "").replaceAll("_", " ")}`, () => {
    const file = new URL(name, FOLDER);
    const wanted = Deno.readTextFileSync(file);
    const got = runScenario(wanted);
    if (UPDATE) return Deno.writeTextFileSync(file, got);
    assert.equal(got, wanted);
  });
}
