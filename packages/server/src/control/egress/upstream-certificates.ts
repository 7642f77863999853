/** Certificates of authorities that a group believes upstream: each is read before any is kept. */
import { X509Certificate } from "node:crypto";
import { AlcoveError } from "@alcove/contract";

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const mostCertificates = 100;

/** The certificates alone, without what stands around them. */
export function checkedCertificates(text: string, field = "upstreamCertificates"): string {
  const refused = (why: string, cause?: unknown) => refusal(field, why, cause);
  const blocks = text.match(block) ?? [];
  if (blocks.length === 0 && text.trim() !== "") throw refused("it has no CERTIFICATE block");
  if (text.includes("PRIVATE KEY")) throw refused("it has a private key, which has no business here");
  if (blocks.length > mostCertificates) throw refused(`it has more than ${mostCertificates} certificates`);
  for (const [index, pem] of blocks.entries()) requireAuthority(pem, index, refused);
  return blocks.map((certificate) => `${certificate}\n`).join("");
}

type Refused = (why: string, cause?: unknown) => AlcoveError;

function requireAuthority(pem: string, index: number, refused: Refused): void {
  const which = `its certificate ${index + 1}`;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    throw refused(`${which} cannot be read`, cause);
  }
  const { ca, subject, validTo } = certificate;
  const name = subject?.replaceAll("\n", ", ") ?? "without a name";
  if (!ca) throw refused(`${which} (${name}) is not one of an authority`);
  if (Date.parse(validTo) < Date.now()) throw refused(`${which} (${name}) expired on ${validTo}`);
}

function refusal(field: string, why: string, cause: unknown): AlcoveError {
  return new AlcoveError("InvalidRequest", `${field} must be PEM certificates of authorities: ${why}.`, {
    field,
    hint: "Send the CERTIFICATE blocks of the authorities that your servers have their certificates from.",
    ...(cause === undefined ? {} : { cause }),
  });
}
