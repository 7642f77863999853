import type { SpanOptions } from "../../lib/tracing.js";
import type { SandboxRef } from "./sandbox-control.js";

/** Of which sandbox a span tells. */
export function ofSandbox({ group, id }: SandboxRef): SpanOptions {
  return { attributes: { "alcove.group": group, "alcove.sandbox.id": id } };
}
