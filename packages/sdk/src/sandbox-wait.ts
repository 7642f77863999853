/** Waiting for a sandbox's state. */
import { AlcoveError, getSandbox, type Sandbox as SandboxRecord } from "@alcove/contract";
import { call } from "./call.js";
import { WaitError } from "./errors.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";
import { until } from "./until.js";

export interface WaitOptions extends Abortable {
  /** Give up after so long, with a WaitError; default without limit. */
  readonly timeoutMs?: number | undefined;
}

type State = SandboxRecord["state"];

/** Which states may still come, from each; what a newer daemon knows beyond these may lead anywhere. */
const toCome: Readonly<Record<State, readonly State[]>> = {
  Creating: ["Running", "Stopping", "Stopped", "Resuming", "Failed", "Deleting"],
  Running: ["Stopping", "Stopped", "Resuming", "Deleting"],
  Stopping: ["Running", "Stopped", "Resuming", "Deleting"],
  Stopped: ["Running", "Stopping", "Resuming", "Deleting"],
  Resuming: ["Running", "Stopping", "Stopped", "Deleting"],
  Failed: ["Deleting"],
  Deleting: [],
};

/** One that is Stopped with nothing kept has stopped for good. */
function statesAfter({ state, suspended }: SandboxRecord): readonly State[] | undefined {
  if (state === "Stopped" && suspended === undefined) return ["Deleting"];
  return toCome[state] as readonly State[] | undefined;
}

/** `gone` is how a sandbox is told that is there no more. */
const gone = Symbol("gone");
type Seen = SandboxRecord | typeof gone;

export async function waitUntilState(
  address: SandboxAddress,
  wanted: State,
  options: WaitOptions,
): Promise<SandboxRecord> {
  const record = await waitUntilSeen(address, options, wanted, (seen) => {
    if (seen !== gone && seen.state === wanted) return true;
    const mayCome = seen === gone ? [] : statesAfter(seen);
    if (mayCome === undefined || mayCome.includes(wanted)) return false;
    throw new WaitError(`Sandbox ${address.params.id} will not be ${wanted} any more: ${told(seen)}`, recordOf(seen));
  });
  return record as SandboxRecord;
}

export async function waitUntilGone(address: SandboxAddress, options: WaitOptions): Promise<void> {
  await waitUntilSeen(address, options, "deleted", (seen) => seen === gone);
}

async function waitUntilSeen(
  address: SandboxAddress,
  { signal, timeoutMs }: WaitOptions,
  wanted: string,
  isFulfilled: (seen: Seen) => boolean,
): Promise<Seen> {
  const { id } = address.params;
  let last: Seen | undefined;
  const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    return await until<Seen>({
      scope: address,
      read: (turn) => read(address, turn),
      pick(event) {
        if (event.type === "sandbox.changed") return event.sandbox.id === id ? event.sandbox : undefined;
        return event.type === "sandbox.deleted" && event.sandboxId === id ? gone : undefined;
      },
      isFulfilled(seen) {
        last = seen;
        return isFulfilled(seen);
      },
      signal: AbortSignal.any([signal, limit].filter((one) => one !== undefined)),
    });
  } catch (error) {
    if (!limit?.aborted || error !== limit.reason) throw error;
    const state = last === undefined ? "it could not be read" : told(last);
    throw new WaitError(`Sandbox ${id} was not ${wanted} within ${timeoutMs} ms: ${state}`, recordOf(last), error);
  }
}

async function read({ transport, params }: SandboxAddress, signal: AbortSignal): Promise<Seen> {
  try {
    return await call(transport, getSandbox, { params, signal });
  } catch (error) {
    if (error instanceof AlcoveError && error.code === "SandboxNotFound") return gone;
    throw error;
  }
}

function recordOf(seen: Seen | undefined): SandboxRecord | undefined {
  return seen === gone ? undefined : seen;
}

function told(seen: Seen): string {
  if (seen === gone) return "it is not there.";
  const { state, stateDetails } = seen;
  return `it is ${state}.${stateDetails.message === undefined ? "" : ` ${stateDetails.message}`}`;
}
