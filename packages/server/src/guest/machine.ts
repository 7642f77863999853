/** Calls about the guest as a whole. */
import { randomBytes } from "node:crypto";
import { unixNanos } from "../lib/unix-nanos.js";
import { type AgentLink, callAgent } from "./call.js";
import type { Guest } from "./guest.js";
import { FreezeAnswer, HealthAnswer, Nothing, ProcessesAnswer, RenewAnswer, StatsAnswer } from "./shapes.js";

const entropyBytes = 256;
/** Mounts a disk and runs programs from cold, under emulation too. */
const prepareDeadlineMs = 120_000;

export function machineCalls(
  link: AgentLink,
): Pick<Guest, "health" | "renew" | "prepare" | "setAddressRules" | "freeze" | "thaw" | "stats" | "processes"> {
  return {
    health: (signal) =>
      callAgent(link, { method: "GET", path: "/health", answer: HealthAnswer, isRepeatable: true }, signal),
    async renew({ entropy, ...renewal }, signal) {
      const body = {
        ...renewal,
        unixNanos: unixNanos().toString(),
        entropy: Buffer.from(entropy ?? randomBytes(entropyBytes)).toString("base64"),
        seeded: entropy !== undefined,
      };
      await callAgent(link, { method: "POST", path: "/renew", body, answer: RenewAnswer, isRepeatable: true }, signal);
    },
    async prepare(preparation, signal) {
      const call = { method: "POST", path: "/prepare", body: preparation, answer: Nothing } as const;
      await callAgent(link, { ...call, deadlineMs: prepareDeadlineMs }, signal);
    },
    async setAddressRules(rules, signal) {
      const call = { method: "PUT", path: "/network/addresses", body: { rules }, answer: Nothing } as const;
      await callAgent(link, { ...call, errors: ["InvalidRequest"], isRepeatable: true }, signal);
    },
    async freeze(timeoutMs, signal) {
      const call = { method: "POST", path: "/freeze", body: { timeoutMs }, answer: FreezeAnswer } as const;
      return (await callAgent(link, { ...call, deadlineMs: timeoutMs + 5_000 }, signal)).frozen;
    },
    async thaw(signal) {
      await callAgent(link, { method: "POST", path: "/thaw", body: {}, answer: Nothing, isRepeatable: true }, signal);
    },
    stats: (signal) =>
      callAgent(link, { method: "GET", path: "/stats", answer: StatsAnswer, isRepeatable: true }, signal),
    async processes(signal) {
      const call = { method: "GET", path: "/processes", answer: ProcessesAnswer, isRepeatable: true } as const;
      const { processes } = await callAgent(link, { ...call, maximumBytes: 8 * 1024 * 1024 }, signal);
      return processes;
    },
  };
}
