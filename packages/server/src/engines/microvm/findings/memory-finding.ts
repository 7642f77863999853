/** Whether the kernel lets this user reach the memory of the QEMUs that it starts, which suspending and snapshots need. */
import { readFile } from "node:fs/promises";
import type { Finding } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";

const scopeFile = "/proc/sys/kernel/yama/ptrace_scope";

export async function memoryFinding(namespaces: MachineHost["namespaces"]): Promise<Finding> {
  const scope = await readFile(scopeFile, "utf8").then(Number, () => 0);
  return judgeMemory(namespaces, scope);
}

/** Whoever made a user namespace has a debugger's rights in it, as root has everywhere, unless nobody has them. */
export function judgeMemory(namespaces: MachineHost["namespaces"], scope: number): Finding {
  const check = "memory";
  const remedy = "sudo sysctl -w kernel.yama.ptrace_scope=0";
  if (scope >= 3) {
    const sentence = `Nobody may reach another process's memory here (ptrace_scope is ${scope}): sandboxes are stopped without their memory, and there are no snapshots.`;
    return {
      check,
      level: "warning",
      sentence,
      remedy: "set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d, and restart the host",
    };
  }
  if (namespaces === "none" && scope > 0) {
    const sentence = `The memory of sandboxes that an earlier daemon started cannot be reached (ptrace_scope is ${scope}): they are stopped without it, and have no snapshots.`;
    return { check, level: "warning", sentence, remedy };
  }
  return { check, level: "ok", sentence: "Sandboxes can be suspended with their memory." };
}
