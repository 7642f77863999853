/**
 * Writes X.509 certificates (RFC 5280) with EC P-256 keys, signed with SHA-256. Only written, never read, and in a fraction of the time that
 * libraries in JavaScript take for it: a program waits for its leaf certificate before its first byte.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  bool,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8,
} from "./der.js";

export interface CertificateContent {
  /** The Name element of who signs, and of whom it is about; `nameElement` makes one. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The private key of whom it is about. */
  readonly key: KeyObject;
  /** The private key of who signs. */
  readonly signingKey: KeyObject;
  /** An authority's own, for no further authorities; or a server's, for this name or address. */
  readonly use: "authority" | { readonly host: string };
}

/** PEM. */
export function writeCertificate(content: CertificateContent): string {
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ecdsaWithSha256,
    content.issuer,
    sequence(time(content.notBeforeMs), time(content.notAfterMs)),
    content.subject,
    publicKeyInfo(content.key),
    explicit(3, sequence(...extensionsOf(content))),
  );
  const signature = sign("sha256", body, content.signingKey);
  return pem(sequence(body, ecdsaWithSha256, bitString(signature)));
}

export function nameElement(parts: { readonly commonName: string; readonly organization?: string }): Buffer {
  const { commonName, organization } = parts;
  return sequence(
    ...(organization === undefined ? [] : [attribute("2.5.4.10", organization)]),
    attribute("2.5.4.3", commonName),
  );
}

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

/** Positive, and of at most 20 octets: 16 with 126 random bits. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function extensionsOf({ use, key, signingKey }: CertificateContent): Buffer[] {
  const keyIdentifiers = [
    extension("2.5.29.14", octetString(keyIdentifier(key))),
    extension("2.5.29.35", sequence(implicit(0, keyIdentifier(signingKey)))),
  ];
  if (use === "authority") {
    const certificateAndListSigning = bitString(Buffer.from([0b0000_0110]), 1);
    const noFurtherAuthorities = sequence(bool(), integer(Buffer.from([0])));
    return [
      criticalExtension("2.5.29.19", noFurtherAuthorities),
      criticalExtension("2.5.29.15", certificateAndListSigning),
      ...keyIdentifiers,
    ];
  }
  const digitalSignature = bitString(Buffer.from([0b1000_0000]), 7);
  const serverAuthentication = sequence(objectIdentifier("1.3.6.1.5.5.7.3.1"));
  return [
    criticalExtension("2.5.29.19", sequence()),
    criticalExtension("2.5.29.15", digitalSignature),
    extension("2.5.29.37", serverAuthentication),
    extension("2.5.29.17", sequence(generalName(use.host))),
    ...keyIdentifiers,
  ];
}

function extension(identifier: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), octetString(value));
}

function criticalExtension(identifier: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), bool(), octetString(value));
}

function attribute(identifier: string, value: string): Buffer {
  return setOf(sequence(objectIdentifier(identifier), utf8(value)));
}

function generalName(host: string): Buffer {
  if (isIP(host) === 0) return implicit(2, Buffer.from(host, "latin1"));
  return implicit(7, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // The URL parser writes an address in its shortest form in hexadecimal, a dotted end included.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const front = groupsOf(head);
  const back = groupsOf(tail ?? "");
  const zeros = new Array<number>(8 - front.length - back.length).fill(0);
  return Buffer.from([...front, ...zeros, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** SHA-1 of the key's bits: method 1 of RFC 5280 4.2.1.2, which is what verifiers expect. */
function keyIdentifier(key: KeyObject): Buffer {
  const point = publicKeyInfo(key).subarray(-65);
  return createHash("sha1").update(point).digest();
}

/** Deriving it takes OpenSSL longer than all the rest of a certificate. */
const publicKeyInfos = new WeakMap<KeyObject, Buffer>();

function publicKeyInfo(privateKey: KeyObject): Buffer {
  const known = publicKeyInfos.get(privateKey);
  if (known !== undefined) return known;
  const info = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  publicKeyInfos.set(privateKey, info);
  return info;
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
