/**
 * alcoved: everything is built here, in order, and passed in. The lock on the data directory comes first, so that nothing
 * is touched that another daemon uses; the socket listens before sandboxes are taken up, and calls wait for that.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import { answerOf } from "./command-line.js";
import type { Config } from "./config.js";
import { readConfig } from "./config-reading.js";
import { crashAt, noCrash } from "./control/crash-points.js";
import { createControl } from "./control/create-control.js";
import { Authorities } from "./control/egress/authorities.js";
import { GroupTokens } from "./control/identity/group-tokens.js";
import { Issuer } from "./control/identity/issuer.js";
import { hostFacts, type TcpFacts } from "./control/system/host-facts.js";
import type { EgressGateway } from "./egress/gateway.js";
import { openGateway } from "./egress-gateway.js";
import type { Engine } from "./engines/engine.js";
import { createFakeEngine } from "./engines/fake/engine.js";
import { createMicrovmEngine } from "./engines/microvm/microvm.js";
import type { GuestRelay } from "./guest/relay/relay.js";
import { openRelay } from "./guest-relay.js";
import { freeSpace } from "./host/free-space.js";
import { createHttpServer } from "./http/server.js";
import { createImages, type ImagesOptions } from "./images/images.js";
import { openIngress } from "./ingress-gateway.js";
import { createLogger } from "./logger.js";
import { issuerUrl, networkIdentity, openNetwork } from "./network.js";
import { createOidcVerifier } from "./oidc.js";
import { ownDirectory, socketPath, writeProcessId } from "./runtime-directory.js";
import { readMetricsToken } from "./secret-file.js";
import { openStore } from "./store/store.js";
import { openTracing } from "./tracing.js";

try {
  const asked = await answerOf(process.argv.slice(2), ownVersion());
  if (asked !== undefined) {
    process.stdout.write(asked);
    process.exit(0);
  }
  const { config } = readConfig();
  ownDirectory(config.dataDirectory);
  ownDirectory(config.runtimeDirectory);
  const logger = createLogger(config);
  endOnFault(logger);
  endOnSignal(logger, await startDaemon(config, logger));
} catch (error) {
  process.stderr.write(`alcoved: ${sentences(error)}\n`);
  process.exit(1);
}

/** Answers how to stop it: new calls are refused, work under way is put down, sandboxes go on running. */
async function startDaemon(config: Config, logger: Logger): Promise<() => Promise<void>> {
  const identity = await networkIdentity(config);
  const version = ownVersion();
  const tracing = await openTracing(config, { version, logger });
  const { dataDirectory, secretsKeyFile } = config;
  const store = openStore(dataDirectory, secretsKeyFile === undefined ? {} : { secretsKeyFile });
  let tcp: TcpFacts | undefined;
  const authorities = new Authorities(store);
  const groupTokens = new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: () => issuerUrl(config, tcp) }));
  const gateway = openGateway({ store, authorities, groupTokens, logger });
  const relay = config.engine === "fake" ? undefined : openRelay(config.runtimeDirectory, logger);
  const engine = createEngine(config, logger, { gateway, relay });
  const ingress = await openIngress(config, logger);
  const images = await createImages(imagesOptions(config, engine));
  const running = createControl({
    tcp: () => tcp,
    ...(ingress && { ingress }),
    ...(config.oidc && { verifyToken: createOidcVerifier(config.oidc, logger) }),
    auditKept: config.auditKept,
    decisionFile: decisionFile(config),
    ...{ store, engine, images, gateway, authorities, groupTokens, logger, version, capacity: config },
    workerRestarts: () => ({ gateway: gateway.restarts, ...(relay && { relay: relay.restarts }) }),
    ...(config.metricsTokenFile !== undefined && { metricsToken: readMetricsToken(config.metricsTokenFile) }),
    host: hostFacts(() => freeSpace(config.dataDirectory)),
    freeSpaceMarkBytes: config.freeSpaceMarkBytes,
    imageBuildTimeoutMs: config.imageBuildTimeoutMs,
    usageRetentionDays: config.usageRetentionDays,
    crashPoint: config.crashAt === undefined ? noCrash : crashAt(config.crashAt),
  });
  const server = createHttpServer({ control: running.control, version, logger, ...(tracing && { tracer: tracing }) });
  await server.listen({ socketPath: socketPath(config.runtimeDirectory) }).catch(cannotListen);
  tcp = await openNetwork(server, config, identity);
  const removeProcessId = writeProcessId(config.runtimeDirectory);
  logger.info({ version, engine: engine.name, dataDirectory: config.dataDirectory, tcp }, "alcoved listens");
  for (const sentence of await images.sweep()) logger.info(sentence);
  const started = running.start();
  return async () => {
    const closed = server.close();
    await running.close();
    await Promise.all([closed, started]);
    await engine.close();
    await Promise.all([gateway.close(), ingress?.close(), relay?.close(), tracing?.close()]);
    store.close();
    removeProcessId();
  };
}

function decisionFile({ dataDirectory, egressDecisionFileBytes: fileBytes, egressDecisionFiles: files }: Config) {
  return { directory: join(dataDirectory, "egress"), fileBytes, files };
}

function imagesOptions(config: Config, engine: Engine): ImagesOptions {
  const { catalogueFile, catalogueRegistry, allowedRegistries, insecureRegistries, registryCertificates } = config;
  const { builders } = engine;
  return {
    directory: join(config.dataDirectory, "images"),
    recipesDirectory: config.recipesDirectory,
    spareBytes: config.freeSpaceMarkBytes,
    ...(catalogueFile !== undefined && { catalogueFile }),
    registries: {
      insecure: insecureRegistries,
      ...(catalogueRegistry !== undefined && { defaultRegistry: catalogueRegistry }),
      ...(allowedRegistries.length > 0 && { allowed: allowedRegistries }),
      ...(registryCertificates !== undefined && { certificates: registryCertificates }),
    },
    ...(builders && { openDisk: (diskPath, signal) => builders.open({ id: randomUUID(), diskPath }, signal) }),
  };
}

function cannotListen(cause: unknown): never {
  const hint = "Use the daemon that is there (`alcove status`), or choose another directory with ALCOVE_RUNTIME_DIR.";
  throw new AlcoveError("InternalError", `${(cause as Error).message}.`, { hint, cause });
}

/** The strongest engine there is, unless one is named. */
function createEngine(
  config: Config,
  logger: Logger,
  { gateway, relay }: { readonly gateway: EgressGateway; readonly relay: GuestRelay | undefined },
): Engine {
  const { engine, guestDirectory, dataDirectory, runtimeDirectory, templatesMaximumBytes } = config;
  if (engine === "fake") return createFakeEngine();
  return createMicrovmEngine({
    guestDirectory,
    dataDirectory,
    runtimeDirectory,
    templatesMaximumBytes,
    serveHost: (sandboxId) => gateway.serveHost(sandboxId),
    ...(relay && { relay }),
    packAfterMs: config.compressAfterMs,
    onUpkeep: (sentence) => logger.info(sentence),
    onTimings: (timings) => logger.info({ timings }, "Machine started"),
    onDamagedTemplate: (sentence) => logger.error(sentence),
    onMergeFailed: (sentence) => logger.warn(sentence),
  });
}

function ownVersion(): string {
  return String(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version);
}

/** A fault that nobody handled leaves the process in a state that nobody knows; the next daemon takes up its sandboxes. */
function endOnFault(logger: Logger): void {
  const end = (error: unknown) => {
    logger.fatal({ err: error }, "A fault that nobody handled; the daemon ends");
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

/** The first signal stops politely, the second, or the time, at once. */
const stopDeadlineMs = 15_000;

function endOnSignal(logger: Logger, stop: () => Promise<void>): void {
  let isStopping = false;
  const end = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ signal }, "alcoved stops; sandboxes go on running");
    setTimeout(() => process.exit(1), stopDeadlineMs).unref();
    void stop().then(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

function sentences(error: unknown): string {
  if (error instanceof AlcoveError) return `${error.message} ${error.hint}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
