/** Addresses in place of names: raw ones, in every writing, and names that lead to forbidden ones. */
import { type Attempt, type Ground, request, send, tls } from "./attempt.js";

export function addressAttempts(ground: Ground): Attempt[] {
  const { own4, own6 } = ground;
  return [
    ...literals(ground, own4, "an IPv4 address"),
    ...literals(ground, own6, "an IPv6 address"),
    ...writings(ground),
    ...forbidden(ground),
  ];
}

function literals({ https, http, raw }: Ground, host: string | undefined, what: string): Attempt[] {
  const lacks = host === undefined ? `this host has no such address that others reach it by` : undefined;
  const to = (port: number) => ({ connect: { host: host ?? "", port } });
  const attempts: Attempt[] = [
    { name: `opaque bytes to ${what}`, steps: (token) => [to(raw), send(token)] },
    {
      name: `plain HTTP to ${what}`,
      steps: (token) => [to(http), send(request(`GET /public/${token}`, `Host: ${bracketed(host)}:${http}`))],
    },
    {
      name: `plain HTTP to ${what} with the allowed name as its Host`,
      control: "direct",
      steps: (token) => [to(http), send(request(`GET /public/${token}`, "Host: good.test"))],
    },
    {
      name: `TLS to ${what} without a server name`,
      steps: (token) => [to(https), tls(null), send(request(`GET /public/${token}`, `Host: ${bracketed(host)}`))],
    },
    {
      name: `TLS to ${what} with the allowed server name`,
      control: "direct",
      steps: (token) => [
        to(https),
        tls("good.test"),
        send(request(`GET /public/${token}`, `Host: good.test:${https}`)),
      ],
    },
    {
      name: `TLS to ${what} with the server name that is let through`,
      control: "direct",
      steps: (token) => [to(https), tls("pass.test"), send(request(`GET /public/${token}`, "Host: pass.test"))],
    },
  ];
  const open: Attempt[] = [
    { name: `opaque bytes to ${what} of the host`, under: "open", steps: (token) => [to(raw), send(token)] },
    {
      name: `TLS to ${what} of the host`,
      under: "open",
      steps: (token) => [to(https), tls(null), send(request(`GET /${token}`, `Host: ${bracketed(host)}`))],
    },
  ];
  return [...attempts, ...open].map((each) => ({ ...each, lacks }));
}

/** What a program's resolver or kernel makes an IPv4 address of. */
function writings({ raw, own4 }: Ground): Attempt[] {
  const [a = 0, b = 0, c = 0, d = 0] = (own4 ?? "").split(".").map(Number);
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const lacks = own4 === undefined ? "this host has no IPv4 address that others reach it by" : undefined;
  const written: Record<string, string> = {
    "a decimal number": `${number}`,
    "a hexadecimal number": `0x${number.toString(16)}`,
    "octal parts": [a, b, c, d].map((part) => `0${part.toString(8)}`).join("."),
    "three parts": `${a}.${b}.${c * 256 + d}`,
    "IPv6 that is mapped": `::ffff:${own4}`,
  };
  return (["public", "open"] as const).flatMap((under) =>
    Object.entries(written).map(
      ([what, host]): Attempt => ({
        name: `an address as ${what}`,
        under,
        lacks,
        steps: (token) => [{ connect: { host, port: raw } }, send(token)],
      }),
    ),
  );
}

/** Where everything is allowed, nothing leads to this host all the same. */
function forbidden({ https, http, raw, own4, own6 }: Ground): Attempt[] {
  const names = [
    "loop.test",
    ...(own4 === undefined ? [] : ["own4.test"]),
    ...(own6 === undefined ? [] : ["own6.test"]),
  ];
  return names.flatMap((host): Attempt[] => [
    {
      name: `opaque bytes by ${host}, which leads to this host`,
      under: "open",
      steps: (token) => [{ connect: { host, port: raw } }, send(token)],
    },
    {
      name: `plain HTTP by ${host}, which leads to this host`,
      under: "open",
      steps: (token) => [{ connect: { host, port: http } }, send(request(`GET /${token}`, `Host: ${host}:${http}`))],
    },
    {
      name: `TLS by ${host}, which leads to this host`,
      under: "open",
      steps: (token) => [
        { connect: { host, port: https } },
        tls(host),
        send(request(`GET /${token}`, `Host: ${host}`)),
      ],
    },
  ]);
}

function bracketed(host: string | undefined): string {
  return host?.includes(":") ? `[${host}]` : `${host}`;
}
