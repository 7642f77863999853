/** What is asked of the daemon, and its answers. */
import type { Socket } from "node:net";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { Fault, FromIngress, SignInBegun, ToIngress } from "../messages.js";
import { SignInFailed } from "./sign-in-troubles.js";

/** Nothing came of it, for a reason that who comes is told. */
export class Unreachable extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

type Answer<K> = Extract<ToIngress, { kind: K }>;
type Asked<T> = ReturnType<typeof withResolvers<T>>;

export class Daemon {
  readonly #send: (message: FromIngress) => void;
  readonly #reaching = new Map<number, Asked<Socket>>();
  readonly #deciding = new Map<number, Asked<boolean>>();
  readonly #signingIn = new Map<number, Asked<string>>();
  #lastRequest = 0;

  constructor(send: (message: FromIngress) => void) {
    this.#send = send;
  }

  /** A line to the sandbox. Rejects with Unreachable. */
  reach(sandboxId: string, port: number): Promise<Socket> {
    return this.#ask(this.#reaching, (request) => ({ kind: "reach", request, sandboxId, port }));
  }

  mayCome(sandboxId: string, key: string): Promise<boolean> {
    return this.#ask(this.#deciding, (request) => ({ kind: "mayCome", request, sandboxId, key }));
  }

  /** Where the browser goes next. Rejects with SignInFailed, as the next does. */
  beginSignIn(begun: SignInBegun): Promise<string> {
    return this.#ask(this.#signingIn, (request) => ({ kind: "beginSignIn", request, ...begun }));
  }

  finishSignIn(query: string): Promise<string> {
    return this.#ask(this.#signingIn, (request) => ({ kind: "finishSignIn", request, query }));
  }

  setBusy(sandboxId: string, isBusy: boolean): void {
    this.#send({ kind: "busy", sandboxId, isBusy });
  }

  reached({ request, fault }: Answer<"reached">, socket: Socket | undefined): void {
    const asked = this.#reaching.get(request);
    this.#reaching.delete(request);
    if (fault !== undefined) asked?.reject(new Unreachable(fault));
    else if (socket === undefined) asked?.reject(new Error("the line did not arrive"));
    else if (asked === undefined) socket.destroy();
    else asked.resolve(socket);
  }

  decided({ request, mayCome }: Answer<"decided">): void {
    this.#deciding.get(request)?.resolve(mayCome);
    this.#deciding.delete(request);
  }

  signIn({ request, location, failure = "failed" }: Answer<"signIn">): void {
    const asked = this.#signingIn.get(request);
    this.#signingIn.delete(request);
    if (location === undefined) asked?.reject(new SignInFailed(failure));
    else asked?.resolve(location);
  }

  #ask<T>(asked: Map<number, Asked<T>>, message: (request: number) => FromIngress): Promise<T> {
    const request = ++this.#lastRequest;
    const answer = withResolvers<T>();
    asked.set(request, answer);
    this.#send(message(request));
    return answer.promise;
  }
}
