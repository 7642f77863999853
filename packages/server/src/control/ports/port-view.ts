/** A port as the API shows it. */
import type { SandboxPort } from "@alcove/contract";
import { type IngressGateway, type PreviewAddress, pathPreviewUrl, previewUrl, tcpUrl } from "../../ingress/ingress.js";
import type { StoredPort } from "../../store/sandbox-ports.js";
import { isInRange } from "./host-ports.js";

/** Where the ports of sandboxes are reached. */
export interface PortAddresses {
  readonly preview: PreviewAddress | undefined;
  readonly tcp: IngressGateway["tcp"];
}

export function toSandboxPort(sandboxId: string, stored: StoredPort, addresses: PortAddresses): SandboxPort {
  const { port, name, auth = {}, activationMode = "OnDemand", protocol = "Http", ipAccessControl, cors } = stored;
  return {
    port,
    ...(name !== undefined && { name }),
    ...(protocol === "Tcp" ? tcpPlace(stored, addresses) : previewPlace(sandboxId, port, addresses)),
    ...{ protocol, auth, activationMode },
    ...(ipAccessControl && { ipAccessControl }),
    ...(cors && { cors }),
  };
}

function previewPlace(sandboxId: string, port: number, { preview }: PortAddresses) {
  return preview && { url: previewUrl(preview, sandboxId, port), pathUrl: pathPreviewUrl(preview, sandboxId, port) };
}

function tcpPlace({ hostPort }: StoredPort, { tcp }: PortAddresses) {
  if (tcp === undefined || hostPort === undefined || !isInRange(tcp, hostPort)) return undefined;
  return { url: tcpUrl(tcp.host, hostPort), tcp: { host: tcp.host, port: hostPort } };
}
