/** Tokens of groups: made for whom their owners allow, and believed, by this server, for as long as all that they say is still so. */
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import type { GroupIdentityRecord } from "../../store/group-identities.js";
import type { Store } from "../../store/store.js";
import { groupNotFound } from "../access/gate.js";
import type { Issuer, SignedToken } from "./issuer.js";

type Records = Pick<Store, "groups" | "groupIdentities" | "sandboxes">;

export interface TokenWish {
  readonly group: string;
  /** Left out where none asks. */
  readonly sandboxId?: string;
  readonly audience: string;
}

export interface GroupToken extends SignedToken {
  /** The group's, as Azure's clients name whose token it is. */
  readonly clientId: string;
}

/** A group that shows a token of its own. */
export interface TokenHolder {
  readonly group: string;
  readonly incarnation: string;
  readonly sandboxId: string | undefined;
  /** The name of this server that it is for. */
  readonly audience: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export class GroupTokens {
  readonly issuer: Issuer;
  readonly #records: Records;

  constructor(records: Records, issuer: Issuer) {
    this.#records = records;
    this.issuer = issuer;
  }

  async issue({ group, sandboxId, audience }: TokenWish): Promise<GroupToken> {
    const record = this.#records.groups.find(group);
    if (record?.state !== "Ready") throw groupNotFound(group);
    const identity = this.#records.groupIdentities.find(group);
    if (identity === undefined || !allows(identity, audience)) throw notAllowed(group, audience);
    const { incarnation } = record;
    const signed = await this.issuer.sign({
      subject: subjectOf(group, incarnation),
      ...{ audience, lifetimeSeconds: identity.tokenLifetimeSeconds },
      claims: {
        ...{ alcove_group: group, alcove_group_id: incarnation },
        ...(sandboxId !== undefined && { alcove_sandbox: sandboxId }),
      },
    });
    return { ...signed, clientId: incarnation };
  }

  /** Undefined where it is no token for this server, or not what it says is so any more. */
  async holderOf(token: string): Promise<TokenHolder | undefined> {
    const { data: claims } = Claims.safeParse(await this.issuer.verify(token));
    if (claims === undefined) return undefined;
    const { alcove_group: group, alcove_group_id: incarnation, alcove_sandbox: sandboxId } = claims;
    const holder = { group, incarnation, sandboxId, audience: claims.aud, expiresAt: claims.exp * 1_000 };
    return claims.sub === subjectOf(group, incarnation) && this.isStill(holder) ? holder : undefined;
  }

  /** Whether the same group is there, with an identity that still has tokens for this server, and the sandbox. */
  isStill({ group, incarnation, sandboxId, audience }: Omit<TokenHolder, "expiresAt">): boolean {
    const { groups, groupIdentities, sandboxes } = this.#records;
    const record = groups.find(group);
    if (record?.state !== "Ready" || record.incarnation !== incarnation) return false;
    const identity = groupIdentities.find(group);
    if (identity === undefined || !allows(identity, audience)) return false;
    return sandboxId === undefined || sandboxes.find(sandboxId)?.group === group;
  }
}

export function subjectOf(group: string, incarnation: string): string {
  return `group:${group}:${incarnation}`;
}

export function allows({ audiences }: Pick<GroupIdentityRecord, "audiences">, audience: string): boolean {
  return audiences.some((one) => (one.endsWith("*") ? audience.startsWith(one.slice(0, -1)) : audience === one));
}

const Claims = z.object({
  sub: z.string(),
  exp: z.number(),
  aud: z.string(),
  alcove_group: z.string(),
  alcove_group_id: z.string(),
  alcove_sandbox: z.string().optional(),
});

function notAllowed(group: string, audience: string): AlcoveError {
  const shown = audience.slice(0, 200);
  return new AlcoveError("AudienceNotAllowed", `The group ${group} has no tokens for ${shown}.`, {
    field: "resource",
    value: shown,
  });
}
