import type { SandboxProcess } from "@alcove/contract";
import { age } from "../output/table.js";
import type { View } from "../output/view.js";

const bytesPerMiB = 1_048_576;
const usecPerSecond = 1_000_000;

export const processView: View<SandboxProcess> = {
  name: ({ pid }) => String(pid),
  columns: [
    { heading: "PID", value: ({ pid }) => pid },
    { heading: "PARENT", value: ({ parentPid }) => parentPid },
    { heading: "USER", value: ({ user }) => user },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "AGE", value: ({ startedAtUnixMs }) => ageOf(startedAtUnixMs) },
    { heading: "CPU", value: ({ cpuUsec }) => `${(cpuUsec / usecPerSecond).toFixed(2)}s` },
    { heading: "MEMORY", value: ({ residentBytes }) => `${Math.round(residentBytes / bytesPerMiB)}Mi` },
    { heading: "EXEC", value: ({ execId }) => execId?.slice(0, 8) },
    { heading: "COMMAND", value: ({ command }) => command },
  ],
};

/** The sandbox says it: a time that no date can hold is none. */
function ageOf(unixMs: number): string | undefined {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? undefined : age(date.toISOString(), Date.now());
}
