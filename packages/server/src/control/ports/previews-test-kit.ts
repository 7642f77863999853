/** For tests: previews from end to end, with control over the fake engine, the gateway's real process, real sockets, and real servers as the programs. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddPort, Sandbox } from "@alcove/contract";
import type { IngressGateway } from "../../ingress/ingress.js";
import { startIngress } from "../../ingress/ingress-test-kit.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

export interface TestSandbox extends Sandbox {
  /** Of its first port. */
  readonly url: string;
  readonly ref: { readonly group: string; readonly id: string };
}

export interface TestPreviews extends AsyncDisposable {
  readonly daemon: TestDaemon;
  sandboxWith(...ports: AddPort[]): Promise<TestSandbox>;
  /** A server in the sandbox, which has the port at once. */
  serve(sandboxId: string, port: number, server: RequestListener | Server): void;
}

export async function startPreviews(ingress: IngressGateway = startIngress()): Promise<TestPreviews> {
  const host = new TestHost();
  const daemon = await host.daemon({ options: { ingress } });
  return {
    daemon,
    async sandboxWith(...ports) {
      const sandbox = await daemon.control.sandboxes.create(group, { ...debian, ports }, never);
      return { ...sandbox, url: sandbox.ports?.[0]?.url ?? "", ref: { group, id: sandbox.id } };
    },
    serve(sandboxId, port, program) {
      const server = typeof program === "function" ? createServer(program) : program;
      const take = (connection: unknown) => void server.emit("connection", connection);
      host.fake.machines.get(sandboxId)?.listeners.set(port, take);
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await ingress.close();
    },
  };
}
