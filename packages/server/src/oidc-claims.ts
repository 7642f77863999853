/** What of a person's claims is believed. */

type Claims = Readonly<Record<string, unknown>>;

/** In ASCII: case is not looked at later, and other letters have cases that meet those. */
export function verifiedEmail({ email, email_verified: isVerified }: Claims): string | undefined {
  const isAddress =
    typeof email === "string" && /^[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(email);
  return isAddress && isVerified === true ? email : undefined;
}
