/** A secret of the group's on the command line: `SECRET`, or `SECRET/KEY` where it has several keys. */
export interface SecretRefWords {
  readonly secretId: string;
  readonly secretKey?: string;
}

/** Undefined for what is neither. No name of a secret or a key has a slash in it. */
export function secretRef(text: string): SecretRefWords | undefined {
  const [, secretId, secretKey] = /^([^/]+)(?:\/([^/]+))?$/.exec(text) ?? [];
  if (secretId === undefined) return undefined;
  return { secretId, ...(secretKey !== undefined && { secretKey }) };
}
