/** Connects to a server by itself: its addresses are found once, each is checked, and one of those that passed is connected to, with no other look. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { withDeadline } from "../../lib/deadline.js";
import { DialFailure } from "../http/dial-failure.js";
import { connectTo, reasonOf } from "./connect-to.js";
import type { Dialled, Dialling } from "./dialling.js";

const connectTimeoutMs = 10_000;
/** Of one address where there are others. */
const attemptTimeoutMs = 4_000;
const maximumAttempts = 4;

/** `interfaceName`: from an address of that interface alone. @throws DialFailure */
export async function dialFromHere(
  { host, port, resolution, overrides, mayReach }: Dialling,
  interfaceName: string | undefined,
  signal: AbortSignal,
): Promise<Dialled> {
  const addresses = await resolution.addressesOf(host, overrides, signal);
  const permitted = addresses.filter(mayReach);
  if (permitted.length === 0) throw forbidden(host, addresses[0]);
  const attempts = fromInterface(permitted, interfaceName).slice(0, maximumAttempts);
  using deadline = withDeadline(signal, connectTimeoutMs);
  let last: unknown;
  for (const { address, localAddress } of attempts) {
    if (!mayReach(address)) continue;
    try {
      const timeoutMs = attempts.length > 1 ? attemptTimeoutMs : connectTimeoutMs;
      const socket = await connectTo({ address, port, localAddress }, timeoutMs, deadline.signal);
      // The policy may be another one since.
      if (mayReach(address)) return { socket, address };
      socket.destroy();
      last = forbidden(host, address);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
      if (deadline.expired) break;
    }
  }
  if (last === undefined || last instanceof DialFailure) throw last ?? forbidden(host, permitted[0]);
  throw new DialFailure("unreachable", `${host}:${port} could not be connected to: ${reasonOf(last)}`, { cause: last });
}

interface Attempt {
  readonly address: string;
  readonly localAddress: string | undefined;
}

/** Of the addresses those that the interface has one of its own for. @throws DialFailure where there is none */
function fromInterface(addresses: readonly string[], name: string | undefined): readonly Attempt[] {
  if (name === undefined) return addresses.map((address) => ({ address, localAddress: undefined }));
  const present = networkInterfaces();
  const own = (Object.hasOwn(present, name) ? present[name] : undefined) ?? [];
  // One of the link alone leads nowhere else.
  const usable = own.filter((each) => !/^fe[89ab]/i.test(each.address));
  const attempts = addresses.flatMap((address): Attempt[] => {
    const from = usable.find(({ family }) => family === `IPv${isIP(address)}`);
    return from === undefined ? [] : [{ address, localAddress: from.address }];
  });
  if (attempts.length > 0) return attempts;
  throw new DialFailure("no-route", `the interface ${name} is not there, or has no address to connect from`);
}

function forbidden(host: string, address: string | undefined): DialFailure {
  return new DialFailure("forbidden-address", `${host} leads to ${address}, which nothing is sent to`);
}
