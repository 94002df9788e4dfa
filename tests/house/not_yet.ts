/**
 * Stands where a task of a later version will be: says what that task will do, and exits with 2.
 *
 * @module
 */
import process from "node:process";

const TASKS: Readonly<Record<string, string>> = {
  chaos: "faults in real processes: kills, pauses and partitions while tenants publish",
};

const name = process.argv[2] ?? "";
console.error(`vnfchain: ${name} does not exist yet: ${TASKS[name] ?? "no such task"}`);
process.exit(2);
