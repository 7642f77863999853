/** For tests: a proxy that speaks CONNECT or SOCKS 5, and connects to loopback whatever name it is told. */
import { connect, type Socket } from "node:net";
import { takeBytes } from "./taken-bytes.js";

export interface TestProxy {
  /** What it was asked for, as `HOST:PORT`, and the credentials beside. */
  readonly asked: string[];
  readonly serve: (socket: Socket) => void;
}

export function httpProxy(credentials?: string): TestProxy {
  const asked: string[] = [];
  const serve = async (socket: Socket) => {
    const head = String(await takeBytes(socket, endOf, 16_384));
    const [, authority = ""] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const [, given = ""] = /^Proxy-Authorization: Basic (\S+)\r$/m.exec(head) ?? [];
    asked.push(authority);
    if (credentials !== undefined && Buffer.from(given, "base64").toString() !== credentials) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    join(socket, Number(authority.split(":").at(-1)), "HTTP/1.1 200 Connection established\r\nX-Of: proxy\r\n\r\n");
  };
  return { asked, serve: (socket) => void serve(socket).catch(() => socket.destroy()) };
}

export function socksProxy(credentials?: string): TestProxy {
  const asked: string[] = [];
  const serve = async (socket: Socket) => {
    const method = (await takeBytes(socket, () => 3, 3))[2];
    socket.write(Buffer.from([5, method ?? 255]));
    if (method === 2) {
      const [, userLength = 0] = await takeBytes(socket, () => 2, 2);
      const user = String(await takeBytes(socket, () => userLength, 255));
      const [secretLength = 0] = await takeBytes(socket, () => 1, 1);
      const secret = String(await takeBytes(socket, () => secretLength, 255));
      const isGood = `${user}:${secret}` === credentials;
      socket.write(Buffer.from([1, isGood ? 0 : 1]));
      if (!isGood) return;
    }
    const { host, port } = await socksTarget(socket);
    asked.push(`${host}:${port}`);
    join(socket, port, Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
  };
  return { asked, serve: (socket) => void serve(socket).catch(() => socket.destroy()) };
}

async function socksTarget(socket: Socket): Promise<{ readonly host: string; readonly port: number }> {
  const kind = (await takeBytes(socket, () => 4, 4))[3];
  const [length = 0] = kind === 3 ? await takeBytes(socket, () => 1, 1) : [kind === 1 ? 4 : 16];
  const bytes = await takeBytes(socket, () => length, 255);
  const port = await takeBytes(socket, () => 2, 2);
  return { host: kind === 3 ? String(bytes) : [...bytes].join("."), port: port.readUInt16BE(0) };
}

function endOf(bytes: Buffer): number | undefined {
  const at = bytes.indexOf("\r\n\r\n");
  return at < 0 ? undefined : at + 4;
}

function join(program: Socket, port: number, answer: string | Buffer): void {
  const server = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  server.once("connect", () => {
    program.write(answer);
    program.pipe(server).pipe(program);
  });
  server.on("error", () => program.destroy());
  program.on("error", () => server.destroy()).on("close", () => server.destroy());
}
