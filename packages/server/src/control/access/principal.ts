/** Who is meant by a name in a role assignment. */
import type { TokenClaims } from "./access-control.js";

/** E-mail addresses count whatever their case is. */
export function addressOf(principal: string): string {
  return principal.includes("@") ? principal.toLowerCase() : principal;
}

/** The names by which roles may have been assigned to the holder of a token. */
export function identitiesOf({ subject, verifiedEmail }: TokenClaims): string[] {
  return [
    // One that looks as an address is not taken for it.
    ...(subject.includes("@") ? [] : [`oidc:${subject}`]),
    ...(verifiedEmail?.includes("@") ? [addressOf(`oidc:${verifiedEmail}`)] : []),
  ];
}

export function principalOfGroup(group: string): string {
  return `group:${group}`;
}

/** Undefined where no group is meant. */
export function groupOfPrincipal(principal: string): string | undefined {
  return principal.startsWith("group:") ? principal.slice("group:".length) : undefined;
}
