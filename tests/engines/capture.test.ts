/** What programs of a real machine send to any network, and the gateway that gets it. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import type { Machine } from "../../packages/server/src/engines/engine.js";
import { collect, textOf } from "../../packages/server/src/engines/suite/subject.js";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { openRealMachines, type RealMachines } from "../harness/machines.js";
import { TestGateway } from "./test-gateway.js";

const signal = AbortSignal.timeout(600_000);
const gateway = new TestGateway();
let machines: RealMachines;
let machine: Machine;
beforeAll(async () => {
  machines = await openRealMachines(signal, { serveHost: () => gateway.serve });
  machine = await machines.start();
  for (const name of ["connections.py", "container.py"]) {
    const content = await readFile(join(import.meta.dirname, "programs", name));
    await machine.guest.files.write(`/root/${name}`, once(content), { createDirs: false }, signal);
  }
}, 180_000);
afterAll(async () => await machines?.[Symbol.asyncDispose]());

test("programs reach any address of both families, and names, and the gateway is told which", async () => {
  const hosts = ["203.0.113.5", "[2001:db8::1]", "example.com"];
  const said = await shell(
    `for host in ${hosts.join(" ")}; do curl -sS -m 20 http://$host/; done; curl -4sS http://example.com/`,
  );
  expect(said).toBe("203.0.113.5:80\n[2001:db8::1]:80\n[fd41:6c63:6f76::7]:80\n198.18.0.7:80\n");
  expect(gateway.questions).toContain("udp example.com");
});

test("datagrams, echoes and unknown protocols fail at once", async () => {
  const refused = ["EPERM", true];
  expect(await connections("refused")).toEqual({
    udp: refused,
    udp6: refused,
    icmp: refused,
    icmp6: refused,
    sctp: refused,
  });
});

test("ends and resets of connections come across, both ways", async () => {
  const before = gateway.counted;
  expect(await connections("ends")).toEqual({
    "program first": "3000000",
    "gateway first": "first",
    reset: "ECONNRESET",
    refused: "ECONNRESET",
    "own port": ["ECONNRESET", "ECONNRESET"],
  });
  await waitFor(() => gateway.counted - before === 3_100_000 || undefined, signal);
  await waitFor(() => gateway.resets.includes(8) || undefined, signal);
  await waitFor(() => gateway.open === 0 || undefined, signal);
});

test("a thousand connections are open at once", async () => {
  gateway.mostOpen = 0;
  expect(await connections("many", "0.5")).toEqual({ right: 1000 });
  expect(gateway.mostOpen).toBe(1000);
  await waitFor(() => gateway.open === 0 || undefined, signal);
});

test("a program that reads nothing holds the gateway back", async () => {
  const before = gateway.counted;
  expect(await connections("slow")).toEqual({ first: "x" });
  expect(gateway.counted - before).toBeLessThan(16 * 1024 * 1024);
});

test("a gateway that reads nothing holds the program back", async () => {
  expect(await connections("unread")).toEqual({ waits: true, "less than 16 MiB": true });
  // The program is gone, but what it sent lies between it and the gateway, which may still read it.
  gateway.crash();
  await waitFor(() => gateway.open === 0 || undefined, signal);
});

test("a container's connections and questions come too, and its datagrams are refused, and what is by its address", async () => {
  const refused = ["203.0.113.0/24", "2001:db8::/32"].map((range) => ({ range, port: 22, action: "Reject" as const }));
  await machine.guest.setAddressRules(refused, signal);
  expect(JSON.parse(await shell("python3 /root/container.py"))).toEqual({
    "203.0.113.9": "203.0.113.9:80\n",
    "2001:db8::9": "[2001:db8::9]:80\n",
    "udp 203.0.113.9": ["ECONNREFUSED", true],
    "udp 2001:db8::9": ["ECONNREFUSED", true],
    "ssh 203.0.113.9": ["ECONNREFUSED", true],
    "ssh 2001:db8::9": ["ECONNREFUSED", true],
    "dns 8.8.8.8": "198.18.0.7",
    "dns 2001:db8::8": "198.18.0.7",
  });
  await machine.guest.setAddressRules([], signal);
});

test("over a connection, and in a datagram that can hold them, long answers come whole", async () => {
  expect(await connections("names")).toEqual({ small: [true, 0], large: [false, 1], tcp: [false, 1] });
  expect(gateway.questions).toContain("tcp long.test");
});

test("what stays inside is not followed, however much it is", async () => {
  expect(await connections("local")).toEqual({ "closed port": "ECONNREFUSED", tracked: 0 });
});

test("a gateway that is gone resets what it carried, and the next one is found by itself", async () => {
  const [seen, sessions] = [connections("asleep"), gateway.sessions];
  await waitFor(() => gateway.open === 1 || undefined, signal);
  gateway.crash();
  expect(await seen).toEqual({ seen: "ECONNRESET", again: "again" });
  expect(gateway.sessions).toBe(sessions + 1);
});

test("after a sleep connections from before are reset at once, and new ones are carried", async () => {
  const spec = { id: randomUUID(), argv: ["python3", "/root/connections.py", "asleep"], environment: {}, stdin: false };
  await machine.guest.execs.start(spec, signal);
  await waitFor(() => gateway.open === 1 || undefined, signal);
  await machines.suspend(machine);
  machine = await machines.goOn(machine, 2);
  const { stdout } = await outcome(machine.guest.execs.attach(spec.id, 0, signal));
  expect(stdout).toBe('connected\n{"seen": "ECONNRESET", "again": "again"}\n');
});

test("programs trust the certificates of a renewal, told of them or not, until one comes without", async () => {
  const authority = await makeAuthority("g");
  gateway.certificate = await issue(authority, "example.com");
  const python = "import urllib.request; print(urllib.request.urlopen('https://example.com/').read().decode(), end='')";
  const path = "PATH=/usr/bin:/bin";
  const all = `curl -sS https://example.com/; env -i ${path} curl -sS https://example.com/; env -i ${path} python3 -c "${python}"`;
  const bundle = "/etc/ssl/certs/ca-certificates.crt";
  const certificates = `grep -c BEGIN ${bundle}`;
  await expect(shell("curl -sS https://example.com/")).rejects.toThrow("certificate");
  const count = Number(await shell(certificates));
  const lives = {
    hostname: "h",
    machineId: machine.id.replaceAll("-", ""),
    environment: { PIP_CERT: "/mine" },
    thaw: true,
  };
  for (const generation of [3, 4]) {
    await machine.guest.renew({ generation, ...lives, certificates: authority.certificate }, signal);
    expect(await shell(all)).toMatch(/^(\S+:443\n){3}$/);
    expect(Number(await shell(certificates))).toBe(count + 1);
    expect(await shell(`grep -c ${bundle} /proc/self/mounts; echo $PIP_CERT $SSL_CERT_FILE`)).toBe(
      "1\n/mine /run/alcove/ca-bundle.pem\n",
    );
  }
  await machine.guest.renew({ generation: 5, ...lives }, signal);
  expect(Number(await shell(certificates))).toBe(count);
  expect(await shell("echo $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS")).toBe("\n");
});

async function connections(what: string, ...rest: string[]): Promise<unknown> {
  const said = await shell(`python3 /root/connections.py ${[what, ...rest].join(" ")}`);
  return JSON.parse(said.slice(said.indexOf("{")));
}

async function shell(script: string): Promise<string> {
  const spec = { id: randomUUID(), argv: ["sh", "-c", script], environment: {}, stdin: false };
  const { stdout, stderr } = await outcome(machine.guest.execs.run(spec, signal));
  if (stderr !== "") throw new Error(`${script}: ${stderr}`);
  return stdout;
}

async function outcome(frames: Parameters<typeof collect>[0]) {
  const collected = await collect(frames);
  return { stdout: textOf(collected.frames, "stdout"), stderr: textOf(collected.frames, "stderr") };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
