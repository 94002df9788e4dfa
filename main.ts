/**
 * vnfchain: one executable, four subcommands. The table below is the whole of it; each subcommand is loaded only
 * when it is asked for, so that an agent in a small VNF does not carry the node.
 *
 * @module
 */
import { runProgram } from "./cmd/common/program.ts";

const status = await runProgram(Deno.args, {
  node: {
    summary: "run a member of the federation's chain; make test networks; export the chain",
    load: async () => (await import("./cmd/node/command.ts")).nodeCommand(),
  },
  tenant: {
    summary: "publish configurations and templates, ask VNFs for their state",
    load: async () => (await import("./cmd/tenant/command.ts")).tenantCommand(),
  },
  agent: {
    summary: "inside a VNF: poll, verify and apply configurations; opens no port",
    load: async () => (await import("./cmd/agent/command.ts")).agentCommand(),
  },
  audit: {
    summary: "prove the whole history offline",
    load: async () => (await import("./cmd/audit/command.ts")).auditCommand(),
  },
});
Deno.exit(status);
