/** The way to the daemon of this machine, which is started when nobody listens. Only in Node. */
import { localSocketPath, startLocalDaemon } from "./local.js";
import type { NodeTransportOptions } from "./route-node.js";
import type { Transport } from "./transport.js";
import { createNodeTransport } from "./transport-node.js";
import { untilAborted } from "./until-aborted.js";

type LocalTransportOptions = Omit<NodeTransportOptions, "address"> & { readonly autoStart: boolean };

/** A transport to this machine's daemon; with `autoStart` the first call that finds nobody starts it. A caller who gives up ends only its waiting. */
export function createLocalTransport({ autoStart, ...options }: LocalTransportOptions): Transport {
  const reached = { ...options, address: { socketPath: localSocketPath() } };
  if (!autoStart) return createNodeTransport(reached);
  let starting: Promise<void> | undefined;
  return createNodeTransport(reached, (signal) => {
    starting ??= startLocalDaemon().finally(() => (starting = undefined));
    return untilAborted(starting, signal);
  });
}
