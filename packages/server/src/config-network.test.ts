import { expect, test } from "vitest";
import { Config } from "./config.js";
import { networkFault, usesTls } from "./config-network.js";

const tls = (listen: string, mode: "auto" | "on" | "off" = "auto", certificate?: string) => {
  const config = Config.pick({ listen: true, tls: true, tlsCertificate: true }).parse({
    listen,
    tls: mode,
    ...(certificate && { tlsCertificate: certificate }),
  });
  return usesTls(config);
};

test("in the clear only on loopback, and there only where nobody asked for more", () => {
  for (const host of ["127.0.0.1", "127.8.0.1", "localhost", "[::1]"]) expect(tls(`${host}:7443`)).toBe(false);
  for (const host of ["0.0.0.0", "[::]", "10.0.0.1", "127.example.com", "alcove.example.com"]) {
    expect(tls(`${host}:7443`)).toBe(true);
  }
  expect(tls("127.0.0.1:7443", "on")).toBe(true);
  expect(tls("127.0.0.1:7443", "auto", "/a.pem")).toBe(true);
  expect(tls("127.0.0.1:7443", "off", "/a.pem")).toBe(false);
});

test("an address is a host and a port, with brackets around colons", () => {
  const listen = (text: string) => Config.shape.listen.safeParse(text).data;
  expect(listen("[::1]:7443")).toEqual({ host: "::1", port: 7443 });
  expect(listen("alcove.example.com:0")).toEqual({ host: "alcove.example.com", port: 0 });
  for (const text of ["::1:7443", ":7443", "localhost", "a b:1", "localhost:", "http://localhost:1"]) {
    expect(listen(text)).toBeUndefined();
  }
});

test("half a certificate is a fault of the other half", () => {
  expect(networkFault({ tls: "auto", tlsKey: "/k" })).toMatchObject({ key: "tlsCertificate" });
  expect(networkFault({ tls: "auto", tlsKey: "/k", tlsCertificate: "/c" })).toBeUndefined();
});
