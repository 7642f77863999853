import { expect, test } from "vitest";
import { tcpPortsFault } from "./config-tcp-ports.js";

const range = (host: string, first = 20_000, last = 20_099) => ({ host, first, last });
const at = (host: string, port = 20_050) => ({ host, port });
const off = { previewListen: "off", tcpPortsHost: "db.example" } as const;

test("the server's own ports are no sandbox's", () => {
  const fault = { key: "tcpPortsListen" };
  for (const [own, host] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["::", "127.0.0.1"],
    ["127.0.0.1", "0.0.0.0"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["localhost", "127.0.0.1"],
    ["alcove.example.com", "10.0.0.1"],
  ] as const) {
    const tcpPortsListen = range(host);
    expect(tcpPortsFault({ ...off, tcpPortsListen, listen: at(own) })).toMatchObject(fault);
    expect(tcpPortsFault({ ...off, tcpPortsListen, previewListen: at(own) })).toMatchObject(fault);
  }
});

test("where previews are when nothing says where is the server's own too", () => {
  const { previewListen: _, ...unset } = off;
  const around = range("127.0.0.1", 7_000, 8_000);
  expect(tcpPortsFault({ ...unset, tcpPortsListen: around })?.message).toContain("7480");
  expect(tcpPortsFault({ ...off, tcpPortsListen: around })).toBeUndefined();
  expect(tcpPortsFault({ ...unset, tcpPortsListen: range("127.0.0.1") })).toBeUndefined();
});

test("another address or a port beside the range is none of it", () => {
  const tcpPortsListen = range("127.0.0.1");
  expect(tcpPortsFault({ ...off, tcpPortsListen, listen: at("10.0.0.1") })).toBeUndefined();
  expect(tcpPortsFault({ ...off, tcpPortsListen, listen: at("127.0.0.1", 19_999) })).toBeUndefined();
  expect(tcpPortsFault({ ...off, tcpPortsListen, listen: at("127.0.0.1", 20_100) })).toBeUndefined();
  for (const port of [20_000, 20_099])
    expect(tcpPortsFault({ ...off, tcpPortsListen, listen: at("127.0.0.1", port) })).toBeDefined();
});
