/** Ports of the host that other programs have: a gateway without a process says which. */
import type { AddPort } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";
import { TestIngress } from "./test-ingress.js";

/** Of the ports of the host that it is told to listen on, the first so many are other programs'. */
class DeafIngress extends TestIngress {
  override readonly tcp = { listenHost: "127.0.0.1", host: "db.example", first: 20_000, last: 20_999 };
  readonly #taken: number;
  readonly #deaf = new Set<number>();

  constructor(taken: number) {
    super();
    this.#taken = taken;
  }

  override async deafTo(sandboxId: string): Promise<number[]> {
    const told = (this.routes.get(sandboxId)?.tcp ?? []).map(({ hostPort }) => hostPort);
    for (const hostPort of told) if (this.#deaf.size < this.#taken) this.#deaf.add(hostPort);
    return told.filter((hostPort) => this.#deaf.has(hostPort));
  }
}

const tcpPort: AddPort = { port: 5432, protocol: "Tcp", auth: { anonymous: true } };

async function sandboxBehind(host: TestHost, ingress: TestIngress, ports: AddPort[] = []) {
  const { control } = await host.daemon({ options: { ingress } });
  const { id } = await control.sandboxes.create(group, { ...debian, ports }, never);
  return { control, ref: { group, id } };
}

test("where other programs have all ports that are tried, it is told, and none of theirs is named", async () => {
  await using host = new TestHost();
  const ingress = new DeafIngress(Number.POSITIVE_INFINITY);
  const { control, ref } = await sandboxBehind(host, ingress);
  await expect(control.ports.add(ref, tcpPort)).rejects.toMatchObject({ code: "TcpPortsUsedUp" });
  expect(await control.ports.list(ref)).toEqual([]);
  expect(ingress.routes.size).toBe(0);
});

test("a new sandbox has its other ports then", async () => {
  await using host = new TestHost();
  const ingress = new DeafIngress(Number.POSITIVE_INFINITY);
  const { control, ref } = await sandboxBehind(host, ingress, [tcpPort, { port: 3000 }]);
  const sandbox = await control.sandboxes.get(ref);
  expect(sandbox).toMatchObject({ state: "Running", ports: [{ port: 3000 }] });
  expect(ingress.routes.get(ref.id)).toMatchObject({ ports: [{ port: 3000 }], tcp: [] });
});

test("the port that is tried last is taken where it listens", async () => {
  await using host = new TestHost();
  const { control, ref } = await sandboxBehind(host, new DeafIngress(16));
  expect(await control.ports.add(ref, tcpPort)).toMatchObject([{ port: 5432, tcp: { host: "db.example" } }]);
});
