/** Who has signed in to a preview, as its cookie says; whether that is enough is looked up anew with each request. */
import type { PortOidc } from "@alcove/contract";
import { isListed, type Person } from "../../policy/ports/people.js";
import { readSession } from "../signed-person.js";
import type { Coming } from "./admission.js";
import { ownCookies } from "./own-cookies.js";

export interface SignedIn {
  readonly person: Person;
  readonly isListed: boolean;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Whom the port lets in who signs in; undefined where nobody can, as by a path, where all previews are one host. */
export function signInOf(
  { port, place }: Pick<Coming, "port" | "place">,
  realm: string | undefined,
): PortOidc | undefined {
  const { oidc } = port.auth ?? {};
  return realm === undefined || place.prefix !== "" || oidc?.enabled === false ? undefined : oidc;
}

export async function signedInTo(coming: Coming, realm: string | undefined): Promise<SignedIn | undefined> {
  const signIn = signInOf(coming, realm);
  if (signIn === undefined || realm === undefined) return undefined;
  const { sandboxId, port, linkKey } = coming.port;
  for (const cookie of ownCookies("alcove-signed-in", coming.request, coming.visitor)) {
    const session = await readSession(cookie, { sandboxId, port, realm }, linkKey);
    if (session !== undefined) return { ...session, isListed: isListed(signIn, session.person) };
  }
  return undefined;
}
