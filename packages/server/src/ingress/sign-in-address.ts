/** Where signing in happens: a host of its own for what comes back from the provider, and paths of a preview's host that are the gateway's. */
import { hostName } from "./host-name.js";
import { type PreviewAddress, portOf } from "./ingress.js";

/** No preview's: those begin with a port. */
const label = "sign-in";

export const ownPaths = {
  /** Of the host of its own. */
  callback: "/callback",
  /** Of previews' hosts. */
  below: "/.alcove/",
  signedIn: "/.alcove/signed-in",
  signIn: "/.alcove/sign-in",
  signOut: "/.alcove/sign-out",
} as const;

/** To which the provider sends people back: what it has to know of us. */
export function callbackUrl({ scheme, domain, port }: PreviewAddress): string {
  return `${scheme}://${label}.${domain}${portOf(scheme, port)}${ownPaths.callback}`;
}

export function isSignInHost(host: string, domain: string): boolean {
  return hostName(host) === `${label}.${domain}`;
}
