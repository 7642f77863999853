/** What can be done about a group's secrets. */
import type { PutSecret, Secret, SecretValues } from "@alcove/contract";

export interface SecretControl {
  list(group: string): Promise<readonly Secret[]>;
  get(ref: GroupSecretRef): Promise<Secret>;
  /** Answers when the gateway has its values for every sandbox that uses them. */
  put(ref: GroupSecretRef, body: PutSecret): Promise<Secret>;
  peek(ref: GroupSecretRef, version: number | undefined): Promise<SecretValues>;
  delete(ref: GroupSecretRef): Promise<void>;
}

/** Names one, as in a path. */
export interface GroupSecretRef {
  readonly group: string;
  readonly secretId: string;
}
