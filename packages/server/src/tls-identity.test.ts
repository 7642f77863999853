import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./store/test-record.js";
import { tlsIdentity } from "./tls-identity.js";

const made = (dataDirectory: string) =>
  tlsIdentity({ dataDirectory, given: undefined, names: ["alcove.example.com", "10.0.0.7"] });

test("a certificate is made once, for the names it is called by, and only its owner can read it", async () => {
  using directory = temporaryDirectory();
  const first = await made(directory.path);
  const { subjectAltName, ca, fingerprint256 } = new X509Certificate(first.certificate);
  for (const name of ["DNS:localhost", "IP Address:127.0.0.1", "DNS:alcove.example.com", "IP Address:10.0.0.7"]) {
    expect(subjectAltName).toContain(name);
  }
  expect(ca).toBe(false);
  expect(first).toMatchObject({ isSelfMade: true, fingerprint: fingerprint256 });
  expect((await made(directory.path)).fingerprint).toBe(first.fingerprint);
  expect(statSync(join(directory.path, "tls.pem")).mode & 0o777).toBe(0o600);
});

test("a file that was broken off is made anew", async () => {
  using directory = temporaryDirectory();
  const first = await made(directory.path);
  const path = join(directory.path, "tls.pem");
  writeFileSync(path, readFileSync(path, "utf8").slice(0, 700));
  expect((await made(directory.path)).fingerprint).not.toBe(first.fingerprint);
});

test("a given certificate is taken with its own key and refused with another's", async () => {
  using directory = temporaryDirectory();
  const own = await made(directory.path);
  using elsewhere = temporaryDirectory();
  const other = await made(elsewhere.path);
  const paths = { certificatePath: join(directory.path, "c.pem"), keyPath: join(directory.path, "k.pem") };
  const given = () => tlsIdentity({ dataDirectory: directory.path, given: paths, names: [] });
  await expect(given()).rejects.toMatchObject({ field: "tlsCertificate", message: expect.stringContaining("c.pem") });
  writeFileSync(paths.certificatePath, own.certificate);
  writeFileSync(paths.keyPath, other.key);
  await expect(given()).rejects.toThrow("the key is another one's");
  writeFileSync(paths.keyPath, own.key);
  expect(await given()).toMatchObject({ fingerprint: own.fingerprint, isSelfMade: false });
});
