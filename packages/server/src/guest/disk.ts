/** Calls about the disk of a machine that builds an image. */
import { type AgentLink, callAgent } from "./call.js";
import type { Exchange } from "./exchange/exchange.js";
import { uploadAny } from "./exchange/upload.js";
import type { GuestDisk } from "./guest.js";
import { DiskAnswer, LayerAnswer, Nothing } from "./shapes.js";

const layerErrors = ["InvalidRequest", "DiskFull"] as const;
const openDeadlineMs = 60_000;
/** All that a guest has not yet written goes to the disk: at the most what its memory holds. */
const finishDeadlineMs = 600_000;

export function diskCalls(link: AgentLink, exchange: Exchange | undefined): GuestDisk {
  return {
    async open(signal) {
      const call = { method: "POST", path: "/disk", body: {}, answer: Nothing } as const;
      await callAgent(link, { ...call, deadlineMs: openDeadlineMs }, signal);
    },
    async apply(layer, signal) {
      const call = { method: "PUT", path: "/disk/layers", answer: LayerAnswer, errors: layerErrors } as const;
      return await uploadAny(link, exchange, { ...call, content: layer }, signal);
    },
    finish: (signal) => {
      const call = { method: "POST", path: "/disk/finish", body: {}, answer: DiskAnswer, errors: layerErrors } as const;
      return callAgent(link, { ...call, deadlineMs: finishDeadlineMs }, signal);
    },
  };
}
