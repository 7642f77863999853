/** The name in a Host header: without its port and the dot that ends a full name, in small letters. */
export function hostName(host: string): string {
  return host
    .replace(/:\d{1,5}$/, "")
    .replace(/\.$/, "")
    .toLowerCase();
}
