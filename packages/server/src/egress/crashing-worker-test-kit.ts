/** The gateway's process with a hole: a connection to this address makes it end as a fault in its native code would. */
import { fileURLToPath } from "node:url";
import { SandboxGate } from "./gate/sandbox-gate.js";

export const deadlyAddress = "203.0.113.66";

// Not where a test imports the address.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { open } = SandboxGate.prototype;
  SandboxGate.prototype.open = function (program, destination) {
    if (destination.address === deadlyAddress) process.kill(process.pid, "SIGSEGV");
    else open.call(this, program, destination);
  };
  await import("./worker-main.js");
}
