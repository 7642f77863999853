/** A request inside another, where two readers could differ in where the first ends. */
import { type Attempt, type Ground, request, type Step, send, tls } from "./attempt.js";
import { upgradeSettings } from "./http2-bytes.js";

export function smugglingAttempts(ground: Ground): Attempt[] {
  const host = `Host: good.test:${ground.https}`;
  const hidden = (token: string) => request(`GET /private/${token}`, host);
  const chunked = "Transfer-Encoding: chunked";
  const hidings: Record<string, (token: string) => string> = {
    "Content-Length before Transfer-Encoding": (token) =>
      `${request("GET /public/x", host, `Content-Length: ${5 + hidden(token).length}`, chunked)}0\r\n\r\n${hidden(token)}`,
    "Transfer-Encoding before Content-Length": (token) =>
      request("GET /public/x", host, chunked, "Content-Length: 4") + chunk(hidden(token)),
    "two Content-Lengths": (token) =>
      request("GET /public/x", host, "Content-Length: 0", `Content-Length: ${hidden(token).length}`) + hidden(token),
    "a list of Content-Lengths": (token) =>
      request("GET /public/x", host, `Content-Length: 0, ${hidden(token).length}`) + hidden(token),
    "a signed Content-Length": (token) => request("GET /public/x", host, "Content-Length: +0") + hidden(token),
    "two Transfer-Encodings": (token) =>
      `${request("GET /public/x", host, chunked, "Transfer-Encoding: identity")}0\r\n\r\n${hidden(token)}`,
    "an odd Transfer-Encoding": (token) =>
      `${request("GET /public/x", host, "Transfer-Encoding: xchunked")}0\r\n\r\n${hidden(token)}`,
    "a Transfer-Encoding with a vertical tab": (token) =>
      `${request("GET /public/x", host, "Transfer-Encoding:\x0bchunked")}0\r\n\r\n${hidden(token)}`,
    "a space before the colon": (token) =>
      request("GET /public/x", host, `Content-Length : ${hidden(token).length}`) + hidden(token),
    "a folded header": (token) => request("GET /public/x", host, `X-Long: a\r\n ${token}`),
    "a folded Transfer-Encoding": (token) =>
      `${request("GET /public/x", host, "Transfer-Encoding:\r\n chunked")}0\r\n\r\n${hidden(token)}`,
    "a bare line feed": (token) => `GET /public/x HTTP/1.1\n${host}\n\n${hidden(token)}`,
    "a bare carriage return": (token) => request("GET /public/x", `${host}\rX-Token: ${token}`),
    "a line feed in a header": (token) => request("GET /public/x", `X-A: b\nX-Token: ${token}`, host),
    "a NUL in a header": (token) => request("GET /public/x", host, `X-A: \0${token}`),
    "a chunk's extension with a line feed": (token) =>
      `${request("GET /public/x", host, chunked)}1;a\n${token}\r\nx\r\n0\r\n\r\n`,
    "a chunk's length that overflows": (token) =>
      `${request("GET /public/x", host, chunked)}ffffffffffffffff1\r\n${hidden(token)}`,
    "a chunk's length after 0x": (token) => `${request("GET /public/x", host, chunked)}0x1\r\n${token}\r\n0\r\n\r\n`,
    "a second request behind the first": (token) => request("GET /public/x", host) + hidden(token),
    "another behind it, by another method": (token) =>
      request("GET /public/x", host, "Content-Length: 0") + request(`POST /public/${token}`, host, "Content-Length: 0"),
    "a second request for another Host": (token) =>
      request("GET /public/x", host) + request(`GET /public/${token}`, "Host: evil.test"),
    "a space in the path": (token) => request(`GET /public/x /private/${token}`, host),
    "an old version without headers": (token) => `GET /private/${token}\r\n\r\n`,
    "another version": (token) => `GET /public/${token} HTTP/3.7\r\n${host}\r\n\r\n`,
    "a tab in the first line": (token) => `GET\t/private/${token}\tHTTP/1.1\r\n${host}\r\n\r\n`,
    "empty lines first": (token) => `\r\n\r\n${hidden(token)}`,
  };
  const upgrades: Record<string, (token: string) => string> = {
    "an upgrade to h2c": (token) =>
      request(
        `GET /private/${token}`,
        host,
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        `HTTP2-Settings: ${upgradeSettings}`,
      ),
    "bytes behind an upgrade to h2c": (token) =>
      request("GET /public/x", host, "Connection: Upgrade", "Upgrade: h2c") + hidden(token),
    "bytes behind an upgrade to an unknown protocol": (token) =>
      request("GET /public/x", host, "Connection: Upgrade", "Upgrade: anything") + token,
    "bytes behind a WebSocket that the server refuses": (token) =>
      request("GET /public/x", host, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13") +
      hidden(token),
    "a WebSocket on another path": (token) => request(`GET /private/${token}`, host, ...webSocket),
    "a WebSocket by another method": (token) => request(`POST /public/${token}`, host, ...webSocket),
    "a WebSocket of another Host": (token) => request(`GET /public/${token}`, "Host: evil.test", ...webSocket),
  };
  const inside =
    (bytes: (token: string) => string) =>
    (token: string): Step[] => [
      { connect: { host: "good.test", port: ground.https } },
      tls("good.test", "http/1.1"),
      send(bytes(token)),
    ];
  return [...Object.entries(hidings), ...Object.entries(upgrades)].map(
    ([what, bytes]): Attempt => ({ name: `a request with ${what}`, steps: inside(bytes) }),
  );
}

const webSocket = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}
