/** The egress gateway of this daemon, and its process. */
import { extname } from "node:path";
import { gatewayRecords, type RecordParts } from "./control/egress/gateway-records.js";
import { createGateway } from "./egress/daemon/create-gateway.js";
import type { EgressGateway } from "./egress/gateway.js";
import { startWorker } from "./host/worker.js";

/** Of what is on its heap; buffers of connections are bounded by themselves. */
const memoryMiB = 256;
/** libuv lets lookups of the system's resolver have half of them: as many as egress/flow/lookup.ts makes at once. */
const threads = 8;

export function openGateway(parts: RecordParts): EgressGateway {
  return createGateway({
    startWorker: () => startWorker({ module: workerModule(), memoryMiB, threads }),
    ...gatewayRecords(parts),
    logger: parts.logger,
  });
}

/** As this module runs, built or not. */
function workerModule(): URL {
  return new URL(`./egress/worker-main${extname(import.meta.url)}`, import.meta.url);
}
