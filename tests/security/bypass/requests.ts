/** Requests for something else than the rule allows, on connections that it does allow: other hosts, methods, paths. */
import { type Attempt, type Ground, request, type Step, send, tls } from "./attempt.js";
import { http2Requests } from "./http2-bytes.js";

export function requestAttempts(ground: Ground): Attempt[] {
  return [...fronting(ground), ...methods(ground), ...paths(ground), ...http2Fronting(ground)];
}

/** On TLS to the allowed name. */
function inside({ https }: Ground, bytes: (token: string) => string | Buffer, protocol = "http/1.1") {
  return (token: string): Step[] => [
    { connect: { host: "good.test", port: https } },
    tls("good.test", protocol),
    send(bytes(token)),
  ];
}

function fronting(ground: Ground): Attempt[] {
  const { https, http } = ground;
  const heads: Record<string, (token: string) => string> = {
    "another Host": (token) => request(`GET /public/${token}`, "Host: evil.test"),
    "another Host at the same port": (token) => request(`GET /public/${token}`, `Host: evil.test:${https}`),
    "no Host": (token) => request(`GET /public/${token}`),
    "an empty Host": (token) => request(`GET /public/${token}`, "Host:"),
    "another URL in its first line": (token) =>
      request(`GET https://evil.test/public/${token}`, `Host: good.test:${https}`),
    "the allowed URL and another Host": (token) =>
      request(`GET https://good.test:${https}/public/${token}`, "Host: evil.test"),
    "two Hosts, the allowed one first": (token) =>
      request(`GET /public/${token}`, `Host: good.test:${https}`, "Host: evil.test"),
    "two Hosts, the allowed one last": (token) =>
      request(`GET /public/${token}`, "Host: evil.test", `Host: good.test:${https}`),
    "a user before another Host": (token) => request(`GET /public/${token}`, "Host: good.test@evil.test"),
    "the allowed name as user and password": (token) =>
      request(`GET /public/${token}`, `Host: good.test:${https}@evil.test`),
    "another port in its Host": (token) => request(`GET /public/${token}`, "Host: good.test:1"),
    "two names in its Host": (token) => request(`GET /public/${token}`, `Host: good.test:${https}, evil.test`),
    "a URL of http in its first line": (token) =>
      request(`GET http://good.test:${https}/public/${token}`, `Host: good.test:${https}`),
  };
  return [
    ...Object.entries(heads).map(
      ([what, head]): Attempt => ({ name: `a request with ${what}`, steps: inside(ground, head) }),
    ),
    {
      name: "plain HTTP to an allowed name with another Host",
      under: "closed",
      control: "direct",
      steps: (token) => [
        { connect: { host: "evil.test", port: http } },
        send(request(`GET /private/${token}`, `Host: good.test:${http}`)),
      ],
    },
    {
      name: "a second request with another Host on the same connection",
      steps: (token) => [
        ...inside(ground, () => request("GET /public/first", `Host: good.test:${https}`))(token),
        { awaits: true },
        send(request(`GET /public/${token}`, "Host: evil.test")),
      ],
    },
  ];
}

function methods(ground: Ground): Attempt[] {
  const host = `Host: good.test:${ground.https}`;
  const lines = ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND", "QUERY", "get", "TRACE", "G\x01ET"];
  const bodies = ["POST", "TRACE", "PUT"];
  return [
    ...lines.map(
      (method): Attempt => ({
        name: `the method ${JSON.stringify(method)}`,
        steps: inside(ground, (token) => request(`${method} /public/${token}`, host)),
      }),
    ),
    ...bodies.map(
      (method): Attempt => ({
        name: `a body of ${method}`,
        steps: inside(
          ground,
          (token) => request(`${method} /public/x`, host, `Content-Length: ${token.length}`) + token,
        ),
      }),
    ),
    {
      name: "a method that another header names",
      steps: inside(ground, (token) =>
        request(`POST /public/${token}`, host, "X-HTTP-Method-Override: GET", "Content-Length: 0"),
      ),
    },
    {
      name: "a tunnel to another host",
      steps: inside(ground, (token) => request(`CONNECT evil.test:443`, "Host: evil.test:443", `X-Token: ${token}`)),
    },
    {
      name: "a tunnel to the allowed host",
      steps: inside(ground, (token) => request(`CONNECT good.test:${ground.https}`, host, `X-Token: ${token}`)),
    },
    {
      name: "OPTIONS of the server itself",
      steps: inside(ground, (token) => request("OPTIONS *", host, `X-Token: ${token}`)),
    },
  ];
}

const escapes: readonly string[] = [
  "/private",
  "/public/../private",
  "/public/%2e%2e/private",
  "/public/%2E./private",
  "/public/%252e%252e/private",
  "/public/%25252e%25252e/private",
  "/public/..%2fprivate",
  "/public%2f..%2fprivate",
  "/public/..%5cprivate",
  "/public\\..\\private",
  "/public/..\\private",
  "/public/..;/private",
  "/public/..;x=1/private",
  "/public/.;/..;/private",
  "/public/%c0%ae%c0%ae/private",
  "/public/%u002e%u002e/private",
  "/public/%00/../../private",
  "/public/.%00./private",
  "/public//../../private",
  "//private",
  "/./private",
  "/%70rivate",
  "/%2570rivate",
  "/x/../private",
  "/private;/public/",
  "/private?/public/",
  "/private%3f/public/",
  "/private#/public/",
  "/PRIVATE/../private",
  "/public/%ef%bc%8e%ef%bc%8e/../../private",
];

/** Whatever is below /private, and whatever only looks as if it were below /public. */
function paths(ground: Ground): Attempt[] {
  return (["public", "closed"] as const).flatMap((under) =>
    escapes.map(
      (path): Attempt => ({
        name: `the path ${path}`,
        under,
        steps: inside(ground, (token) => request(`GET ${path}/${token}`, `Host: good.test:${ground.https}`)),
      }),
    ),
  );
}

function http2Fronting(ground: Ground): Attempt[] {
  const authority = `good.test:${ground.https}`;
  const listed = (token: string, changed: Record<string, string> = {}): [string, string][] =>
    Object.entries({
      ...{ ":method": "GET", ":scheme": "https", ":authority": authority, ":path": `/public/${token}` },
      ...changed,
    });
  const fields = (token: string, changed: Record<string, string> = {}, more: [string, string][] = []) =>
    http2Requests([...listed(token, changed), ...more]);
  const requests: Record<string, (token: string) => Buffer> = {
    "another :authority": (token) => fields(token, { ":authority": "evil.test" }),
    "another Host beside :authority": (token) => fields(token, {}, [["host", "evil.test"]]),
    "another :scheme": (token) => fields(token, { ":scheme": "http" }),
    "another path": (token) => fields(token, { ":path": `/private/${token}` }),
    "dots in its path": (token) => fields(token, { ":path": `/public/../private/${token}` }),
    "a whole URL as its path": (token) => fields(token, { ":path": `https://evil.test/public/${token}` }),
    "another method": (token) => fields(token, { ":method": "POST" }),
    "a tunnel": (token) =>
      http2Requests([
        [":method", "CONNECT"],
        [":authority", "evil.test:443"],
        ["x-token", token],
      ]),
    "a line break in its path": (token) =>
      fields(token, { ":path": `/public/x HTTP/1.1\r\nHost: evil.test\r\nX-Token: ${token}` }),
    "a line break in a header": (token) => fields("x", {}, [["x-a", `b\r\nX-Token: ${token}`]]),
    "a second request for another :authority": (token) =>
      http2Requests(listed("x"), listed(token, { ":authority": "evil.test" })),
    "a second request for another path": (token) =>
      http2Requests(listed("x"), listed("x", { ":path": `/private/${token}` })),
    "a WebSocket on another path": (token) =>
      fields("x", { ":method": "CONNECT", ":path": `/private/${token}` }, [[":protocol", "websocket"]]),
    "a second :path": (token) => fields("x", {}, [[":path", `/private/${token}`]]),
    "a space in its method": (token) => fields("x", { ":method": `GET /private/${token} HTTP/1.1\r\nX: ` }),
  };
  return Object.entries(requests).map(
    ([what, bytes]): Attempt => ({
      name: `HTTP/2 with ${what}`,
      steps: inside(ground, bytes, "h2"),
    }),
  );
}
