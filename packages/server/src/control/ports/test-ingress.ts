/** For tests: an ingress gateway without a process, that knows what it was told. */
import type { IngressGateway, IngressHooks, PreviewRoute, TcpRange } from "../../ingress/ingress.js";

export class TestIngress implements IngressGateway {
  readonly known = { scheme: "http", domain: "localhost", port: 7_480 } as const;
  signsIn = true;
  readonly tcp: TcpRange | undefined = undefined;
  readonly routes = new Map<string, PreviewRoute>();
  hooks: IngressHooks | undefined;

  async address() {
    return this.known;
  }

  async deafTo(_sandboxId: string): Promise<number[]> {
    return [];
  }

  apply(sandboxId: string, route: PreviewRoute): void {
    this.routes.set(sandboxId, route);
  }

  remove(sandboxId: string): void {
    this.routes.delete(sandboxId);
  }

  serve(hooks: IngressHooks): void {
    this.hooks = hooks;
  }

  async close(): Promise<void> {}
}
