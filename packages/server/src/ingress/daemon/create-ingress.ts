/** The daemon's side of the ingress gateway: routes that it holds for the process, and what the process asks of it. */
import type { Socket } from "node:net";
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import { untilAborted } from "../../lib/until-aborted.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import { KeptWorker, type WorkerProcess } from "../../worker-process/kept-worker.js";
import type { LifeFromWorker } from "../../worker-process/life-messages.js";
import type { IngressGateway, IngressHooks, PreviewAddress, PreviewRoute, TcpRange } from "../ingress.js";
import { type Fault, FromIngress, type ToIngress } from "../messages.js";
import { callbackUrl } from "../sign-in-address.js";
import type { IdentityProvider } from "./identity-provider.js";
import { type NextStep, SignIns } from "./sign-ins.js";

import { TcpTried } from "./tcp-tried.js";

export interface IngressOptions {
  readonly startWorker: () => WorkerProcess<ToIngress>;
  /** For ports that speak TCP. */
  readonly tcp?: TcpRange | undefined;
  /** For previews. */
  readonly listen?:
    | {
        readonly host: string;
        readonly port: number;
        /** Where another program has the port, any other does. */
        readonly mayMove: boolean;
        readonly domain: string;
        readonly trustedProxies: readonly string[];
        readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
        /** As clients see it, where a proxy stands in front. */
        readonly published?: PreviewAddress | undefined;
      }
    | undefined;
  /** With whom people sign in; left out: nobody does. */
  readonly signIn?: IdentityProvider;
  readonly logger: Pick<Logger, "error" | "warn" | "info">;
}

const listenMs = 30_000;

export function createIngress(options: IngressOptions): IngressGateway {
  return new Ingress(options);
}

type Listen = NonNullable<IngressOptions["listen"]>;
type About = Exclude<FromIngress, LifeFromWorker>;
type Message<K extends FromIngress["kind"]> = Extract<FromIngress, { kind: K }>;

class Ingress implements IngressGateway {
  readonly #options: IngressOptions;
  readonly #process: KeptWorker<ToIngress, FromIngress>;
  readonly #routes = new Map<string, PreviewRoute>();
  readonly #leave = new Map<string, () => void>();
  readonly #listening = withResolvers<void>();
  readonly #signIns: SignIns | undefined;
  readonly #tried = new TcpTried();
  #hooks: IngressHooks | undefined;
  /** Of the process: each numbers its requests from 1. */
  #generation = 0;
  /** The one it got first is asked for again. */
  #port: number | undefined;
  known: PreviewAddress | undefined;

  constructor(options: IngressOptions) {
    this.#options = options;
    const { signIn: provider, logger } = options;
    const routeOf = (sandboxId: string) => this.#routes.get(sandboxId);
    this.#signIns = provider && new SignIns({ provider, routeOf, logger });
    this.#process = new KeptWorker({
      name: "The ingress gateway",
      loss: "connections to previews are cut",
      start: options.startWorker,
      messages: FromIngress,
      logger: options.logger,
      hooks: {
        onReady: () => this.#onReady(),
        onMessage: (message: About) => this.#take(message),
        onGone: () => this.#onGone(),
      },
    });
  }

  get signsIn(): boolean {
    return this.#signIns !== undefined;
  }

  serve(hooks: IngressHooks): void {
    this.#hooks = hooks;
  }

  get tcp(): TcpRange | undefined {
    return this.#options.tcp;
  }

  deafTo(sandboxId: string): Promise<number[]> {
    return this.#tried.deaf(sandboxId, () => this.#routes.get(sandboxId)?.tcp ?? []);
  }

  async address(): Promise<PreviewAddress | undefined> {
    if (this.#options.listen === undefined) return undefined;
    this.#process.begin();
    await untilAborted(this.#listening.promise, AbortSignal.timeout(listenMs)).catch(() => {});
    return this.known;
  }

  apply(sandboxId: string, route: PreviewRoute): void {
    this.#routes.set(sandboxId, route);
    this.#tried.keepOnly(sandboxId, route.tcp ?? []);
    this.#process.begin();
    this.#process.send(this.#applied(sandboxId, route));
  }

  remove(sandboxId: string): void {
    this.#tried.keepOnly(sandboxId, []);
    if (this.#routes.delete(sandboxId)) this.#process.send({ kind: "remove", sandboxId });
  }

  async close(): Promise<void> {
    await this.#process.close();
    this.#onGone();
  }

  #onReady(): void {
    const { listen } = this.#options;
    // First: no sandbox's listener has the port of previews then.
    if (listen !== undefined) this.#listen(listen, this.#port ?? listen.port);
    for (const [sandboxId, route] of this.#routes) this.#process.send(this.#applied(sandboxId, route));
  }

  #listen({ host, domain, trustedProxies, tls }: Listen, port: number): void {
    this.#process.send({
      kind: "listen",
      host,
      port,
      domain,
      trustedProxies: [...trustedProxies],
      ...{ realm: this.#options.signIn?.realm },
      ...(tls && { tls }),
    });
  }

  #applied(sandboxId: string, { ports, linkKey, tcp = [] }: PreviewRoute): ToIngress {
    const host = this.#options.tcp?.listenHost;
    const listeners = host === undefined ? [] : tcp.map((one) => ({ ...one, host }));
    return { kind: "apply", sandboxId, route: { ports: [...ports], linkKey }, listeners };
  }

  #onGone(): void {
    this.#generation++;
    for (const leave of this.#leave.values()) leave();
    this.#leave.clear();
    this.#tried.forget();
  }

  #take(message: About): void {
    if (message.kind === "listening") this.#onListening(message.port);
    else if (message.kind === "deaf") this.#onDeaf(message);
    else if (message.kind === "reach") void this.#reach(message);
    else if (message.kind === "mayCome") void this.#decide(message);
    else if (message.kind === "beginSignIn" || message.kind === "finishSignIn") void this.#signIn(message);
    else if (message.kind === "tried") this.#setTried(message);
    else this.#setBusy(message);
  }

  #onListening(port: number): void {
    const { listen, logger } = this.#options;
    if (listen === undefined) return;
    this.#port = port;
    this.known = listen.published ?? { scheme: listen.tls ? "https" : "http", domain: listen.domain, port };
    this.#listening.resolve();
    const callback = this.signsIn && { callback: callbackUrl(this.known) };
    logger.info({ ...this.known, listensOn: `${listen.host}:${port}`, ...callback }, "Previews are served");
  }

  #onDeaf({ reason, isTaken }: Message<"deaf">): void {
    const { listen, logger } = this.#options;
    if (listen === undefined) return;
    if (isTaken && listen.mayMove && this.#port === undefined) {
      this.#listen(listen, 0);
      return;
    }
    logger.error(
      { reason, host: listen.host, port: listen.port },
      "Previews cannot be served; choose another address with previewListen",
    );
    this.#listening.resolve();
  }

  #setTried({ kind: _, ...tried }: Message<"tried">): void {
    const { sandboxId, hostPort, reason } = tried;
    if (reason !== undefined)
      this.#options.logger.warn({ sandbox: sandboxId, hostPort, reason }, "A port that speaks TCP has no listener");
    this.#tried.take(tried);
  }

  async #reach({ request, sandboxId, port }: Message<"reach">): Promise<void> {
    const generation = this.#generation;
    try {
      if (this.#hooks === undefined) throw new AlcoveError("DaemonStopping");
      const line = await this.#hooks.reach(sandboxId, port);
      line.on("error", () => {});
      this.#answer(generation, { kind: "reached", request }, line);
    } catch (error) {
      this.#answer(generation, { kind: "reached", request, fault: faultOf(error, this.#options.logger) });
    }
  }

  async #decide({ request, sandboxId, key }: Message<"mayCome">): Promise<void> {
    const generation = this.#generation;
    const mayCome = (await this.#hooks?.mayCome(sandboxId, key).catch(() => false)) ?? false;
    this.#answer(generation, { kind: "decided", request, mayCome });
  }

  async #signIn({ request, ...asked }: Message<"beginSignIn" | "finishSignIn">): Promise<void> {
    const generation = this.#generation;
    const step = await this.#stepOf(asked).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, "Somebody could not sign in to a preview");
      return { failure: "failed" as const };
    });
    this.#answer(generation, { kind: "signIn", request, ...step });
  }

  async #stepOf(
    asked: Omit<Message<"beginSignIn">, "request"> | Omit<Message<"finishSignIn">, "request">,
  ): Promise<NextStep> {
    if (this.#signIns === undefined || this.known === undefined) return { failure: "unavailable" };
    return asked.kind === "beginSignIn"
      ? await this.#signIns.begin(asked, this.known)
      : await this.#signIns.finish(asked.query, this.known);
  }

  /** To the process that asked, and to none after it. */
  #answer(generation: number, answer: ToIngress, line?: Socket): void {
    if (generation === this.#generation) this.#process.send(answer, line);
    else line?.destroy();
  }

  #setBusy({ sandboxId, isBusy }: Message<"busy">): void {
    this.#leave.get(sandboxId)?.();
    this.#leave.delete(sandboxId);
    if (isBusy && this.#hooks !== undefined) this.#leave.set(sandboxId, this.#hooks.begin(sandboxId));
  }
}

/** What is no error for others is told as one without its cause. */
function faultOf(error: unknown, logger: Pick<Logger, "error">): Fault {
  if (!(error instanceof AlcoveError)) logger.error({ err: error }, "A sandbox could not be reached for a preview");
  const known = error instanceof AlcoveError ? error : new AlcoveError("InternalError");
  const { status, code, message, hint } = known;
  return { status, code, message: message.slice(0, 1_000), hint: hint.slice(0, 1_000) };
}
