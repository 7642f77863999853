/** TLS 1.2 that is begun anew in the middle, by a program and by a server: refused, since what was checked was checked once. */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { issue } from "../certificates/authority.js";
import { secure, trustOf } from "../flow/dial-tls.js";
import { groupAuthority, serverAuthority, startGate } from "./flow-test-kit.js";

const signal = () => AbortSignal.timeout(20_000);

test("a program that begins anew has its connection ended, and others are served", async () => {
  await using gate = await startGate({ scheme: "https", policy: { defaultAction: "Deny" } });
  const options = { port: gate.port, servername: "example.com", ca: groupAuthority.certificate } as const;
  const opened = async () => {
    const socket = tls.connect({ ...options, maxVersion: "TLSv1.2" }).on("error", () => {});
    await once(socket, "secureConnect", { signal: signal() });
    return socket;
  };
  const [hostile, other] = [await opened(), await opened()];
  const refused = new Promise<unknown>((resolve) => {
    hostile.once("error", resolve);
    hostile.renegotiate({}, (error) => resolve(error));
  });
  expect(await refused).toBeInstanceOf(Error);
  other.write("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
  expect(String((await once(other, "data", { signal: signal() }))[0])).toContain("403 Forbidden");
  for (const socket of [hostile, other]) socket.destroy();
});

test("a server that begins anew is not followed: its certificate stays the one that was checked", async () => {
  const { certificate: cert, key } = await issue(serverAuthority, "example.com");
  let handshakes = 0;
  const server = tls.createServer({ cert, key, maxVersion: "TLSv1.2" }, (socket) => {
    socket
      .on("error", () => {})
      .on("data", () => {
        socket.renegotiate({ requestCert: false } as tls.TLSSocketOptions, () => {});
        socket.write("after");
      });
    socket.on("secure", () => handshakes++);
  });
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const plain = net.connect(port, "127.0.0.1");
  const trust = trustOf(serverAuthority.certificate);
  const socket = await secure(plain, { host: "example.com", protocols: ["http/1.1"], trust }, signal());
  let got = "";
  const over = new Promise((resolve) => socket.on("data", (chunk) => (got += chunk)).on("close", resolve));
  socket.write("x");
  await Promise.race([over, expect.poll(() => got, { timeout: 20_000 }).toBe("after")]);
  // Where it was followed the handshake is answered in the same breath.
  await new Promise(setImmediate);
  expect(handshakes).toBe(0);
  socket.destroy();
});
