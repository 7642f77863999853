/** Whether somebody who has signed in may come to a port. Pure. */
import type { PortOidc } from "@alcove/contract";

/** As the provider says; the address only where it says that it has verified it, and in ASCII: other letters have cases that meet. */
export interface Person {
  readonly subject: string;
  readonly email?: string | undefined;
}

export function isListed(
  { emails = [], emailSuffixes = [], subjects = [], everyone = false }: PortOidc,
  { subject, email }: Person,
): boolean {
  if (everyone || subjects.includes(subject)) return true;
  const address = email?.toLowerCase();
  const domain = address?.slice(address.lastIndexOf("@") + 1);
  return (
    emails.some((one) => one.toLowerCase() === address) ||
    emailSuffixes.some((one) => one.toLowerCase().replace(/^@/, "") === domain)
  );
}
