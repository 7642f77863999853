/** A port as the API shows it. */
import type { AddPort, SandboxPort } from "@alcove/contract";
import { type PreviewAddress, pathPreviewUrl, previewUrl } from "../../ingress/ingress.js";

export function toSandboxPort(
  sandboxId: string,
  { port, name, auth = {}, activationMode = "OnDemand", ipAccessControl, cors }: AddPort,
  address: PreviewAddress | undefined,
): SandboxPort {
  return {
    port,
    ...(name !== undefined && { name }),
    ...(address && { url: previewUrl(address, sandboxId, port), pathUrl: pathPreviewUrl(address, sandboxId, port) }),
    ...{ auth, activationMode },
    ...(ipAccessControl && { ipAccessControl }),
    ...(cors && { cors }),
  };
}
