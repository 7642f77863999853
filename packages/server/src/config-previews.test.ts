import { expect, test } from "vitest";
import { previewFault } from "./config-previews.js";

const config = { previewTls: "off", trustedProxies: [] } as const;

test("half a certificate is a fault of the other half", () => {
  expect(previewFault({ ...config, previewTlsKey: "/k" })).toMatchObject({ key: "previewTlsCertificate" });
  expect(previewFault({ ...config, previewTlsCertificate: "/c" })).toMatchObject({ key: "previewTlsKey" });
  expect(previewFault({ ...config, previewTlsKey: "/k", previewTlsCertificate: "/c" })).toBeUndefined();
});

test("beyond loopback there is TLS, here or at a proxy that is trusted", () => {
  const open = { ...config, previewListen: { host: "0.0.0.0", port: 7_480 } };
  expect(previewFault(open)).toMatchObject({ key: "previewTls" });
  expect(previewFault({ ...open, previewTls: "on" })).toBeUndefined();
  expect(previewFault({ ...open, trustedProxies: ["10.0.0.1/32"] })).toBeUndefined();
  expect(previewFault({ ...config, previewListen: { host: "127.0.0.1", port: 7_480 } })).toBeUndefined();
});

test("addresses of https come from TLS here, or from a proxy that is trusted", () => {
  const published = { ...config, previewUrl: "https://previews.example.com" };
  expect(previewFault(published)).toMatchObject({ key: "trustedProxies" });
  expect(previewFault({ ...published, previewTls: "on" })).toBeUndefined();
  expect(previewFault({ ...published, trustedProxies: ["127.0.0.1/32"] })).toBeUndefined();
  expect(previewFault({ ...published, previewUrl: "http://previews.example.com" })).toBeUndefined();
});
