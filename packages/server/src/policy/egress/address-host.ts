/** Of a host in normal form: whether it is an address. No name in normal form ends with a number. */
export function isAddressHost(host: string): boolean {
  return host.includes(":") || (/\d$/.test(host) && /^[\d.]+$/.test(host));
}

/** Cheap, and stricter than nothing: what it lets through may still be a writing of an address that normalizeHost would have changed. */
export function isNormalHost(host: string): boolean {
  return /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:]+)$/.test(host);
}
