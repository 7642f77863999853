/** The egress gateway of this daemon, and its process. */
import { extname } from "node:path";
import type { Logger } from "pino";
import type { Authorities } from "./control/egress/authorities.js";
import { gatewayRecords } from "./control/egress/gateway-records.js";
import { createGateway } from "./egress/daemon/create-gateway.js";
import type { EgressGateway } from "./egress/gateway.js";
import { startWorker } from "./host/worker.js";
import type { Store } from "./store/store.js";

/** Of what is on its heap; buffers of connections are bounded by themselves. */
const memoryMiB = 256;
/** Each lookup of a name holds one until the system's resolver is through with it; libuv lets them have half of all, so that 32 go at once. */
const threads = 64;

export function openGateway(store: Store, authorities: Authorities, logger: Logger): EgressGateway {
  return createGateway({
    startWorker: () => startWorker({ module: workerModule(), memoryMiB, threads }),
    ...gatewayRecords(store, authorities),
    logger,
  });
}

/** As this module runs, built or not. */
function workerModule(): URL {
  return new URL(`./egress/worker-main${extname(import.meta.url)}`, import.meta.url);
}
