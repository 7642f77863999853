/** Previews for a browser: the API and the gateway's process are real, sandboxes are the fake engine's, and their programs are servers of the test's. */
import { createServer, type RequestListener } from "node:http";
import type { Sandbox } from "@alcove/contract";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { createFakeEngine } from "../../packages/server/src/engines/fake/engine.js";
import { FakeHost } from "../../packages/server/src/engines/fake/host.js";
import { ask, type Served, serve } from "../../packages/server/src/http/serve-for-tests.js";
import type { IngressGateway } from "../../packages/server/src/ingress/ingress.js";
import { startIngress } from "../../packages/server/src/ingress/ingress-test-kit.js";

export const sandboxes = "/v1/groups/default/sandboxes";

export interface Preview {
  readonly url: string;
  readonly pathUrl: string;
  link(expiresInSeconds?: number): Promise<string>;
}

export class PreviewHost implements AsyncDisposable {
  /** Where the API is, for those with a key. */
  readonly api: string;
  readonly #host: FakeHost;
  readonly #ingress: IngressGateway;
  readonly #served: Served;

  private constructor(api: string, parts: { host: FakeHost; ingress: IngressGateway; served: Served }) {
    this.api = api;
    this.#host = parts.host;
    this.#ingress = parts.ingress;
    this.#served = parts.served;
  }

  static async start(domain: string, isTls = false): Promise<PreviewHost> {
    const host = new FakeHost();
    const tls = isTls ? await issue(await makeAuthority("previews"), `*.${domain}`) : undefined;
    const ingress = startIngress({ domain, tls });
    const served = await serve(undefined, undefined, { ingress, engine: createFakeEngine({ host }) });
    return new PreviewHost(`http://127.0.0.1:${await served.openTcp()}`, { host, ingress, served });
  }

  /** Of a new sandbox. */
  async preview(
    port: { readonly port: number; readonly [field: string]: unknown },
    program: RequestListener,
  ): Promise<Preview> {
    const body = { sourcesRef: { diskImage: { name: "debian" } }, ports: [port] };
    const { id, ports } = (await this.#post(sandboxes, body)) as unknown as Sandbox;
    const server = createServer(program);
    this.#host.machines.get(id)?.listeners.set(port.port, (connection) => void server.emit("connection", connection));
    const { url = "", pathUrl = "" } = ports?.[0] ?? {};
    const link = async (expiresInSeconds = 600) =>
      String((await this.#post(`${sandboxes}/${id}/ports/link`, { port: port.port, expiresInSeconds })).url);
    return { url, pathUrl, link };
  }

  /** How many sandboxes there are. */
  async count(): Promise<number> {
    return Number((await ask(this.#served.socketPath, `${sandboxes}/count`)).json.count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#served[Symbol.asyncDispose]();
    await this.#ingress.close();
  }

  async #post(path: string, body: object): Promise<Record<string, unknown>> {
    return (await ask(this.#served.socketPath, path, { method: "POST", body })).json;
  }
}
