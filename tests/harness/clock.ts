import type { Sandbox } from "alcove";

/**
 * How far a guest's clock is ahead of the host's, in milliseconds. The guest's answer falls somewhere between asking and
 * hearing it: of several tries the one with the shortest way counts, and half of that way is taken off.
 */
export async function clockOffsetMs(sandbox: Sandbox, tries = 15): Promise<number> {
  let best = { wayMs: Number.POSITIVE_INFINITY, offsetMs: Number.NaN };
  for (let index = 0; index < tries; index += 1) {
    const asked = Date.now();
    const { unixNanos } = await sandbox.stats();
    const heard = Date.now();
    if (unixNanos === undefined) throw new Error("The sandbox does not run");
    const guest = Number(BigInt(unixNanos) / 1_000n) / 1_000;
    if (heard - asked < best.wayMs) best = { wayMs: heard - asked, offsetMs: guest - (asked + heard) / 2 };
  }
  return best.offsetMs;
}
