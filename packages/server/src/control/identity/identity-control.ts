/** What groups are to the outside, and this server as the issuer of their tokens. */
import type {
  GroupIdentity,
  GroupToken,
  KeySet,
  OpenidConfiguration,
  RotatedKeys,
  SetGroupIdentity,
} from "@alcove/contract";

export interface IdentityControl {
  get(group: string): Promise<GroupIdentity>;
  /** Answers when the group's sandboxes have it. */
  set(group: string, body: SetGroupIdentity): Promise<GroupIdentity>;
  token(group: string, audience: string): Promise<GroupToken>;
  rotate(): Promise<RotatedKeys>;
  discovery(): OpenidConfiguration;
  keySet(): Promise<KeySet>;
}
