/** Where a request goes: by its host name, or by its path where that cannot be. Pure. */
import { hostName } from "../host-name.js";

export interface Place {
  readonly sandboxId: string;
  readonly port: number;
  /** What the path begins with that is not the program's: `/preview/ID/PORT`; empty by host name. */
  readonly prefix: string;
  /** As the program gets it, byte for byte but for the prefix. */
  readonly target: string;
}

const id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const label = new RegExp(`^([1-9]\\d{0,4})-(${id})$`);
const path = new RegExp(`^/preview/(${id})/([1-9]\\d{0,4})(?=[/?]|$)`);

/** Undefined where nothing is there, or it is no target of a server's own. */
export function placeOf(host: string, target: string, domain: string): Place | undefined {
  if (!target.startsWith("/")) return undefined;
  const name = hostName(host);
  if (name.endsWith(`.${domain}`)) {
    const [, port = "", sandboxId = ""] = label.exec(name.slice(0, -domain.length - 1)) ?? [];
    return sandboxId === "" ? undefined : { sandboxId, port: Number(port), prefix: "", target };
  }
  const [prefix = "", sandboxId = "", port = ""] = path.exec(target) ?? [];
  if (prefix === "") return undefined;
  const rest = target.slice(prefix.length);
  return { sandboxId, port: Number(port), prefix, target: rest.startsWith("/") ? rest : `/${rest}` };
}
