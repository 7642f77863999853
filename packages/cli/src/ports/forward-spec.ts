/** Which port of this machine leads to which of a sandbox: [LOCAL:]REMOTE. */
import { InvalidArgumentError } from "commander";
import { portNumber } from "./port-number.js";

export interface ForwardSpec {
  /** 0: any that is free. */
  readonly localPort: number;
  readonly remotePort: number;
}

/** Gathers those of an argument that is repeated. `5432`, `8080:80`; `:80` and `0:80` take any local one. */
export function forwardSpecs(text: string, before: readonly ForwardSpec[] = []): ForwardSpec[] {
  const [, local, remote] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? [];
  if (remote === undefined)
    throw new InvalidArgumentError(`${text} must be [LOCAL:]REMOTE, such as 5432, 8080:80 or 0:80.`);
  const remotePort = portNumber(remote);
  const localPort = local === undefined ? remotePort : Number(local) === 0 ? 0 : portNumber(local);
  if (localPort !== 0 && before.some((other) => other.localPort === localPort))
    throw new InvalidArgumentError(`The local port ${localPort} is given twice.`);
  return [...before, { localPort, remotePort }];
}
