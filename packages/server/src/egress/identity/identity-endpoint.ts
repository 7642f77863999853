/** Where programs of a sandbox ask for tokens of their group: one request a connection, answered by the gateway's process itself. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { EgressDecision } from "@alcove/contract";
import { TokenBucket } from "../../lib/token-bucket.js";
import { identityAddress, identityPort } from "./endpoints.js";
import { answerFailure, answerRefusal, answerToken, type TokenAnswer } from "./token-answer.js";
import { readQuestion } from "./token-question.js";
import { TokenFailure, type TokenSource } from "./token-source.js";

export interface IdentityEndpointOptions {
  readonly tokens: TokenSource;
  /** What programs have to send along; undefined where the group has no identity any more. */
  readonly header: () => string | undefined;
  readonly decided: (decision: EgressDecision) => void;
}

const connectionTimeoutMs = 20_000;
const maximumHeaderBytes = 8_192;
const requestBounds = { capacity: 100, perMinute: 1_200 };
const longestPath = 200;

export class IdentityEndpoint {
  readonly #options: IdentityEndpointOptions;
  readonly #server;
  readonly #requests = new TokenBucket({ ...requestBounds, now: performance.now() });

  constructor(options: IdentityEndpointOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: maximumHeaderBytes }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.maxRequestsPerSocket = 1;
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  serve(program: Duplex): void {
    const timer = setTimeout(() => program.destroy(), connectionTimeoutMs);
    program.once("close", () => clearTimeout(timer));
    program.on("error", () => {});
    this.#server.emit("connection", program);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { answer, reason } = await this.#decide(request);
    const [path = ""] = (request.url ?? "").split("?");
    this.#options.decided({
      timestamp: new Date().toISOString(),
      ...{ protocol: "http", host: identityAddress, port: identityPort, path: path.slice(0, longestPath) },
      ...(request.method !== undefined && { method: request.method }),
      ...{ verdict: answer.status === 200 ? "Allow" : "Deny", isEnforced: true, rule: "identity", reason },
    });
    const body = JSON.stringify(answer.body);
    const length = { "content-length": Buffer.byteLength(body) };
    const always = { "content-type": "application/json", "cache-control": "no-store", connection: "close" };
    response.writeHead(answer.status, { ...always, ...length, ...answer.headers }).end(body);
  }

  async #decide(request: IncomingMessage): Promise<{ readonly answer: TokenAnswer; readonly reason: string }> {
    const { tokens, header } = this.#options;
    const question = readQuestion(request, header() ?? "");
    const { way } = question;
    const refused = (answer: TokenAnswer, sentence: string) => ({ answer, reason: sentence });
    if ("status" in question) return refused(answerRefusal(way, question), question.sentence);
    if (header() === undefined) return refusedFor("unavailable", "the group has no identity");
    if (this.#requests.take(performance.now()) > 0) return refusedFor("busy", "the sandbox asked too often of late");
    const { resource, clientId } = question;
    try {
      const token = await tokens.get(resource);
      if (clientId !== undefined && clientId !== token.clientId) {
        const unknown = { status: 400, error: "invalid_request", sentence: "Identity not found" };
        return refused(answerRefusal(way, unknown), "the group has no other identity than its own");
      }
      return refused(answerToken(way, resource, token), `a token for ${resource} was given`);
    } catch (error) {
      const { fault, message } = asFailure(error);
      return refusedFor(fault, message);
    }

    function refusedFor(fault: TokenFailure["fault"], sentence: string) {
      return refused(answerFailure(way, fault, sentence), sentence);
    }
  }
}

function asFailure(error: unknown): TokenFailure {
  return error instanceof TokenFailure ? error : new TokenFailure("unavailable", "no token can be had now");
}
